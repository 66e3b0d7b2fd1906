/**
 * A sample of the rows with unexplained values of one role, as the day goes by: of each feature those rows of the
 * history whose names have the lowest hashes. So each row counts once, however often it was served, and the sample is
 * the same in every run.
 */
import type { Value } from '../../contract/value-type.ts';
import type { ComparedRow } from '../as-served/given-row.ts';
import type { Alterations } from '../causes/altered-row.ts';
import type { Fidelity } from '../causes/fidelity.ts';
import type { RoleKeys } from '../judge/role-keys.ts';
import { textHash } from '../text-hash.ts';

/** A row with unexplained values. */
export interface UnexplainedRow {
  readonly vid: number;
  /** By the features of today's view; undefined: it cannot be compared. */
  readonly served: readonly (Value | undefined)[];
  readonly held: readonly Value[];
}

type Asked = Pick<Alterations, 'alterations'> & { readonly fidelity: Fidelity };

interface Sampled {
  readonly hash: number;
  readonly row: UnexplainedRow;
}

/** Shares of so many rows are known to a few hundredths. */
const MOST_ROWS = 400;

export class UnexplainedRows {
  readonly #keys: RoleKeys;
  /** By feature of today's view, by the name of the row. */
  readonly #samples = new Map<number, Map<string, Sampled>>();
  /** By feature the greatest hash that is still taken. */
  readonly #limits: (number | undefined)[] = [];

  /** @param keys  of the role: other keys of a request tell none of its rows apart */
  constructor(keys: RoleKeys) {
    this.#keys = keys;
  }

  offer({ given, facts }: ComparedRow, { fidelity, alterations }: Asked): void {
    if (fidelity.answer !== 'altered' || !alterations.includes('unexplained')) return;
    const { vid } = given.vector;
    const { eventUs, createdUs } = facts.served;
    // The text is that of a list in JSON.
    const name = `[${JSON.stringify(this.#keys.of(given.vector))},${eventUs},${createdUs}]`;
    const hash = textHash(name);
    let one: Sampled | null = null;
    for (let feature = 0; feature < alterations.length; feature++) {
      if (alterations[feature] !== 'unexplained' || hash > (this.#limits[feature] ?? Infinity)) continue;
      one ??= { hash, row: { vid, served: facts.served.values, held: fidelity.row.values } };
      this.#add(feature, name, one);
    }
  }

  #add(feature: number, name: string, one: Sampled): void {
    let sample = this.#samples.get(feature);
    if (sample === undefined) this.#samples.set(feature, (sample = new Map()));
    if (sample.has(name)) return;
    sample.set(name, one);
    if (sample.size <= 2 * MOST_ROWS) return;
    const kept = lowest(sample);
    this.#samples.set(feature, new Map(kept));
    this.#limits[feature] = kept.at(-1)![1].hash;
  }

  /** @returns the rows by feature, in no order that the values know of */
  rows(): Map<number, UnexplainedRow[]> {
    return new Map(
      [...this.#samples].map(([feature, sample]) => [feature, lowest(sample).map(([, { row }]) => row)]),
    );
  }
}

function lowest(sample: ReadonlyMap<string, Sampled>): [string, Sampled][] {
  return [...sample].toSorted((a, b) => a[1].hash - b[1].hash).slice(0, MOST_ROWS);
}
