/**
 * A position in the bytes of a Protocol Buffers message, and steps over fields from there that build nothing. Each
 * method steps over the kind of value that it is named for; `to` is where the message around it ends. It returns false
 * or -1 when the bytes before `to` are no such value; the position then means nothing. Extended by record-content.ts.
 */
import { isUtf8 } from 'node:buffer';
import { TIME_END_US } from '../../std/timestamp.ts';

/** The highest number that Protocol Buffers give a field. */
const MAX_FIELD = 2 ** 29 - 1;
/** The weight of the tenth byte, the last that a varint can have. */
const MAX_VARINT_FACTOR = 128 ** 9;

export class FieldCursor {
  protected buffer: Buffer = Buffer.alloc(0);
  /** The bytes of `buffer`. */
  protected view: DataView = new DataView(new ArrayBuffer(0));
  protected at = 0;

  protected goTo(buffer: Buffer, at: number): void {
    this.at = at;
    if (buffer === this.buffer) return;
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }

  /** @returns a whole number up to 2^53 - 1, else -1 */
  protected varint(to: number): number {
    const b = this.buffer;
    if (this.at < to && b[this.at]! < 128) return b[this.at++]!;
    let value = 0;
    let factor = 1;
    for (let at = this.at; at < to; factor *= 128) {
      const byte = b[at++]!;
      value += (byte & 127) * factor;
      if (value > Number.MAX_SAFE_INTEGER) return -1;
      if (byte < 128) {
        this.at = at;
        return value;
      }
      if (factor >= MAX_VARINT_FACTOR) return -1;
    }
    return -1;
  }

  /** A varint of at most `most`. */
  protected upTo(most: number, to: number): boolean {
    const value = this.varint(to);
    return value >= 0 && value <= most;
  }

  /** Steps over the length of a message, to its first byte. @returns where the message ends, else -1 */
  protected message(to: number): number {
    const bytes = this.varint(to);
    return bytes < 0 || bytes > to - this.at ? -1 : this.at + bytes;
  }

  protected bytes(to: number): boolean {
    const end = this.message(to);
    if (end >= 0) this.at = end;
    return end >= 0;
  }

  /** As readers of Protocol Buffers do, refuses text that is no UTF-8. */
  protected text(to: number): boolean {
    const end = this.message(to);
    if (end < 0) return false;
    const from = this.at;
    this.at = end;
    for (let at = from; at < end; at++) {
      if (this.buffer[at]! > 127) return isUtf8(this.buffer.subarray(at, end));
    }
    return true;
  }

  protected skip(bytes: number, to: number): boolean {
    this.at += bytes;
    return this.at <= to;
  }

  protected time(to: number): boolean {
    const at = this.at;
    return this.skip(8, to) && isTime(this.view, at);
  }

  /** Passes over a field of a later version; a known field with another wire type is refused. */
  protected unknown(tag: number, highestKnown: number, to: number): boolean {
    const field = Math.floor(tag / 8);
    if (field <= highestKnown || field > MAX_FIELD) return false;
    const wireType = tag % 8;
    if (wireType === 0) return this.varint(to) >= 0;
    if (wireType === 1) return this.skip(8, to);
    if (wireType === 2) return this.bytes(to);
    return wireType === 5 && this.skip(4, to);
  }
}

/** Whether the 8 bytes at `at`, which must be there, are microseconds of the years 1970 to 2199; little endian. */
export function isTime(view: DataView, at: number): boolean {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true) < TIME_END_US;
}
