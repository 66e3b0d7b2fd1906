/** Times of the one day that the monitor's tests judge. */
import { parseTimestamp } from '../../contract/std/timestamp.ts';

export const DAY = '2026-01-02';

/** @returns microseconds of `11:42` or `11:42:07` on the day, or of a full time */
export function at(time: string): number {
  return Number(parseTimestamp(time.includes('-') ? time : `${DAY}T${time}`)!);
}
