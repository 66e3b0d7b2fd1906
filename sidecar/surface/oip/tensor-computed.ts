/** An on-demand view's part of an answered tensor, for one row of which it was computed. */
import { NULL, PRESENT } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import type { ComputedValues } from '../../on-demand/computed-values.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { makeImage } from './tensor-image.ts';
import type { TensorSegment } from './tensor-plan.ts';

const FIRST_BYTES = 4_096;

/** The values of one row, copied to the answer before the next one. */
let bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
let view = new DataView(bytes.buffer);

/** @returns the image of a row, as tensor-image.ts draws it */
export function computedImage(computed: ComputedValues, r: number, segment: TensorSegment): Buffer {
  const from = r * computed.columns;
  return makeImage(segment, computed.values.slice(from, from + computed.columns));
}

export function writeComputedValues(
  computed: ComputedValues,
  r: number,
  { features, datatype, valueBytes }: TensorSegment,
  out: AnswerBuffer,
): void {
  if (valueBytes > bytes.length) grow(valueBytes);
  const from = r * computed.columns;
  if (datatype === 'FP64') {
    for (let i = 0; i < features.length; i++)
      view.setFloat64(i * 8, numberOf(computed.values[from + features[i]!]!), true);
  } else {
    for (let i = 0; i < features.length; i++)
      view.setFloat32(i * 4, numberOf(computed.values[from + features[i]!]!), true);
  }
  out.range(bytes, 0, valueBytes);
}

export function writeComputedStatuses(
  computed: ComputedValues,
  r: number,
  { features, presentStatuses }: TensorSegment,
  out: AnswerBuffer,
): void {
  const from = r * computed.columns;
  let nulls = 0;
  for (let i = 0; i < features.length; i++) if (computed.values[from + features[i]!] === null) nulls += 1;
  if (nulls === 0) return out.bytes(presentStatuses);
  if (features.length > bytes.length) grow(features.length);
  for (let i = 0; i < features.length; i++) {
    bytes[i] = computed.values[from + features[i]!] === null ? NULL : PRESENT;
  }
  out.range(bytes, 0, features.length);
}

/** Where there is no value a NaN stands. */
function numberOf(value: Value): number {
  return typeof value === 'number' ? value : value === null ? Number.NaN : Number(value);
}

function grow(least: number): void {
  bytes = Buffer.allocUnsafeSlow(least * 2);
  view = new DataView(bytes.buffer);
}
