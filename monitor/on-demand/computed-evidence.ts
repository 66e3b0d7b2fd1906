/** Why a value that was computed on demand differs, in a sentence. Pure. */
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { Cause } from '../../contract/cause.ts';
import { shownValue } from '../causes/evidence-text.ts';
import type { InputDecision } from './inherited.ts';

/** What is known of such a value beside what is compared. */
export interface ComputedFacts {
  readonly servedUs: number;
  /** As it was logged, before fallbacks. */
  readonly logged: Value;
  /** What the function gives now over what was logged; undefined: nothing. */
  readonly again: Value | undefined;
  /** What was decided of what it was computed of, as far as that differs. */
  readonly inputs: readonly InputDecision[];
}

/** @param cause  the first one of the value */
export function computedEvidence(
  type: ValueType,
  { logged, again, inputs }: ComputedFacts,
  cause: Cause,
): string {
  const gave = `the function gave ${shownValue(logged, type)}`;
  if (cause === 'answer altered')
    return `${gave}, but the answer that was logged beside it says another value`;
  if (cause === 'on-demand differs') {
    const now = again === undefined ? 'gives no value' : `gives ${shownValue(again, type)}`;
    return `${gave} and ${now} now, over the same inputs and rows as they were logged`;
  }
  const own = inputs.filter((input) => input.cause === cause);
  const names = own.map(({ role, run }) => (run === null ? role : `${role} (run ${run})`)).join(' and ');
  return `it was computed of ${names}, where this is the cause`;
}
