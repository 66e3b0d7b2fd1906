/** Times that the command line gives. */
import { parseTimestamp } from '../contract/std/timestamp.ts';
import { materializerError } from './errors.ts';

/** @returns microseconds. @throws MAT_RANGE */
export function timeOf(flag: string, text: string): number {
  const us = parseTimestamp(text);
  if (us !== null) return Number(us);
  const message = `--${flag}: expected a time such as 2026-11-21T09:00:00Z, got ${text}`;
  throw materializerError('MAT_RANGE', message, { field: flag });
}
