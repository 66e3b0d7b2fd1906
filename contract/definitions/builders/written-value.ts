/**
 * Values as people write them in definitions (`missing`, `examples`), for the type checker. `valueFromJson` of
 * wire/online/json-value.ts reads them; null is always allowed beside them.
 */
import type { TimeText } from '../../std/timestamp.ts';
import type { Scalar } from '../../value-type.ts';

export type FloatValue = number | 'NaN' | 'Infinity' | '-Infinity' | '-0';
/** A number up to 2^53 - 1 in size; past that a bigint or its decimal text. */
export type Int64Value = number | bigint | `${bigint}`;
export interface ScalarValues extends Readonly<Record<Scalar, unknown>> {
  readonly bool: boolean;
  readonly int32: number;
  readonly int64: Int64Value;
  readonly float32: FloatValue;
  readonly float64: FloatValue;
  readonly string: string;
  /** Base64. */
  readonly bytes: string;
  readonly timestamp: TimeText;
}
