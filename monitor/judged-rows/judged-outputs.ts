/**
 * What the Parquet beside the report takes of an on-demand view (judged-rows.ts): the vectors with a value
 * that is not what it should be, and the sampled others, with their verdicts (row-verdicts.ts).
 *
 *   judged_outputs   vid | replayed: the status of what is replayed; null: nothing is | s0, r0 ...: served, replayed
 */
import type { Feature } from '../../contract/model.ts';
import { PRESENT, STATUSES, UNAVAILABLE } from '../../contract/status.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { JUDGED_OUTPUTS } from './judged-columns.ts';
import type { RowOutcome, RowVerdicts } from './row-verdicts.ts';
import type { Decided } from '../tally/decided.ts';
import type { Mismatch } from '../tally/incident-tally.ts';
import { RowFilling } from './row-filling.ts';

interface JudgedOutput {
  readonly outcome: RowOutcome;
  /** Whether the function gives values over what is replayed. */
  readonly isReplayed: boolean;
  /** By feature, before fallbacks. */
  readonly served: readonly Value[];
  readonly replayed: readonly Value[];
  readonly mismatches: readonly Mismatch[];
  /** What is wrong with a value that no rate counts; null: nothing. */
  readonly fault: Decided | null;
}

const TEXT: ValueType = { kind: 'string' };

export class JudgedOutputs {
  readonly #verdicts: RowVerdicts;
  readonly #features: readonly Pick<Feature, 'type'>[];
  readonly #filling: RowFilling;

  private constructor(
    verdicts: RowVerdicts,
    features: readonly Pick<Feature, 'type'>[],
    filling: RowFilling,
  ) {
    this.#verdicts = verdicts;
    this.#features = features;
    this.#filling = filling;
  }

  /** @param name  that no other role has which is judged with this engine */
  static async open(
    duck: DuckDb,
    verdicts: RowVerdicts,
    name: string,
    features: readonly Pick<Feature, 'type'>[],
  ): Promise<JudgedOutputs> {
    await verdicts.begin(name, features.length);
    const filling = await RowFilling.open(duck, JUDGED_OUTPUTS, [
      { name: 'vid', type: { kind: 'float64' } },
      { name: 'replayed', type: TEXT },
      ...features.flatMap(({ type }, i) => [
        { name: `s${i}`, type },
        { name: `r${i}`, type },
      ]),
    ]);
    return new JudgedOutputs(verdicts, features, filling);
  }

  add(vid: number, { outcome, isReplayed, served, replayed, mismatches, fault }: JudgedOutput): void {
    const verdict = this.#verdicts.endVerdict({ outcome, fidelity: null, mismatches, fault, used: null });
    this.#verdicts.addVector(vid, verdict);
    const status = STATUSES[isReplayed ? PRESENT : UNAVAILABLE]!;
    this.#filling.add([vid, status, ...served.flatMap((value, i) => [value, replayed[i]!])]);
  }

  /** A vector whose values nothing is known of. */
  addWithout(vid: number, outcome: RowOutcome): void {
    const nothing = { fidelity: null, mismatches: [], fault: null, used: null };
    this.#verdicts.addVector(vid, this.#verdicts.endVerdict({ outcome, ...nothing }));
    this.#filling.add([vid, null, ...this.#features.flatMap(() => [null, null])]);
  }

  /** The table is whole. */
  end(): void {
    this.#filling.end();
  }
}
