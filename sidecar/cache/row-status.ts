/** Whether a row's values may be shown: its status when it is served. */
import { MISSING, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import type { CachedRow } from './cached-row.ts';

/**
 * @param row  null: the store failed and nothing was cached
 * @returns    the status of a row as served at `nowUs`. A row that is there without a marker is PRESENT: a first run
 *             writes its rows before the marker that vouches for the absent ones
 */
export function statusOf(row: CachedRow | null, nowUs: number): number {
  if (row === null) return UNAVAILABLE;
  if (row.raw === null) return MISSING;
  const { ttlUs, watermarkLimitUs } = row.view;
  if (ttlUs !== -1 && row.eventUs < nowUs - ttlUs) return OUTSIDE_TTL;
  if (watermarkLimitUs !== -1 && row.watermarkUs !== 0 && row.watermarkUs < nowUs - watermarkLimitUs) {
    return OUTSIDE_TTL;
  }
  return PRESENT;
}
