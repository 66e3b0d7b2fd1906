/**
 * Whether a view kept its promise of freshness although a value differs (docs/decisions/0002-promise-of-freshness.md):
 * the answer was true at a moment no longer ago than the view's freshness.
 */
import { hasHistory } from '../../contract/model.ts';
import { PRESENT } from '../../contract/status.ts';
import type { Cause } from '../../contract/cause.ts';
import { isWithheld } from './currency.ts';
import type { AskedRow, RowFacts } from './facts.ts';
import { isFaithful } from './fidelity.ts';

/** Causes where serving lacked a row that reached the store later, or would have. */
const DELAYS: ReadonlySet<Cause> = new Set([
  'cache age',
  'materialization lag',
  'late arrival',
  'TTL boundary',
]);

/** @param cause  the one that the mismatch is counted under */
export function isWithinPromise(row: RowFacts, cause: Cause): boolean {
  if (!DELAYS.has(cause) || row.missed === null) return false;
  // The view was so far behind that its values were withheld: the model got a value that was true at no time.
  if (row.view.kind === 'aggregated' && (isWithheld(row) || cause === 'TTL boundary')) return false;
  return isTrueOrNone(row) && row.servedUs - agedFrom(row, row.missed) < row.view.freshnessUs;
}

/** What was served is a row of the history, or there was nothing to give out. A row not kept there proves nothing. */
function isTrueOrNone({ fidelity, status }: RowFacts): boolean {
  return fidelity === null ? status !== PRESENT : isFaithful(fidelity);
}

/**
 * The time from which the age of a missed row counts: its edge; in a stored view the time from which it could be had,
 * which is the later of event and created time. A row that was created after serving was due at its event.
 */
export function agedFrom({ view, servedUs }: RowFacts, { times }: AskedRow): number {
  const { eventUs, createdUs } = times;
  if (hasHistory(view) || createdUs === null || createdUs > servedUs) return eventUs;
  return Math.max(eventUs, createdUs);
}
