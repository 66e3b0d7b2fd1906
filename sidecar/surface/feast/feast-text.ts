/** The text of values, statuses and times in Feast's form; value-text.ts has the table of both forms. */
import { MISSING, NULL, PRESENT } from '../../../contract/status.ts';
import { formatTimestamp } from '../../../contract/std/timestamp.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { commonText } from '../value-text.ts';

export function feastText(type: ValueType, value: Value): string {
  if (value === null) return 'null';
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return feastDouble(value as number);
    case 'timestamp':
      return epochSeconds(value as bigint).toString();
    case 'embedding':
      return `[${Array.from(value as Float32Array, feastDouble).join(',')}]`;
    default:
      return commonText(type, value, feastText);
  }
}

function feastDouble(value: number): string {
  if (Number.isNaN(value)) return '"NaN"';
  if (!Number.isFinite(value)) return value > 0 ? '"Infinity"' : '"-Infinity"';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

/** @returns whole seconds, towards the past: what Feast's int64 timestamps hold */
export function epochSeconds(us: bigint): bigint {
  const seconds = us / 1_000_000n;
  return us < 0n && us % 1_000_000n !== 0n ? seconds - 1n : seconds;
}

/** Feast's names of our statuses, by code. */
export const FEAST_STATUSES = ['PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE', 'INVALID'];
export const FEAST_STATUS_TEXTS: readonly string[] = FEAST_STATUSES.map((name) => `"${name}"`);
export const FEAST_PRESENT = FEAST_STATUS_TEXTS[PRESENT]!;
export const FEAST_NULL = FEAST_STATUS_TEXTS[NULL]!;
export const FEAST_NOT_FOUND = FEAST_STATUS_TEXTS[MISSING]!;

/** An event time as Feast prints it: no fraction, milliseconds or microseconds, as few digits as needed. */
export function feastEventTime(us: number): string {
  const text = formatTimestamp(us);
  if (us % 1_000_000 === 0) return `"${text.slice(0, 19)}Z"`;
  return us % 1_000 === 0 ? `"${text.slice(0, 23)}Z"` : `"${text}"`;
}
