/**
 * Equality of two columns of one feature in SQL, bit for bit: -0 is not 0, all NaN are one. It is never true of two
 * values that `isSame` (monitor/causes/value-equality.ts) tells apart. Of maps in another order and the like it may be
 * false where that is true: the monitor's judge asks `isSame` then, and a run takes the row for a changed one.
 */
import type { ValueType } from '../../../contract/value-type.ts';

/** @param a, b  expressions of the feature's type, as `duckTypeOf` names it; @returns a condition that is never NULL */
export function sameValueSql(type: ValueType, a: string, b: string): string {
  const same = `${a} IS NOT DISTINCT FROM ${b}`;
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return `(${same} AND (${a} <> 0 OR ${a} IS NULL OR signbit(${a}) = signbit(${b})))`;
    case 'timestamp':
      return `epoch_us(${a}) IS NOT DISTINCT FROM epoch_us(${b})`;
    case 'embedding':
    case 'list':
    case 'map':
    case 'struct':
      // Their equality takes -0.0 for 0.0, their text does not; texts alone may coincide.
      return `(${same} AND CAST(${a} AS VARCHAR) IS NOT DISTINCT FROM CAST(${b} AS VARCHAR))`;
    default:
      return same;
  }
}
