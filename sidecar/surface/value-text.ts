/**
 * The text of one value in a JSON answer. Made once for a cached row, not for each request.
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
import { shortestFloat32 } from '../../contract/std/float32.ts';
import { timestampText } from '../../contract/std/timestamp.ts';
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
      return commonText(type, value, nativeText);
  }
}

/** Where both forms agree. @param text  of what stands in a list, map or struct */
export function commonText(
  type: ValueType,
  value: Value,
  text: (type: ValueType, value: Value) => string,
): string {
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
