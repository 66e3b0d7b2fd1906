/**
 * The text of one value in an answer. Made once for a cached row, never per request.
 *
 *              native                                Feast's surface
 *   int64      every digit                           every digit
 *   float32    shortest that reads back as float32   widened to double
 *   float64    shortest that reads back              the same, always with a point or an exponent
 *   -0.0       -0.0                                  -0.0
 *   NaN, inf   null, with a note in the metadata     "NaN", "Infinity", "-Infinity"
 *   timestamp  RFC 3339, decimal microseconds        epoch seconds
 *              outside the years 0000 to 9999
 *   bytes      base64                                base64
 */
import { MISSING, NULL, PRESENT } from '../../contract/status.ts';
import { shortestFloat32 } from '../../contract/std/float32.ts';
import { formatTimestamp, timestampText } from '../../contract/std/timestamp.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';

export function nativeText(type: ValueType, value: Value): string {
  if (value === null) return 'null';
  switch (type.kind) {
    case 'float32':
      return float32Text(value as number);
    case 'float64':
      return float64Text(value as number);
    case 'timestamp':
      return `"${timestampText(value as bigint)}"`;
    case 'embedding':
      return `[${Array.from(value as Float32Array, float32Text).join(',')}]`;
    default:
      return otherText(type, value, nativeText);
  }
}

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
      return otherText(type, value, feastText);
  }
}

function otherText(type: ValueType, value: Value, text: (type: ValueType, value: Value) => string): string {
  switch (type.kind) {
    case 'bytes':
      return `"${Buffer.from(value as Uint8Array).toString('base64')}"`;
    case 'list':
      return `[${(value as readonly Value[]).map((item) => text(type.of, item)).join(',')}]`;
    case 'map': {
      const entries = [...(value as ReadonlyMap<string, Value>)];
      return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${text(type.of, item)}`).join(',')}}`;
    }
    case 'struct': {
      const struct = value as { readonly [field: string]: Value };
      const fields = type.fields.map((f) => `${JSON.stringify(f.name)}:${text(f.type, struct[f.name]!)}`);
      return `{${fields.join(',')}}`;
    }
    case 'string':
      return JSON.stringify(value);
    default:
      return String(value);
  }
}

export function float64Text(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  return Object.is(value, -0) ? '-0.0' : String(value);
}

export function float32Text(value: number): string {
  return float64Text(shortestFloat32(value));
}

function feastDouble(value: number): string {
  if (Number.isNaN(value)) return '"NaN"';
  if (!Number.isFinite(value)) return value > 0 ? '"Infinity"' : '"-Infinity"';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

/** @returns whole seconds, towards the past: what Feast's int64 timestamps hold */
function epochSeconds(us: bigint): bigint {
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
