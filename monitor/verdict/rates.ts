/**
 * The level of a feature's match within the promise, and of a view's availability. Pure.
 *
 * Two rates decide together. That of vectors is the harm: how often a model got a wrong value. That of rows is the
 * evidence: one cached row that is served a thousand times is one observation, so each distinct row counts once, with
 * the share of its vectors that were right, and the rate has Wilson's interval over these rows. One row alone is no
 * evidence, however few there are.
 *
 *   too-few  under 30 vectors in this day and the six before it: neither good nor bad
 *   alarm    surely more than 1 % of the rows unexplained or foreign; or more than a tenth of at least 30 values beyond
 *            the promise, however few rows they are of
 *   alert    less than 99 % of the values within the promise, and the upper end of the rows' interval below 99 % too
 *
 * Each rule takes the days before with it where the day has under 30 of what it counts, as few days as it needs.
 */
import type { Cause } from '../../contract/cause.ts';
import { LIMITS } from '../limits.ts';
import { shareInterval } from '../statistics/share-interval.ts';
import type { Availability, Level, RowShares } from './snapshot.ts';

/** What is counted of a feature's judged vectors. */
export interface RateCounts extends RowShares {
  readonly bothAbsent: number;
  readonly present: number;
  readonly beyondPromise: number;
}

interface RateLevel {
  readonly level: Level;
  /** What decided: the share of values and rows, the values alone, or rows that nothing explains. */
  readonly by: 'rate' | 'values' | 'unexplained' | null;
  /** What it is judged by: more than the day's own counts where these were too few. */
  readonly counts: RateCounts;
  /** How many days that took. */
  readonly days: number;
}

/** What a feature may have next to none of. */
export const UNEXPLAINED: ReadonlySet<string> = new Set<Cause>(['unexplained', 'foreign row']);

/** Rows are counted by shares, whose sum is rounded. */
const ROUNDING = 1e-9;

/** @returns Wilson's interval of the share of rows within the promise; null without a row */
export function rowInterval({ rowsJudged, rowsWithinPromise }: RowShares): readonly [number, number] | null {
  return rowsJudged === 0 ? null : shareInterval(Math.min(rowsWithinPromise, rowsJudged), rowsJudged);
}

/** @param earlier  the counts of the days before, newest first */
export function levelOfRates(day: RateCounts, earlier: readonly RateCounts[] = []): RateLevel {
  const byVectors = pooled(day, earlier, vectorsOf);
  if (vectorsOf(byVectors.counts) < LIMITS.leastValues) return { ...byVectors, level: 'too-few', by: null };
  const byValues = pooled(day, earlier, ({ present }) => present);
  const isFew = byValues.counts.present < LIMITS.leastValues;
  const none: RateLevel = { ...byValues, level: isFew ? 'too-few' : 'ok', by: null };
  // A good day does not alert for the bad ones that it is pooled with, nor one without unexplained rows for theirs.
  if (day.beyondPromise === 0) return none;
  const byRows = pooled(day, earlier, ({ rowsJudged }) => rowsJudged);
  const isOfToday = day.rowsUnexplained > 0;
  if (isOfToday && isUnexplained(byRows.counts)) return { ...byRows, level: 'alarm', by: 'unexplained' };
  if (!isFew && shareOf(byValues.counts) < LIMITS.alarmBelow) {
    const by = areRowsBelow(byValues.counts, LIMITS.alarmBelow) ? 'rate' : 'values';
    return { ...byValues, level: 'alarm', by };
  }
  const isBelow =
    shareOf(byRows.counts) < LIMITS.alertBelow && areRowsBelow(byRows.counts, LIMITS.alertBelow);
  return isBelow ? { ...byRows, level: 'alert', by: 'rate' } : none;
}

function vectorsOf({ bothAbsent, present }: RateCounts): number {
  return bothAbsent + present;
}

function shareOf({ present, beyondPromise }: RateCounts): number {
  return 1 - beyondPromise / present;
}

function areRowsBelow(counts: RateCounts, limit: number): boolean {
  const wrong = counts.rowsJudged - counts.rowsWithinPromise;
  return wrong >= LIMITS.leastWrongRows - ROUNDING && rowInterval(counts)![1] < limit;
}

function isUnexplained({ rowsJudged, rowsUnexplained }: RateCounts): boolean {
  if (rowsUnexplained < LIMITS.leastWrongRows - ROUNDING) return false;
  return shareInterval(rowsUnexplained, rowsJudged)[0] > LIMITS.unexplainedMost;
}

/** @returns the day's counts, with those of as few days before as there must be for 30, seven days at most */
function pooled(
  day: RateCounts,
  earlier: readonly RateCounts[],
  of: (counts: RateCounts) => number,
): Pick<RateLevel, 'counts' | 'days'> {
  let counts = day;
  let days = 1;
  for (const before of earlier) {
    if (of(counts) >= LIMITS.leastValues || days === LIMITS.pooledDays) break;
    counts = sumOf(counts, before);
    days += 1;
  }
  return { counts, days };
}

function sumOf(a: RateCounts, b: RateCounts): RateCounts {
  return {
    bothAbsent: a.bothAbsent + b.bothAbsent,
    present: a.present + b.present,
    beyondPromise: a.beyondPromise + b.beyondPromise,
    rowsJudged: a.rowsJudged + b.rowsJudged,
    rowsWithinPromise: a.rowsWithinPromise + b.rowsWithinPromise,
    rowsUnexplained: a.rowsUnexplained + b.rowsUnexplained,
  };
}

/**
 * Minutes are to an outage what rows are to a wrong value: all vectors of a minute are one observation. The share of
 * vectors has to be too small as well, so that a single one that failed in a quiet minute is no outage.
 *
 * @returns whether the view was surely less available than it should be
 */
export function isUnavailable(availability: Availability): boolean {
  const { vectors, unavailable, minutes, availableMinutes } = availability;
  if (vectors < LIMITS.leastValues) return false;
  const ofMinutes = shareInterval(Math.min(availableMinutes, minutes), minutes);
  const ofVectors = shareInterval(vectors - unavailable, vectors);
  return ofMinutes[1] < LIMITS.availableLeast && ofVectors[1] < LIMITS.availableLeast;
}
