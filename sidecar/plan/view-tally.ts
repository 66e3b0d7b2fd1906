/** What was served of one view since the start, whatever bundle was in force: values by status, ages of its rows. */
import { STATUSES } from '../../contract/status.ts';
import { Histogram } from '../../contract/std/histogram.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;
/** Upper edges of a row's age in seconds. */
const AGE_EDGES_S = [
  1,
  10,
  MINUTE_S,
  5 * MINUTE_S,
  15 * MINUTE_S,
  HOUR_S,
  2 * HOUR_S,
  6 * HOUR_S,
  12 * HOUR_S,
  DAY_S,
  2 * DAY_S,
  7 * DAY_S,
  30 * DAY_S,
];

export class ViewTally {
  /** Index: the status. */
  readonly values = new Float64Array(STATUSES.length);
  /** From event time to serving, in seconds, of rows that were there, withheld or not; of one entity an answer. */
  readonly rowAges = new Histogram(AGE_EDGES_S);
}
