/**
 * Values as JSON, losslessly: the form of `log cat`, of the monitor's snapshot, of the bundle and of run records.
 * The sidecar's answers have their own text (sidecar/surface/value-text.ts).
 *
 *   int64 decimal text · float32 the shortest text that reads back as it · bytes base64
 *   NaN, Infinity, -Infinity and -0 as these words · embedding and list arrays · map and struct objects · null null
 *   timestamp RFC 3339, or decimal microseconds outside the years 0000 to 9999, for which RFC 3339 has no text
 */
import { shortestFloat32 } from '../../std/float32.ts';
import { givenText } from '../../std/given-text.ts';
import { parseTimestamp, timestampText } from '../../std/timestamp.ts';
import type { Json } from '../../std/canonical-json.ts';
import { formatType, misfit } from '../../value-type.ts';
import type { Value, ValueType } from '../../value-type.ts';

export function valueToJson(type: ValueType, value: Value): Json {
  if (value === null) return null;
  switch (type.kind) {
    case 'int64':
      return (value as bigint).toString();
    case 'float32':
      return float32ToJson(value as number);
    case 'float64':
      return numberToJson(value as number);
    case 'timestamp':
      return timestampText(value as bigint);
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64');
    case 'embedding':
      return Array.from(value as Float32Array, float32ToJson);
    case 'list':
      return (value as readonly Value[]).map((item) => valueToJson(type.of, item));
    case 'map':
      return Object.fromEntries(
        [...(value as ReadonlyMap<string, Value>)].map(([k, v]) => [k, valueToJson(type.of, v)]),
      );
    case 'struct': {
      const struct = value as { readonly [field: string]: Value };
      return Object.fromEntries(type.fields.map((f) => [f.name, valueToJson(f.type, struct[f.name]!)]));
    }
    default:
      return value as boolean | number | string;
  }
}

function timestampFromJson(json: Json): bigint | undefined {
  if (typeof json !== 'string') return undefined;
  return parseTimestamp(json) ?? (/^-?\d{17,19}$/.test(json) ? BigInt(json) : undefined);
}

function float32ToJson(value: number): Json {
  return numberToJson(shortestFloat32(value));
}

function numberToJson(value: number): Json {
  return Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : Object.is(value, -0)
      ? '-0'
      : String(value);
}

/**
 * Reads what `valueToJson` wrote, and what people write in definitions: an int64 may also be a JSON integer.
 *
 * @returns  the value, or what is wrong with it
 */
export function valueFromJson(type: ValueType, json: Json): Value | ValueFault {
  if (json === null) return null;
  const value = fromJson(type, json);
  if (value === undefined) return new ValueFault(`${givenText(json)} is no ${formatType(type)}`);
  const fault = misfit(type, value);
  return fault === null ? value : new ValueFault(fault);
}

/** What `valueFromJson` returns in place of a value; a class, since a struct's value may have any fields. */
export class ValueFault {
  readonly fault: string;

  constructor(fault: string) {
    this.fault = fault;
  }
}

function fromJson(type: ValueType, json: Json): Value | undefined {
  if (json === null) return null;
  switch (type.kind) {
    case 'int64':
      if (typeof json === 'string' && /^-?\d{1,19}$/.test(json)) return BigInt(json);
      return typeof json === 'number' && Number.isSafeInteger(json) ? BigInt(json) : undefined;
    case 'float32':
    case 'float64':
      return numberFromJson(json, type.kind);
    case 'timestamp':
      return timestampFromJson(json);
    case 'bytes':
      return typeof json === 'string' ? Buffer.from(json, 'base64') : undefined;
    case 'embedding':
      return Array.isArray(json) ? Float32Array.from(json, (item: Json) => Number(item)) : undefined;
    case 'list':
      return Array.isArray(json) ? allOrNone(json.map((item: Json) => fromJson(type.of, item))) : undefined;
    case 'map':
      return isObject(json) ? mapFromJson(type.of, json) : undefined;
    case 'struct': {
      if (!isObject(json)) return undefined;
      const items = allOrNone(
        type.fields.map((f) => (json[f.name] === undefined ? undefined : fromJson(f.type, json[f.name]!))),
      );
      return items === undefined
        ? undefined
        : Object.fromEntries(type.fields.map((f, i) => [f.name, items[i]!]));
    }
    default:
      return typeof json === 'object' ? undefined : json;
  }
}

function numberFromJson(json: Json, kind: 'float32' | 'float64'): number | undefined {
  if (typeof json === 'number') return kind === 'float32' ? Math.fround(json) : json;
  return json === 'NaN' || json === 'Infinity' || json === '-Infinity' || json === '-0'
    ? Number(json)
    : undefined;
}

function mapFromJson(type: ValueType, json: { readonly [key: string]: Json | undefined }): Value | undefined {
  const entries = Object.entries(json).map(([key, item]) => [key, fromJson(type, item ?? null)] as const);
  return entries.some(([, item]) => item === undefined) ? undefined : new Map(entries as [string, Value][]);
}

function allOrNone(items: readonly (Value | undefined)[]): Value[] | undefined {
  return items.includes(undefined) ? undefined : (items as Value[]);
}

function isObject(json: Json): json is { readonly [key: string]: Json | undefined } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
