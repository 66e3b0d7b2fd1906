/**
 * A row's values as Feast's form takes them in an answer of many rows, which goes column by column: the text of each
 * value, packed so that it is copied by a few machine words and no string is made.
 *
 *   pieces = piece of the event time | piece of each of the view's features | 3 bytes to read past the end
 *   piece  = u32 little endian: bytes of text << 3 | status | text, with the comma before it
 *
 * One block a row, some 350 bytes for ten doubles, and not a string for each value. The form of a row that is not PRESENT, one for
 * each status, belongs to its view's plan.
 */
import type { FeatureView } from '../../../contract/model.ts';
import { MISSING, NULL, PRESENT } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import { PIECE_HEAD_BYTES, STATUS_BITS } from '../../answer/answer-buffer.ts';
import type { AnswerBuffer } from '../../answer/answer-buffer.ts';
import { newReadyKind } from '../../cache/ready-ring.ts';
import { FEAST_NOT_FOUND, FEAST_NULL, FEAST_PRESENT, feastEventTime, feastText } from '../value-text.ts';

/** What stands for the time of a row that there is not. */
export const FEAST_NO_TIME = '"1970-01-01T00:00:00Z"';

/** What a row's pieces are in the ready ring. */
export const FEAST_PIECES = newReadyKind();
const READ_PAST = 3;
const FIRST_COLUMN = Buffer.from('{"values":[');

/** @param values  in the order of the view's features; undefined: the row lacks the feature */
export function feastPieces(
  { features }: FeatureView,
  eventUs: number,
  values: readonly (Value | undefined)[],
): DataView {
  const texts = [feastEventTime(eventUs)];
  const statuses = [PRESENT];
  for (let i = 0; i < features.length; i++) {
    const { type, missing } = features[i]!;
    const value = values[i];
    texts.push(feastText(type, value === undefined ? missing : value));
    statuses.push(value === undefined ? MISSING : value === null ? NULL : PRESENT);
  }
  return pack(texts, statuses);
}

/**
 * Writes features of one row as an answer of one row has them, a column each, comma-separated.
 *
 * @param run     indexes in the view
 * @param values  in the order of the view's features; undefined: the row lacks the feature
 */
export function writeFeastColumns(
  { features }: FeatureView,
  run: readonly number[],
  eventUs: number,
  values: readonly (Value | undefined)[],
  out: AnswerBuffer,
): void {
  const tail = `],"event_timestamps":[${feastEventTime(eventUs)}]}`;
  const present = Buffer.from(`],"statuses":[${FEAST_PRESENT}${tail},{"values":[`, 'latin1');
  out.bytes(FIRST_COLUMN);
  const last = run.length - 1;
  for (let i = 0; i <= last; i++) {
    const index = run[i]!;
    const value = values[index];
    const { type, missing } = features[index]!;
    const text = feastText(type, value === undefined ? missing : value);
    if (type.kind === 'float64') out.latin1(text);
    else out.text(text);
    if (i < last && value !== undefined && value !== null) {
      out.bytes(present);
      continue;
    }
    const status = value === undefined ? FEAST_NOT_FOUND : value === null ? FEAST_NULL : FEAST_PRESENT;
    out.text(`],"statuses":[${status}${tail}${i === last ? '' : ',{"values":['}`);
  }
}

/** @returns the fallbacks of a view, in place of a row that has this status */
export function absentFeastPieces({ features }: Pick<FeatureView, 'features'>, status: number): DataView {
  const texts = features.map(({ type, missing }) => feastText(type, missing));
  return pack(
    [FEAST_NO_TIME, ...texts],
    Array.from({ length: texts.length + 1 }, () => status),
  );
}

/** @returns where the piece after the one at `at` stands */
export function pieceAfter(pieces: DataView, at: number): number {
  return at + PIECE_HEAD_BYTES + (pieces.getUint32(at, true) >>> STATUS_BITS);
}

/** @returns pieces of these texts, one status for each */
export function pack(texts: readonly string[], statuses: readonly number[]): DataView {
  let bytes = READ_PAST;
  for (let i = 0; i < texts.length; i++) bytes += PIECE_HEAD_BYTES + 1 + Buffer.byteLength(texts[i]!);
  const packed = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let i = 0; i < texts.length; i++) {
    const written = packed.write(`,${texts[i]!}`, at + PIECE_HEAD_BYTES);
    packed.writeUInt32LE((written << STATUS_BITS) | statuses[i]!, at);
    at += PIECE_HEAD_BYTES + written;
  }
  return new DataView(packed.buffer, packed.byteOffset, bytes);
}
