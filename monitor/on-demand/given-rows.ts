/** What the vectors of one bundle give to the on-demand views that use this one (computed-rows.ts). */
import { matchFeatures } from '../../contract/feature-match.ts';
import type { OnDemandView } from '../../contract/model.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/on-demand-function.ts';
import type { Value } from '../../contract/value-type.ts';
import { ASKED, NOT_GIVEN } from './asked/asked-state.ts';
import { endedCall } from './compared-output.ts';
import type { Output } from './compared-output.ts';
import type { ComputedChunk, Recomputed } from './computed-chunk.ts';
import type { ComputedRow, ComputedRows } from './computed-rows.ts';
import { inheritedDecision, worstOf } from './inherited.ts';

export class GivenRows {
  readonly #rows: ComputedRows;
  /** For each feature of the rows its place in what the function gives, and among the logged outputs; -1: in none. */
  readonly #places: readonly number[];
  readonly #logged: readonly number[];

  /**
   * @param view    as the bundle has it
   * @param logged  the outputs that a chunk has, in its order
   */
  constructor(rows: ComputedRows, view: OnDemandView, logged: readonly Output[]) {
    this.#rows = rows;
    this.#places = matchFeatures(rows.features, view.features);
    this.#logged = this.#places.map((at) => (at === -1 ? -1 : logged.findIndex(({ place }) => place === at)));
  }

  /** @param isOther  for each vector whether the function gives another output over what was logged */
  add(chunk: ComputedChunk, recomputed: readonly (Recomputed | null)[], isOther: readonly boolean[]): void {
    const vids = chunk.column<number>('vid');
    const states = chunk.column<number>('state');
    for (const [at, given] of recomputed.entries()) {
      const vid = vids[at]!;
      if (given === null) this.#rows.add({ ...NOTHING, vid, state: states[at]! });
      else this.#rows.add({ ...NOTHING, vid, ...this.#row(chunk, at, given, isOther[at]!) });
    }
  }

  #row(chunk: ComputedChunk, at: number, given: Recomputed, isOther: boolean): Partial<ComputedRow> {
    if (endedCall(given) !== null) return { state: NOT_GIVEN };
    const isThere = chunk.column<boolean>('unavailable')[at] !== true;
    const served = isThere ? this.#served(chunk, at, given.served) : null;
    if (isThere && served === null) return { state: NOT_GIVEN };
    const inputs = chunk.decisionsOf(at);
    const differs = isOther || chunk.column<boolean>('differs')[at] === true;
    const isDecided = differs && (isOther || inputs.length > 0);
    const decision = isDecided ? inheritedDecision(isOther ? ['on-demand differs'] : [], inputs) : null;
    const run = isOther ? null : (worstOf(inputs)?.run ?? null);
    return {
      unjudged: chunk.column<boolean>('unjudged')[at] === true,
      differs,
      decided: decision === null ? null : { ...decision, run },
      served,
      trained: this.#values(given.trained),
      available: this.#values(given.available),
    };
  }

  /** As they were logged; what the service does not list as the function gives it again. null: that is not known. */
  #served(chunk: ComputedChunk, at: number, again: OnDemandOutcome): Value[] | null {
    const values: Value[] = [];
    for (const [i, place] of this.#places.entries()) {
      const logged = this.#logged[i]!;
      if (logged !== -1) values.push(chunk.outputs[logged]![at]!);
      else if (again instanceof OnDemandFault) return null;
      else values.push(again[place] ?? null);
    }
    return values;
  }

  #values(outcome: OnDemandOutcome): Value[] | null {
    if (outcome instanceof OnDemandFault) return null;
    return this.#places.map((place) => outcome[place] ?? null);
  }
}

const NOTHING: Omit<ComputedRow, 'vid'> = {
  state: ASKED,
  unjudged: false,
  differs: false,
  decided: null,
  served: null,
  trained: null,
  available: null,
};
