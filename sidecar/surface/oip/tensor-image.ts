/**
 * The bytes of a row's values in a tensor, for one run of number features.
 *
 *   image = value * features | status byte * features
 *
 * Where there is no value a NaN stands: nothing else can be told from a number that a model was trained on.
 */
import type { Feature } from '../../../contract/model.ts';
import { MISSING, NULL, PRESENT } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';

export type TensorDatatype = 'FP32' | 'FP64';
export const DATATYPE_BYTES: Readonly<Record<TensorDatatype, number>> = { FP32: 4, FP64: 8 };

interface ImageFeatures {
  readonly datatype: TensorDatatype;
  /** Indexes among the values. */
  readonly features: readonly number[];
  readonly definitions: readonly Pick<Feature, 'missing'>[];
}

/**
 * @param values  of a row that is PRESENT, in the order of the view's features; undefined: the row lacks the feature
 */
export function makeImage(
  { datatype, features, definitions }: ImageFeatures,
  values: readonly (Value | undefined)[],
): Buffer {
  const size = DATATYPE_BYTES[datatype];
  const valueBytes = features.length * size;
  const image = Buffer.allocUnsafe(valueBytes + features.length);
  for (let i = 0; i < features.length; i++) {
    const value = values[features[i]!];
    const shown = value === undefined ? definitions[i]!.missing : value;
    const number = shown === null ? Number.NaN : Number(shown);
    if (size === 4) image.writeFloatLE(number, i * size);
    else image.writeDoubleLE(number, i * size);
    image[valueBytes + i] = value === undefined ? MISSING : value === null ? NULL : PRESENT;
  }
  return image;
}
