/** A value as a model gets it. Pure. */
import type { FeatureService } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { TENSOR_SURFACES } from '../../contract/wire/log/served-record.ts';

/**
 * The other surfaces keep every value as it is. The tensors of the Open Inference Protocol turn every number into a
 * double, or a float32 where the service says so, and an absent one into NaN; those of lists are always of float32. A
 * list or an embedding that is absent stays so: its status tells, and its NaN have no length to compare.
 */
export function asReceived(
  type: ValueType,
  value: Value,
  surface: number,
  tensor: FeatureService['tensor'],
): Value {
  if (!TENSOR_SURFACES.includes(surface)) return value;
  if (type.kind === 'list' && isNumeric(type.of) && value !== null) {
    const items = value as readonly Value[];
    return items.map((item) => (item === null ? Number.NaN : Math.fround(Number(item))));
  }
  if (!isNumeric(type)) return value;
  if (value === null) return Number.NaN;
  return tensor === 'float32' ? Math.fround(Number(value)) : Number(value);
}
