/** Whole numbers of the binary formats as values of a type. What does not fit throws an IntegerFault with a clause. */
import type { TimeUnit } from '../../../contract/stream-source.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';

export class IntegerFault extends Error {}

/** @param value  exact: a bigint where a number could not be */
export function asInteger(value: number | bigint, type: ValueType, name: string): Value {
  switch (type.kind) {
    case 'int32': {
      const small = Number(value);
      if ((small | 0) === small) return small;
      break;
    }
    case 'int64': {
      if (typeof value === 'number') return BigInt(value);
      if (BigInt.asIntN(64, value) === value) return value;
      break;
    }
    default: {
      const double = Number(value);
      const own = type.kind === 'float32' ? Math.fround(double) : double;
      if (BigInt(own) === BigInt(value)) return own;
    }
  }
  throw new IntegerFault(`${name} should be ${formatType(type)}, got ${value}`);
}

const US_IN: Readonly<Record<Exclude<TimeUnit, 'rfc3339'>, number>> = { s: 1_000_000, ms: 1_000, us: 1 };

/** @param unit  what the number counts since 1970 */
export function asTime(value: number | bigint, unit: TimeUnit | null, name: string): bigint {
  if (unit !== 'rfc3339') {
    const factor = US_IN[unit ?? 'us'];
    const product = typeof value === 'number' ? value * factor : NaN;
    if (Number.isSafeInteger(product)) return BigInt(product);
    const exact = BigInt(value) * BigInt(factor);
    if (BigInt.asIntN(64, exact) === exact) return exact;
  }
  throw new IntegerFault(`${name} should be a timestamp in ${unit ?? 'us'}, got ${value}`);
}
