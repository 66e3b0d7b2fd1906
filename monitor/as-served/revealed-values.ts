/**
 * The values of rows as they are compared with the history. One that the log holds as an HMAC is looked for among the
 * history's values: those of the rows beside it first, then, where it is none of them, all of its column, once for all
 * groups (masked-rows.ts).
 *
 *   column_revealed_0 ...   digest, v: the HMACs of open rows that are those of a value of the column
 *
 * What is found here is compared and never shown: reports have the HMACs (hashed-values.ts).
 */
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { Feature, FeatureView } from '../../contract/model.ts';
import type { Value } from '../../contract/value-type.ts';
import type { HeldRow } from '../causes/fidelity.ts';
import { UNKNOWN_VALUE } from '../causes/value-equality.ts';
import { sameFeature } from './given-row.ts';
import type { GivenRow } from './given-row.ts';
import { HashedFeature } from '../judge/hashed-values.ts';
import type { ViewReplay } from '../judge/replay.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import { fillDigests } from '../replay/row-digests.ts';

/** A value that is known by its HMAC alone, until it is found. */
export class Sealed {
  readonly digest: Buffer;

  constructor(digest: Buffer) {
    this.digest = digest;
  }
}

export class RevealedValues {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #key: HmacKey | null;
  readonly #replay: ViewReplay;
  readonly #hashed = new Map<number, HashedFeature>();

  /** @param view  in the bundle in force */
  constructor(duck: DuckDb, view: FeatureView, key: HmacKey | null, replay: ViewReplay) {
    this.#duck = duck;
    this.#view = view;
    this.#key = key;
    this.#replay = replay;
  }

  /** Where the HMACs of a feature stand in the open rows. */
  #placeOf(feature: string): number {
    return this.#replay.features.findIndex(({ name }) => name === feature);
  }

  /**
   * @param held  rows of the history that it may be
   * @returns     for each feature of today's view the value of a row that has some, or the HMAC of one that is none of
   *              the held; undefined: it cannot be compared
   */
  valuesOf(row: GivenRow, held: readonly HeldRow[]): readonly (Value | Sealed | undefined)[] {
    if (!row.masked && row.view === this.#view) return row.values!;
    return this.#view.features.map((feature, i) => {
      if (!row.masked) {
        const at = sameFeature(row.view, feature);
        return at === -1 ? undefined : row.values![at];
      }
      const value = this.#valueOf(row, feature);
      if (!Buffer.isBuffer(value?.digest)) return value?.value;
      const near = held.flatMap((one) => one.values[i] ?? null);
      const found = this.#hashesOf(i).revealed(value.digest, near);
      return found === UNKNOWN_VALUE ? new Sealed(value.digest) : found;
    });
  }

  #valueOf(
    { vector, view, masked, values, hmacs }: GivenRow,
    feature: Feature,
  ): { readonly value?: Value | undefined; readonly digest?: Buffer } | undefined {
    const at = sameFeature(view, feature);
    const value = at === -1 ? undefined : values![at];
    if (value === undefined) return undefined;
    const { log } = view.features[at]!;
    if (!masked || log === 'raw') return { value };
    const digest = log === 'hmac' && this.#key?.id === vector.hmacKeyId ? hmacs?.[at] : undefined;
    return digest === undefined ? undefined : { digest };
  }

  #hashesOf(feature: number): HashedFeature {
    const known = this.#hashed.get(feature);
    if (known !== undefined) return known;
    const made = new HashedFeature(this.#key!, this.#view.id, this.#view.features[feature]!);
    this.#hashed.set(feature, made);
    return made;
  }

  /**
   * Hashes each value of a column of the history, and keeps those that open rows have.
   *
   * @returns the table
   */
  async layColumn(feature: number): Promise<string> {
    const revealed = `column_revealed_${feature}`;
    const { name, type } = this.#view.features[feature]!;
    const all = this.#replay.histories.map((sql) => `SELECT ${quoteName(name)} AS v FROM (${sql})`);
    const [values, digests] = [`column_values_${feature}`, `column_digests_${feature}`];
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${values} AS SELECT row_number() OVER () - 1 AS id, v
      FROM (SELECT DISTINCT v FROM (${all.join(' UNION ALL ')}) WHERE v IS NOT NULL)`);
    const hashes = this.#hashesOf(feature);
    await fillDigests(this.#duck, { values, digests }, (raw) => hashes.digest(valueFromDuck(type, raw)));
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${revealed} AS
        SELECT d.digest, c.v FROM ${digests} d JOIN ${values} c USING (id)
        WHERE d.digest IN (SELECT lower(hex(h${this.#placeOf(name)})) FROM ${OPEN_ROWS});
      DROP TABLE ${values}; DROP TABLE ${digests}`);
    return revealed;
  }
}
