/**
 * An entity's vector as bytes of the log, kept in the ready ring with the entity's first row. While the rows come
 * from the cache, only their times differ from request to request, and a record copies the vector with one call.
 *
 *   piece  = i32 CRC register of what is copied | part of each role | message (Vector of served.proto)
 *   part   = i32 row's id | i32 status | i32 where in the message its fetched time stands | i32 its watermark
 *
 * Where on-demand views are computed, other fields follow in the message: then it is copied without its tag and length.
 */
import { FROM_CACHE } from '../../contract/status.ts';
import { ReadyBytes, registerOf } from '../../contract/wire/log/ready-bytes.ts';
import { encodeServedVector } from '../../contract/wire/log/served-image.ts';
import type { ServedVector } from '../../contract/wire/log/served-record.ts';
import { VECTOR_HEAD_BYTES, vectorTimes } from '../../contract/wire/log/vector-times.ts';
import { NO_PIECE, newReadyKind } from '../cache/ready-ring.ts';
import { encoderPlan } from '../plan/encoder-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { RequestInFlight } from '../request/request-in-flight.ts';

/** The kind of a service's logged vectors in the ready ring. */
const vectorKind = encoderPlan(() => newReadyKind());

const WORD = 4;
const PART_BYTES = 4 * WORD;
const STATUS = WORD;
const FETCHED = 2 * WORD;
const WATERMARK = 3 * WORD;

/**
 * @param at  where the entity's rows begin in the request's
 * @returns   its vector at the times that the rows had for the request, good until a piece is kept; null: none is ready
 */
export function readyVector(inFlight: RequestInFlight, at: number): ReadyBytes | null {
  const { plan } = inFlight.request;
  const first = inFlight.rows[at] ?? null;
  const ring = first === null ? null : first.ready;
  if (ring === null) return null;
  const piece = ring.find(first!, vectorKind(plan));
  if (piece === NO_PIECE) return null;
  const { view, buffer } = ring;
  const roles = plan.roleViews.length;
  for (let i = 0; i < roles; i++) {
    if (!isPart(inFlight, at + i, view, piece + WORD + i * PART_BYTES)) return null;
  }
  const message = piece + WORD + roles * PART_BYTES;
  let isChanged = false;
  for (let i = 0; i < roles; i++) {
    const part = piece + WORD + i * PART_BYTES;
    const fetchedAt = view.getInt32(part + FETCHED, true);
    const watermarkAt = view.getInt32(part + WATERMARK, true);
    if (fetchedAt !== 0 && setTime(view, message + fetchedAt, inFlight.fetchedUsOf(at + i))) isChanged = true;
    if (watermarkAt !== 0 && setTime(view, message + watermarkAt, inFlight.watermarkUsOf(at + i)))
      isChanged = true;
  }
  const from = message + headOf(plan);
  const length = ring.endOf(piece) - from;
  if (isChanged) view.setInt32(piece, registerOf(buffer, from, length), true);
  return new ReadyBytes(buffer, from, length, view.getInt32(piece, true));
}

/** What of the message is not copied. */
function headOf({ onDemand }: Plan): number {
  return onDemand.length === 0 ? 0 : VECTOR_HEAD_BYTES;
}

/** Whether a row of the request is the one that the part is of: as it was served, and with room for its times. */
function isPart(inFlight: RequestInFlight, at: number, view: DataView, part: number): boolean {
  const row = inFlight.rows[at]!;
  if (row === null || inFlight.sources[at] !== FROM_CACHE) return false;
  if (view.getInt32(part, true) !== row.id || view.getInt32(part + STATUS, true) !== inFlight.statuses[at]) {
    return false;
  }
  const hasFetched = view.getInt32(part + FETCHED, true) !== 0;
  const hasWatermark = view.getInt32(part + WATERMARK, true) !== 0;
  return (
    hasFetched === (inFlight.fetchedUsOf(at) !== 0) && hasWatermark === (inFlight.watermarkUsOf(at) !== 0)
  );
}

/** @returns whether another time stood there */
function setTime(view: DataView, at: number, us: number): boolean {
  const low = us >>> 0;
  const high = (us - low) / 2 ** 32;
  if (view.getUint32(at, true) === low && view.getUint32(at + WORD, true) === high) return false;
  view.setUint32(at, low, true);
  view.setUint32(at + WORD, high, true);
  return true;
}

/**
 * Keeps the vector of an entity whose rows all come from the cache, for the next request for it. A vector over several
 * entities is not kept: the next request has most likely another pair of them.
 *
 * @param vector  made of the rows that begin at `at`
 */
export function keepVector(inFlight: RequestInFlight, at: number, vector: ServedVector): void {
  const { plan } = inFlight.request;
  if (plan.groups.length !== 1) return;
  const roles = plan.roleViews.length;
  for (let i = at; i < at + roles; i++) {
    if (inFlight.rows[i] === null || inFlight.sources[i] !== FROM_CACHE) return;
  }
  const { keys, rows } = vector;
  const message = encodeServedVector({ keys, rows });
  const times = vectorTimes(message.buffer);
  const head = WORD + roles * PART_BYTES;
  const piece = Buffer.allocUnsafe(head + message.length);
  const skipped = headOf(plan);
  const register =
    skipped === 0
      ? message.register
      : registerOf(message.buffer, message.from + skipped, message.length - skipped);
  piece.writeInt32LE(register, 0);
  for (let i = 0; i < roles; i++) {
    const part = WORD + i * PART_BYTES;
    piece.writeInt32LE(inFlight.rows[at + i]!.id, part);
    piece.writeInt32LE(inFlight.statuses[at + i]!, part + STATUS);
    piece.writeInt32LE(times[i]!.fetched, part + FETCHED);
    piece.writeInt32LE(times[i]!.watermark, part + WATERMARK);
  }
  message.buffer.copy(piece, head);
  inFlight.rows[at]!.keep(vectorKind(plan), piece);
}
