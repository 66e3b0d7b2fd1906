/** Counts what an on-demand view gave in one case, and gives it to the views that use this one. */
import { matchFeatures } from '../../../contract/feature-match.ts';
import type { FeatureService, OnDemandView } from '../../../contract/model.ts';
import type { OnDemandOutcome } from '../../../contract/on-demand/on-demand-function.ts';
import { OnDemandFault } from '../../../contract/on-demand/on-demand-function.ts';
import { PRESENT } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import { isSame } from '../../causes/value-equality.ts';
import { isAbsent, stateOf } from '../../causes/value-state.ts';
import { ASKED } from '../../on-demand/asked/asked-state.ts';
import { comparedOutput, endedCall } from '../../on-demand/compared-output.ts';
import type { Output } from '../../on-demand/compared-output.ts';
import type { ComputedChunk, Recomputed } from '../../on-demand/computed-chunk.ts';
import type { ComputedRows } from '../../on-demand/computed-rows.ts';
import { worstOf } from '../../on-demand/inherited.ts';

/** What an on-demand view would have matched in one case. */
export interface ComputedCounts {
  present: number;
  exact: number;
  withinPromise: number;
  /** Values that were logged, and those of them that the function gives otherwise in this case. */
  logged: number;
  changed: number;
  /** Vectors in no count: UNAVAILABLE, not to be computed again, or without a simulated row. */
  left: number;
}

interface CountedView {
  readonly view: OnDemandView;
  readonly outputs: readonly Output[];
  readonly tensor: FeatureService['tensor'];
}

/** Counts the vectors of one bundle, and gives them to the views that use this one. */
export class CountedChunks {
  readonly #counts: ComputedCounts;
  readonly #rows: ComputedRows;
  readonly #of: CountedView;
  /** For each feature of the rows its place in what the function gives. */
  readonly #places: readonly number[];

  constructor(counts: ComputedCounts, rows: ComputedRows, of: CountedView) {
    this.#counts = counts;
    this.#rows = rows;
    this.#of = of;
    this.#places = matchFeatures(rows.features, of.view.features);
  }

  add(chunk: ComputedChunk, recomputed: readonly (Recomputed | null)[]): void {
    const vids = chunk.column<number>('vid');
    const surfaces = chunk.column<number>('surface');
    const unavailable = chunk.column<boolean>('unavailable');
    for (const [at, given] of recomputed.entries()) {
      const isCounted = given !== null && unavailable[at] !== true && endedCall(given) === null;
      if (!isCounted || given.served instanceof OnDemandFault) {
        this.#counts.left += 1;
        continue;
      }
      const decisions = chunk.decisionsOf(at);
      const worst = worstOf(decisions);
      const withinPromise = worst?.withinPromise === true;
      for (const [i, output] of this.#of.outputs.entries())
        this.#count(output, chunk.outputs[i]![at]!, { given, surface: surfaces[at]!, withinPromise });
      this.#rows.add({
        vid: vids[at]!,
        state: ASKED,
        unjudged: false,
        differs: decisions.length > 0,
        decided: worst ?? null,
        served: this.#values(given.served),
        trained: this.#values(given.trained),
        available: null,
      });
    }
  }

  #count(output: Output, logged: Value, { given, surface, withinPromise }: CountedOutput): void {
    const counts = this.#counts;
    const outcome = given.served as readonly Value[];
    const value = outcome[output.place]!;
    const { type } = output.feature;
    const { tensor } = this.#of;
    const compared = comparedOutput(output, value, given, { surface, tensor, hasAvailable: false });
    counts.logged += 1;
    if (!isSame(type, logged, value)) counts.changed += 1;
    if (isAbsent(stateOf(PRESENT, value)) && isAbsent(compared.replayedState)) return;
    counts.present += 1;
    if (isSame(type, compared.served, compared.replayed)) counts.exact += 1;
    else if (withinPromise) counts.withinPromise += 1;
  }

  #values(outcome: OnDemandOutcome): Value[] | null {
    if (outcome instanceof OnDemandFault) return null;
    return this.#places.map((place) => outcome[place] ?? null);
  }
}

interface CountedOutput {
  readonly given: Recomputed;
  readonly surface: number;
  /** Of the worst of what it was computed of. */
  readonly withinPromise: boolean;
}
