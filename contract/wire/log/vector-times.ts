/**
 * Where the times of the rows stand in a vector's message. A vector that is logged repeatedly is kept as its message.
 * When its rows are read again unchanged, only their times are overwritten.
 *
 *   Vector = keys | Row | Row | ...
 *   Row    = status, source | fixed64 fetched time | fixed64 watermark | bytes ...     a time that is 0 is left out
 */

/** Tag and length of the vector, the length padded to four bytes. */
export const VECTOR_HEAD_BYTES = 5;
const ROW = 0x1a;
const FETCHED = 0x19;
const WATERMARK = 0x21;
const WIRE_TYPE = 7;
const VARINT = 0;
const FIXED64 = 1;
const FIXED64_BYTES = 8;

/** Of a row: where its times begin in the message; 0: the time is 0 and not there. */
interface RowTimesAt {
  readonly fetched: number;
  readonly watermark: number;
}

/** @returns of each row in turn; `message` is what `encodeServedVector` made */
export function vectorTimes(message: Buffer): RowTimesAt[] {
  const found: RowTimesAt[] = [];
  for (let at = VECTOR_HEAD_BYTES; at < message.length;) {
    const isRow = message[at] === ROW;
    const end = fieldEnd(message, at);
    if (isRow) found.push(rowTimes(message, varintEnd(message, at + 1), end));
    at = end;
  }
  return found;
}

function rowTimes(message: Buffer, from: number, to: number): RowTimesAt {
  let [fetched, watermark] = [0, 0];
  for (let at = from; at < to; at = fieldEnd(message, at)) {
    if (message[at] === FETCHED) fetched = at + 1;
    else if (message[at] === WATERMARK) watermark = at + 1;
  }
  return { fetched, watermark };
}

/** @param at  of a field whose tag is one byte */
function fieldEnd(bytes: Buffer, at: number): number {
  const type = bytes[at]! & WIRE_TYPE;
  if (type === FIXED64) return at + 1 + FIXED64_BYTES;
  const end = varintEnd(bytes, at + 1);
  return type === VARINT ? end : end + varint(bytes, at + 1);
}

function varintEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at]! > 127) at += 1;
  return at + 1;
}

function varint(bytes: Buffer, from: number): number {
  let [value, scale, at] = [0, 1, from];
  for (; bytes[at]! > 127; at++) {
    value += (bytes[at]! & 127) * scale;
    scale *= 128;
  }
  return value + bytes[at]! * scale;
}
