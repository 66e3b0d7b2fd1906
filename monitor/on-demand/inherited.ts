/**
 * Why a value that was computed on demand differs from what training computes. Its function may give another output
 * over what was logged; else the value has what is wrong with what it was computed of. Pure.
 */
import { CAUSES, CURRENCY_CAUSES } from '../../contract/cause.ts';
import type { Cause, FidelityCause } from '../../contract/cause.ts';
import type { Decision } from '../causes/explain.ts';

/** What was decided of a row that a value was computed of, or of what another on-demand view gave. */
export interface InputDecision extends Decision {
  /** The role of the row, or the other view. */
  readonly role: string;
  /** The run behind it; null: none is. */
  readonly run: string | null;
}

/** What stands between two causes in tables. */
export const BETWEEN_CAUSES = '|';

const OF_CURRENCY: ReadonlySet<Cause> = new Set<Cause>(CURRENCY_CAUSES);

/**
 * The worst of what was decided of the rows that a value was computed of: one that was never true, then one that broke
 * the promise, then one within it; of those alike the first cause.
 *
 * @returns undefined where no row differs
 */
export function worstOf<D extends Decision>(inputs: readonly D[]): D | undefined {
  return inputs.toSorted((a, b) => weightOf(a) - weightOf(b))[0];
}

/**
 * @param own     what is wrong with the value itself, in the order of causes: another one was answered, or the function
 *                gives another one over what was logged
 * @param inputs  what was decided of what the value was computed of, as far as it differs
 * @returns       its own cause, else cause and promise of the worst input; with all that hold beside it
 */
export function inheritedDecision(own: readonly FidelityCause[], inputs: readonly Decision[]): Decision {
  const worst = worstOf(inputs);
  const held = new Set<Cause>([...own, ...inputs.flatMap(({ cause, also }) => [cause, ...also])]);
  const cause = own[0] ?? worst?.cause ?? 'not proved';
  return {
    cause,
    also: CAUSES.filter((other) => other !== cause && held.has(other)),
    withinPromise: own.length === 0 && worst !== undefined && worst.withinPromise,
  };
}

function weightOf({ cause, withinPromise }: Decision): number {
  const axis = !OF_CURRENCY.has(cause) ? 0 : withinPromise ? 2 : 1;
  return axis * CAUSES.length + CAUSES.indexOf(cause);
}
