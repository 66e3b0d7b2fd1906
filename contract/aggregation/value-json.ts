/**
 * The values of tiles as JSON: int64, timestamps (microseconds) and sums as decimal text, since readers of JSON take
 * numbers for doubles; all others as they are. Floats are finite.
 */
import type { Json } from '../std/canonical-json.ts';
import { shortestFloat32 } from '../std/float32.ts';
import { givenText } from '../std/given-text.ts';
import type { ValueType } from '../value-type.ts';
import { misfit } from '../value-type.ts';
import type { TileValue } from './canonical-order.ts';
import type { Whole } from './fixed-point.ts';
import { wholeOf } from './fixed-point.ts';
import { TileFault } from './tile-reader.ts';

export function tileValueToJson({ kind }: ValueType, value: TileValue): Json {
  if (typeof value === 'bigint') return value.toString();
  return kind === 'float32' ? shortestFloat32(value as number) : value;
}

/** @throws TileFault where the JSON is no value of the type; null is none either */
export function tileValueFromJson(type: ValueType, json: Json | undefined): TileValue {
  const value = fromJson(type, json);
  if (value === undefined || misfit(type, value) !== null) {
    throw new TileFault(`expected ${type.kind}, got ${givenText(json ?? null)}`);
  }
  return value === 0 ? 0 : value;
}

function fromJson({ kind }: ValueType, json: Json | undefined): TileValue | undefined {
  switch (kind) {
    case 'int64':
    case 'timestamp':
      return typeof json === 'string' && /^-?\d{1,19}$/.test(json) ? BigInt(json) : undefined;
    case 'float32':
      return Number.isFinite(json) ? Math.fround(json as number) : undefined;
    case 'float64':
      return Number.isFinite(json) ? (json as number) : undefined;
    default:
      return typeof json === 'object' ? undefined : json;
  }
}

/** @param what  e.g. `n`, for the message; @throws TileFault where the JSON is no whole number from 0 to 2^53 - 1 */
export function countFromJson(what: string, json: Json | undefined): number {
  if (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0) return json;
  throw new TileFault(`expected a count for ${what}, got ${givenText(json ?? null)}`);
}

/** @throws TileFault where the JSON is no decimal text of at most 38 digits */
export function wholeFromJson(what: string, json: Json | undefined): Whole {
  if (typeof json === 'string' && /^-?\d{1,38}$/.test(json)) return wholeOf(BigInt(json));
  throw new TileFault(`expected decimal text for ${what}, got ${givenText(json ?? null)}`);
}

/** @throws TileFault where the JSON is no list */
export function listFromJson(what: string, json: Json | undefined): readonly Json[] {
  if (Array.isArray(json)) return json as readonly Json[];
  throw new TileFault(`expected a list for ${what}, got ${givenText(json ?? null)}`);
}
