/**
 * Writes the fields of Protocol Buffers messages into one growing buffer. The counterpart of field-cursor.ts; extended
 * by served-encoder.ts and computed-fields.ts. On the sidecar's request path.
 *
 * A message whose length is not known before it is written takes four bytes for it, filled in afterwards.
 */

const PADDED = 4;

export class FieldWriter {
  protected buffer: Buffer;
  protected at = 0;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes);
  }

  /** @param tag  of one byte or two; @returns where the message begins, behind its length */
  protected openMessage(tag: number): number {
    this.reserve(2 + PADDED);
    if (tag > 127) this.buffer[this.at++] = (tag & 127) | 0x80;
    this.buffer[this.at] = tag > 127 ? tag >>> 7 : tag;
    this.at += 1 + PADDED;
    return this.at;
  }

  protected closeMessage(start: number): void {
    const length = this.at - start;
    const b = this.buffer;
    b[start - 4] = length | 0x80;
    b[start - 3] = (length >>> 7) | 0x80;
    b[start - 2] = (length >>> 14) | 0x80;
    b[start - 1] = length >>> 21;
  }

  /** A single string; left out when empty, as proto3 has it. */
  protected putText(tag: number, text: string): void {
    if (text.length > 0) this.putItem(tag, text);
  }

  /**
   * One string of a list, written even when empty. Short ASCII is copied here, which is cheaper than a call into C++.
   */
  protected putItem(tag: number, text: string): void {
    const { length } = text;
    this.reserve(length * 3 + 6);
    const b = this.buffer;
    let at = this.at;
    b[at++] = tag;
    if (length < 48) {
      b[at++] = length;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        b[at + i] = code;
      }
      if (i === length) {
        this.at = at + length;
        return;
      }
      at -= 1;
    }
    this.at = at;
    this.putVarint(Buffer.byteLength(text));
    this.at += b.write(text, this.at);
  }

  protected putBytes(tag: number, bytes: Buffer | string): void {
    this.reserve(bytes.length + 6);
    this.buffer[this.at++] = tag;
    this.putVarint(bytes.length);
    if (typeof bytes === 'string') this.at += this.buffer.write(bytes, this.at, 'latin1');
    else this.putCopy(bytes);
  }

  protected putCopy(bytes: Buffer): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Left out when 0, as proto3 has it. */
  protected putNumber(tag: number, value: number): void {
    if (value === 0) return;
    this.reserve(9);
    this.buffer[this.at++] = tag;
    this.putVarint(value);
  }

  /** At most 2^53 - 1, so eight bytes; the caller has reserved them. */
  protected putVarint(value: number): void {
    let rest = value;
    while (rest >= 0x8000_0000) {
      this.buffer[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.buffer[this.at++] = (rest & 127) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.at++] = rest;
  }

  /** A whole number from -2^53 to 2^53 - 1; left out when 0. */
  protected putFixed64(tag: number, value: number): void {
    if (value === 0) return;
    this.reserve(9);
    const b = this.buffer;
    const at = this.at;
    const low = value >>> 0;
    const high = (value - low) / 2 ** 32;
    b[at] = tag;
    b[at + 1] = low;
    b[at + 2] = low >>> 8;
    b[at + 3] = low >>> 16;
    b[at + 4] = low >>> 24;
    b[at + 5] = high;
    b[at + 6] = high >>> 8;
    b[at + 7] = high >>> 16;
    b[at + 8] = high >>> 24;
    this.at = at + 9;
  }

  protected reserve(bytes: number): void {
    if (this.at + bytes > this.buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }
}

/** @returns how many bytes the length of a field takes */
export function varintBytes(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : value < 268_435_456 ? 4 : 5;
}
