/** An on-demand view's part of an answered tensor, for one row of which it was computed. */
import { NULL, PRESENT } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import type { ComputedValues } from '../../on-demand/computed-values.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { makeImage } from './tensor-image.ts';
import type { TensorSegment } from './tensor-plan.ts';

/** @returns the image of a row, as tensor-image.ts draws it */
export function computedImage(computed: ComputedValues, r: number, segment: TensorSegment): Buffer {
  const from = r * computed.columns;
  return makeImage(segment, computed.values.slice(from, from + computed.columns));
}

export function writeComputedValues(
  { columns, values }: ComputedValues,
  r: number,
  { features, datatype, valueBytes }: TensorSegment,
  out: AnswerBuffer,
): void {
  const from = r * columns;
  out.reserve(valueBytes);
  if (datatype === 'FP64') {
    for (let i = 0; i < features.length; i++) out.float64(numberOf(values[from + features[i]!]!));
  } else {
    for (let i = 0; i < features.length; i++) out.float32(numberOf(values[from + features[i]!]!));
  }
}

export function writeComputedStatuses(
  { columns, values }: ComputedValues,
  r: number,
  { features }: TensorSegment,
  out: AnswerBuffer,
): void {
  const from = r * columns;
  out.reserve(features.length);
  for (let i = 0; i < features.length; i++) out.byte(values[from + features[i]!] === null ? NULL : PRESENT);
}

/** Where there is no value a NaN stands. */
function numberOf(value: Value): number {
  return typeof value === 'number' ? value : value === null ? Number.NaN : Number(value);
}
