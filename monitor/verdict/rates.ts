/**
 * The level of a feature's match within the promise, and of a view's availability. Pure.
 *
 * Two rates decide together. That of vectors is the harm: how often a model got a wrong value. That of rows is the
 * evidence: one cached row that is served a thousand times is one observation, so each distinct row counts once, with
 * the share of its vectors that were right, and the rate has Wilson's interval over these rows.
 *
 *   alarm    more than a tenth of the vectors beyond the promise, however few rows they are of; or surely more than 1 %
 *            of the rows unexplained or foreign
 *   alert    less than 99 % of the vectors within the promise, and the upper end of the rows' interval below 99 % too
 *   too-few  under 30 present values in this day and the six before it: neither good nor bad
 */
import { LIMITS } from '../limits.ts';
import { shareInterval } from '../statistics/share-interval.ts';
import type { Availability, Level, RowShares } from './snapshot.ts';

/** What is counted of a feature's present values. */
export interface RateCounts extends RowShares {
  readonly present: number;
  readonly beyondPromise: number;
}

interface RateLevel {
  readonly level: Level;
  /** What decided: the share of vectors and rows, the vectors alone, or rows that nothing explains. */
  readonly by: 'rate' | 'vectors' | 'unexplained' | null;
  /** What it is judged by: more than the day's own counts where these were too few. */
  readonly counts: RateCounts;
  /** How many days that took. */
  readonly days: number;
}

/** @returns Wilson's interval of the share of rows within the promise; null without a row */
export function rowInterval({ rowsJudged, rowsWithinPromise }: RowShares): readonly [number, number] | null {
  return rowsJudged === 0 ? null : shareInterval(Math.min(rowsWithinPromise, rowsJudged), rowsJudged);
}

/** @param earlier  the counts of the days before, newest first; only as many are taken as are needed */
export function levelOfRates(day: RateCounts, earlier: readonly RateCounts[] = []): RateLevel {
  let counts = day;
  let days = 1;
  for (const before of earlier) {
    if (counts.present >= LIMITS.leastValues || days === LIMITS.pooledDays) break;
    counts = sumOf(counts, before);
    days += 1;
  }
  const found = (level: Level, by: RateLevel['by']): RateLevel => ({ level, by, counts, days });
  if (counts.present < LIMITS.leastValues) return found('too-few', null);
  // A good day does not alert for the bad ones that it is pooled with.
  if (day.beyondPromise === 0) return found('ok', null);
  const { present, beyondPromise, rowsJudged, rowsUnexplained } = counts;
  const [, rowsAtMost] = rowInterval(counts)!;
  if (shareInterval(rowsUnexplained, rowsJudged)[0] > LIMITS.unexplainedMost) {
    return found('alarm', 'unexplained');
  }
  const share = 1 - beyondPromise / present;
  if (share < LIMITS.alarmBelow) return found('alarm', rowsAtMost < LIMITS.alarmBelow ? 'rate' : 'vectors');
  return share < LIMITS.alertBelow && rowsAtMost < LIMITS.alertBelow
    ? found('alert', 'rate')
    : found('ok', null);
}

function sumOf(a: RateCounts, b: RateCounts): RateCounts {
  return {
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
