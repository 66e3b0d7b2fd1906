/**
 * Why a value differs: the first of `CAUSES` (cause.ts) whose evidence holds, with the sentence that
 * proves it, and whether the view's promise of freshness was kept all the same. Pure: the facts are all it goes by.
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
  /** Whether the view's promise of freshness was kept all the same. */
  readonly withinPromise: boolean;
}

/** @returns the cause of a mismatch; values that are equal have none, and asking for it is a mistake */
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

/** Why the promise was broken although the replayed row is young: an older row was missed too. */
function olderMissedText({ oldestMissedUs, replayed, servedUs }: RowFacts): string {
  if (oldestMissedUs === null || replayed === null || oldestMissedUs >= replayed.eventUs) return '';
  const at = timeText(oldestMissedUs, servedUs);
  return `; serving lacked the row of ${at} too, ${spanText(servedUs - oldestMissedUs)} old by then`;
}

/** Causes under which serving lacked a row that came, or would have come, in its time. */
const DELAYS: ReadonlySet<Cause> = new Set([
  'unavailable',
  'cache age',
  'materialization lag',
  'late arrival',
]);

/**
 * A view promises that what it serves is at most `freshness` old. A mismatch keeps the promise when every row that
 * serving missed was younger than that when it served: then the answer was the truth of a moment within the promise.
 *
 * The oldest missed row decides, not the replayed one: with a view stuck for a day, an entity that gets a row every
 * hour is always only an hour behind its newest row, and the outage would pass for a promise kept. Causes other than
 * a delay never keep it: a lost write stays lost, however young, and a wrong value is no old value.
 */
function keepsPromise(cause: Cause, row: RowFacts): boolean {
  if (!DELAYS.has(cause) || row.status === UNAVAILABLE || row.replayed === null) return false;
  // The view itself was so far behind that its values were withheld: the model got no truth of any moment.
  if (row.view.kind === 'aggregated' && row.status === OUTSIDE_TTL) return false;
  const oldestMissedUs = row.oldestMissedUs ?? row.replayed.eventUs;
  return isMissed(row, row.replayed) && row.servedUs - oldestMissedUs < row.view.freshnessUs;
}
