/**
 * The message of a vector whose rows are logged again and again, made once. When its rows are read again and their
 * bytes did not change, only their times have: these are written over in the image, which is not made anew.
 *
 *   image  = Vector: keys | Row | Row | ...
 *   Row    = status, source | fixed64 fetched time | fixed64 watermark | bytes ...     a time that is 0 is left out
 */
import type { ReadyBytes } from './ready-bytes.ts';
import { encodeServedVector } from './served-encoder.ts';
import type { ServedVector } from './served-record.ts';

/** Tag and length of the vector, the length padded to four bytes. */
const VECTOR_HEAD_BYTES = 5;
const ROW = 0x1a;
const FETCHED = 0x19;
const WATERMARK = 0x21;
const WIRE_TYPE = 7;
const VARINT = 0;
const FIXED64 = 1;
const FIXED64_BYTES = 8;
const WORD = 4;

export class VectorImage {
  readonly ready: ReadyBytes;
  /** Of each row in turn, where its fetched time and its watermark stand; 0: left out. */
  readonly #timesAt: number[] = [];
  #changed = false;

  /** @param vector  not kept */
  constructor(vector: ServedVector) {
    this.ready = encodeServedVector(vector);
    this.#findTimes();
  }

  /**
   * Gives a row of the image these times; `settle` is to be called once all rows have theirs.
   *
   * @returns false when it has no room for them: the image must be made anew
   */
  setTimes(row: number, fetchedUs: number, watermarkUs: number): boolean {
    return (
      this.#set(this.#timesAt[row * 2]!, fetchedUs) && this.#set(this.#timesAt[row * 2 + 1]!, watermarkUs)
    );
  }

  settle(): void {
    if (!this.#changed) return;
    this.ready.changed();
    this.#changed = false;
  }

  #set(at: number, us: number): boolean {
    if (at === 0 || us === 0) return at === us;
    const { bytes } = this.ready;
    const low = us >>> 0;
    const high = (us - low) / 2 ** 32;
    if (bytes.readUInt32LE(at) === low && bytes.readUInt32LE(at + WORD) === high) return true;
    bytes.writeUInt32LE(low, at);
    bytes.writeUInt32LE(high, at + WORD);
    this.#changed = true;
    return true;
  }

  #findTimes(): void {
    const { bytes } = this.ready;
    for (let at = VECTOR_HEAD_BYTES; at < bytes.length;) {
      const isRow = bytes[at] === ROW;
      const end = fieldEnd(bytes, at);
      if (isRow) this.#findTimesOf(varintEnd(bytes, at + 1), end);
      at = end;
    }
  }

  #findTimesOf(from: number, to: number): void {
    let [fetchedAt, watermarkAt] = [0, 0];
    for (let at = from; at < to; at = fieldEnd(this.ready.bytes, at)) {
      if (this.ready.bytes[at] === FETCHED) fetchedAt = at + 1;
      else if (this.ready.bytes[at] === WATERMARK) watermarkAt = at + 1;
    }
    this.#timesAt.push(fetchedAt, watermarkAt);
  }
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
