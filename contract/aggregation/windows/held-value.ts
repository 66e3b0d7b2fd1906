/**
 * What an aggregation gives, in the type of its feature: as the batch SQL casts it. A value that the type cannot hold
 * is lost (`undefined`): the feature is null there, and the run says so.
 */
import type { Value, ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';

/** @returns the value; undefined: the type cannot hold it */
export function heldValue({ kind }: ValueType, value: TileValue): Value | undefined {
  switch (kind) {
    case 'int64': {
      if (Number.isSafeInteger(value)) return BigInt(value);
      const whole = typeof value === 'number' ? wholeNumber(value) : (value as bigint);
      return BigInt.asIntN(64, whole) === whole ? whole : undefined;
    }
    case 'int32': {
      const whole = Number(typeof value === 'number' ? wholeNumber(value) : value);
      return (whole | 0) === whole ? whole : undefined;
    }
    case 'float64':
      return Number(value) + 0;
    case 'float32': {
      const float = typeof value === 'bigint' ? float32Of(value) : Math.fround(value as number);
      return Number.isFinite(float) ? float + 0 : undefined;
    }
    default:
      return value;
  }
}

/** Half to even, as DuckDB casts a double to a whole number. */
function wholeNumber(value: number): bigint {
  if (Number.isInteger(value)) return BigInt(value);
  const below = Math.floor(value);
  const rest = value - below;
  return BigInt(rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1);
}

const SURE_BITS = 53;

/** The nearest float32 in one rounding: by way of the nearest double it would be two. */
function float32Of(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const past = Math.max(0, magnitude.toString(2).length - SURE_BITS);
  const kept = magnitude >> BigInt(past);
  // A bit for all that was cut off decides no tie wrongly: it is far below the last bit of a float32.
  const sticky = kept << BigInt(past) === magnitude ? kept : kept | 1n;
  return Math.fround(Number(sticky) * 2 ** past) * (value < 0n ? -1 : 1);
}
