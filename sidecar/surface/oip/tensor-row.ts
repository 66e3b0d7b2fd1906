/**
 * A row's part of an answered tensor. Copied from the ready ring where the row has its image there; else made of the
 * row's values, and kept once the row is asked for again.
 */
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import type { CachedRow } from '../../cache/cached-row.ts';
import { NO_PIECE } from '../../cache/ready-ring.ts';
import { makeImage } from './tensor-image.ts';
import type { TensorSegment } from './tensor-plan.ts';

/** @returns the image of a row that is PRESENT, as tensor-image.ts draws it: to be used before any is kept */
export function rowImage(row: CachedRow, segment: TensorSegment): Buffer {
  const from = row.findReady(segment.kind);
  if (from !== NO_PIECE) return row.ready!.buffer.subarray(from, row.ready!.endOf(from));
  const image = makeImage(segment, row.values);
  row.keep(segment.kind, image);
  return image;
}

/** Writes the values of a row that is PRESENT. */
export function writeValues(row: CachedRow, segment: TensorSegment, out: AnswerBuffer): void {
  const from = row.findReady(segment.kind);
  if (from === NO_PIECE) out.range(rowImage(row, segment), 0, segment.valueBytes);
  else out.range(row.ready!.buffer, from, from + segment.valueBytes);
}

/** Writes the statuses of a row that is PRESENT. */
export function writeStatuses(row: CachedRow, segment: TensorSegment, out: AnswerBuffer): void {
  if (row.isWhole) return out.bytes(segment.presentStatuses);
  const image = rowImage(row, segment);
  out.range(image, segment.valueBytes, image.length);
}
