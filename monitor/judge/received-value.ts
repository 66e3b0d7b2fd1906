/** A value as a model gets it. Pure. */
import type { FeatureService } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';

/**
 * The JSON surfaces keep every value as it is. The tensor of the Open Inference Protocol turns every number into a
 * double, or a float32 where the service says so, and an absent one into NaN.
 */
export function asReceived(
  type: ValueType,
  value: Value,
  surface: number,
  tensor: FeatureService['tensor'],
): Value {
  if (SURFACES[surface] !== 'oip' || !isNumeric(type)) return value;
  if (value === null) return Number.NaN;
  return tensor === 'float32' ? Math.fround(Number(value)) : Number(value);
}
