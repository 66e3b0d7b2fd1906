/**
 * A row's values as Feast's form takes them in an answer of many rows, which goes column by column: the text of each
 * value, packed so that it is copied by a few machine words and no string is made.
 *
 *   pieces = piece of the event time | piece of each of the view's features | 3 bytes to read past the end
 *   piece  = u32 little endian: bytes of text << 3 | status | text, with the comma before it
 *
 * One block for each row, some 350 bytes for ten doubles, in place of a string for each value. What stands in for a
 * row that is not PRESENT is made once for each view and status.
 */
import { MISSING, NULL, PRESENT, STATUSES } from '../../../contract/status.ts';
import { PIECE_HEAD_BYTES, STATUS_BITS } from '../../transport/answer-buffer.ts';
import type { Feature } from '../../../contract/model.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import type { CachedRow } from '../../cache/cached-row.ts';
import { newReadyKind } from '../../cache/ready-ring.ts';
import { encoderPlan } from '../../plan/encoder-plan.ts';
import type { ViewPlan } from '../../plan/view-plan.ts';
import type { ComputedValues } from '../../on-demand/computed-values.ts';
import { feastEventTime, feastText } from './feast-text.ts';

/** The event time that stands for an absent row. */
export const FEAST_NO_TIME = '"1970-01-01T00:00:00Z"';

/** The kind of a row's pieces in the ready ring. */
export const FEAST_PIECES = newReadyKind();
const READ_PAST = 3;

/** @returns the pieces of a row that the store has, made anew */
export function piecesOf(row: CachedRow): DataView {
  const { values, eventUs } = row;
  const { features } = row.view.view;
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

/** @returns the pieces of what an on-demand view computed for a row, in the order of the run */
export function piecesOfComputed(computed: ComputedValues, r: number, run: ComputedRun): DataView {
  const texts = [FEAST_NO_TIME];
  const statuses = [PRESENT];
  for (let i = 0; i < run.columns.length; i++) {
    const value = computed.values[r * computed.columns + run.columns[i]!]!;
    texts.push(feastText(run.types[i]!, value));
    statuses.push(value === null ? NULL : PRESENT);
  }
  return pack(texts, statuses);
}

interface ComputedRun {
  readonly columns: readonly number[];
  readonly types: readonly ValueType[];
}

/** By status, the fallbacks of a view in place of a row that has this status. */
export const absentPieces = encoderPlan(({ view }: ViewPlan): readonly DataView[] =>
  piecesOfAbsent(view.features),
);

/** @returns by status, the fallbacks of features in place of values that have this status */
export function piecesOfAbsent(features: readonly Pick<Feature, 'type' | 'missing'>[]): readonly DataView[] {
  const texts = [FEAST_NO_TIME, ...features.map(({ type, missing }) => feastText(type, missing))];
  return STATUSES.map((_, status) =>
    pack(
      texts,
      texts.map(() => status),
    ),
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
