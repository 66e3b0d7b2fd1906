/**
 * Why a value differs: the first cause of `CAUSES` (cause.ts) that has evidence, the sentence that proves it, and
 * whether the view's promise of freshness was kept all the same. Pure: it uses nothing but the `ValueFacts` it gets.
 */
import { OUTSIDE_TTL, UNAVAILABLE } from '../../contract/status.ts';
import type { Cause } from './cause.ts';
import { RULES, isMissed, unexplained } from './cause-rules.ts';
import { spanText, timeText } from './evidence-text.ts';
import type { RowFacts, ValueFacts } from './facts.ts';

export interface Explanation {
  readonly cause: Cause;
  /** One sentence with the times that prove the cause. */
  readonly evidence: string;
  /** Whether the view kept its promise of freshness although the value differs. */
  readonly withinPromise: boolean;
}

/** @returns the cause of a mismatch; must not be called for equal values, which have no cause */
export function explain(facts: ValueFacts): Explanation {
  for (const [cause, evidenceOf] of RULES) {
    const evidence = evidenceOf(facts);
    if (evidence === null) continue;
    const withinPromise = keepsPromise(cause, facts.row);
    const more = withinPromise || !DELAYS.has(cause) ? '' : olderMissedText(facts.row);
    return { cause, evidence: evidence + more, withinPromise };
  }
  return { cause: 'unexplained', evidence: unexplained(facts), withinPromise: false };
}

/** Evidence that the promise was broken although the replayed row is young: serving missed an older row too. */
function olderMissedText({ oldestMissedUs, replayed, servedUs }: RowFacts): string {
  if (oldestMissedUs === null || replayed === null || oldestMissedUs >= replayed.eventUs) return '';
  const at = timeText(oldestMissedUs, servedUs);
  return `; serving lacked the row of ${at} too, ${spanText(servedUs - oldestMissedUs)} old by then`;
}

/** Causes where serving lacked a row that reached the store later, or would have. */
const DELAYS: ReadonlySet<Cause> = new Set([
  'unavailable',
  'cache age',
  'materialization lag',
  'late arrival',
]);

/**
 * A view promises that what it serves is at most `freshness` old. A mismatch keeps the promise when every row that
 * serving missed was younger than `freshness` at that time: the answer was then true at a moment within the promise.
 *
 * The oldest missed row decides, not the replayed one. Example: a view is stuck for a day, and an entity gets a row
 * every hour. The entity is always one hour behind its newest row, so judged by that row the outage would look like a
 * kept promise. Only delays can keep the promise: a lost write stays lost, however young, and a wrong value is not an
 * old value.
 */
function keepsPromise(cause: Cause, row: RowFacts): boolean {
  if (!DELAYS.has(cause) || row.status === UNAVAILABLE || row.replayed === null) return false;
  // The view was so far behind that its values were withheld: the model got a value that was true at no time.
  if (row.view.kind === 'aggregated' && row.status === OUTSIDE_TTL) return false;
  const oldestMissedUs = row.oldestMissedUs ?? row.replayed.eventUs;
  return isMissed(row, row.replayed) && row.servedUs - oldestMissedUs < row.view.freshnessUs;
}
