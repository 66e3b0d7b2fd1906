/**
 * The oldest row that serving missed: the first after the served one, by event and created time, that the replay sees.
 * The currency of a mismatch is asked of it, since a view that is stuck for a day misses a young row every hour.
 *
 * Where no row was served, a tombstone says the same as the store did, and rows before it were not missed. A row past
 * the TTL at the served time counts on neither side, so nobody missed it: a customer who comes back after a year did
 * not miss last year's row.
 */
import type { AsOfRule } from '../../contract/as-of.ts';
import { isAfter } from './row-order.ts';
import type { RowTimes } from './row-order.ts';

interface ReplayRow extends RowTimes {
  readonly deleted?: boolean;
}

/**
 * @param rows    all rows of the entity under the definition that served the vector
 * @param served  null: serving had no row
 */
export function oldestMissed<Row extends ReplayRow>(
  rows: readonly Row[],
  served: RowTimes | null,
  servedUs: number,
  { delayUs, ttlUs }: Pick<AsOfRule, 'delayUs' | 'ttlUs'>,
): Row | null {
  const seen = rows
    .filter(({ eventUs }) => eventUs + delayUs <= servedUs && (ttlUs === null || eventUs >= servedUs - ttlUs))
    .toSorted((a, b) => a.eventUs - b.eventUs || (a.createdUs ?? 0) - (b.createdUs ?? 0));
  if (served !== null) return seen.find((row) => isAfter(row, served)) ?? null;
  const gone = seen.findLastIndex((row) => row.deleted === true);
  return seen[gone + 1] ?? null;
}
