/**
 * A view's watermark as a marker has it: whole microseconds since 1970, in decimal. Whoever may write to the store can
 * put any text there: what is no such time before the year 2200 is no marker, since nothing may be built on it, and a
 * record of the vector log with such a time is refused by all who read it.
 */
import { TIME_END_US } from '../../std/timestamp.ts';

/** @returns microseconds; null: the text vouches for nothing */
export function parseWatermark(text: string): number | null {
  if (!/^\d{1,16}$/.test(text)) return null;
  const us = Number(text);
  return us < TIME_END_US ? us : null;
}
