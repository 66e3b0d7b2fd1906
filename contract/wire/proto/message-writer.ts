/**
 * Writes messages of Protocol Buffers, one after the other, into one memory that is used again and again. A field that
 * has its default is written all the same: nothing reads it otherwise.
 *
 *   const opened = writer.open(2);   // message in a message: its length always takes four bytes, filled in by `close`
 *   writer.text(1, 'name');
 *   writer.close(opened);
 *
 * Protocol Buffers allow such padded lengths, and every reader takes them.
 */
const VARINT = 0;
const EIGHT_BYTES = 1;
const LENGTH = 2;
const FOUR_BYTES = 5;
const PADDED = 4;
const MAX_NUMBER_BYTES = 10;
const MAX_UTF8_PER_CODE_UNIT = 3;
const FIRST_BYTES = 16_384;
const KEPT_BYTES = 2 ** 22;

export class MessageWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  /** Starts a message. */
  begin(): void {
    this.#at = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** @returns the message, valid until the next one begins */
  end(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  text(field: number, text: string): void {
    this.#tag(field, LENGTH);
    this.#reserve(text.length * MAX_UTF8_PER_CODE_UNIT + PADDED);
    const bytes = this.#buffer.write(text, this.#at + PADDED);
    this.#length(this.#at, bytes);
    this.#at += PADDED + bytes;
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.lengthOf(field, bytes.length);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Begins a field whose bytes the caller writes behind this message. */
  lengthOf(field: number, bytes: number): void {
    this.#tag(field, LENGTH);
    this.#varint(bytes);
  }

  /** A whole number that is not negative, or an enum's. */
  uint(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  bool(field: number, value: boolean): void {
    this.uint(field, value ? 1 : 0);
  }

  /** An int32 or int64 of any sign. */
  int(field: number, value: number | bigint): void {
    this.#tag(field, VARINT);
    this.#int(value);
  }

  float(field: number, value: number): void {
    this.#tag(field, FOUR_BYTES);
    this.#reserve(4);
    this.#at = this.#buffer.writeFloatLE(value, this.#at);
  }

  double(field: number, value: number): void {
    this.#tag(field, EIGHT_BYTES);
    this.#reserve(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  /** A repeated field of int32 or int64. */
  ints(field: number, values: readonly (number | bigint)[]): void {
    const opened = this.open(field);
    for (let i = 0; i < values.length; i++) this.#int(values[i]!);
    this.close(opened);
  }

  floats(field: number, values: ArrayLike<number>): void {
    this.lengthOf(field, values.length * 4);
    this.#reserve(values.length * 4);
    for (let i = 0; i < values.length; i++) this.#at = this.#buffer.writeFloatLE(values[i]!, this.#at);
  }

  doubles(field: number, values: ArrayLike<number>): void {
    this.lengthOf(field, values.length * 8);
    this.#reserve(values.length * 8);
    for (let i = 0; i < values.length; i++) this.#at = this.#buffer.writeDoubleLE(values[i]!, this.#at);
  }

  /** Begins a message in this one. @returns what `close` takes */
  open(field: number): number {
    this.#tag(field, LENGTH);
    this.#reserve(PADDED);
    this.#at += PADDED;
    return this.#at;
  }

  close(opened: number): void {
    this.#length(opened - PADDED, this.#at - opened);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  /** As a varint of four bytes. */
  #length(at: number, bytes: number): void {
    const buffer = this.#buffer;
    buffer[at] = (bytes & 127) | 128;
    buffer[at + 1] = ((bytes >>> 7) & 127) | 128;
    buffer[at + 2] = ((bytes >>> 14) & 127) | 128;
    buffer[at + 3] = (bytes >>> 21) & 127;
  }

  #int(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) return this.#varint(value);
    // Negative numbers take all 64 bits.
    let rest = BigInt.asUintN(64, BigInt(value));
    this.#reserve(MAX_NUMBER_BYTES);
    for (; rest > 127n; rest >>= 7n) this.#buffer[this.#at++] = Number(rest & 127n) | 128;
    this.#buffer[this.#at++] = Number(rest);
  }

  #varint(value: number): void {
    this.#reserve(MAX_NUMBER_BYTES);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#buffer[this.#at++] = (rest % 128) | 128;
    this.#buffer[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}
