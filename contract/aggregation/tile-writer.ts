/**
 * Writes the bytes of tiles into one growing buffer, of which `take` gives a copy.
 *
 *   whole number   zigzag (0, -1, 1, -2 ... as 0, 1, 2, 3 ...), then seven bits a byte, the lowest first, any size
 *   count          the same without the zigzag
 *   text           its bytes as a count, then UTF-8
 *   bool           0 or 1 · float32, float64: four or eight bytes, big-endian
 */
import type { ValueType } from '../value-type.ts';
import type { TileValue } from './canonical-order.ts';
import type { Whole } from './fixed-point.ts';

const FIRST_BYTES = 4_096;
const MAX_UTF8_PER_CODE_UNIT = 3;
/** Above it doubling a number is no longer exact. */
const MAX_ZIGZAG = 2 ** 52;

export class TileWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  /** Bytes that were written since the last time they were taken. */
  get length(): number {
    return this.#at;
  }

  /** @returns a copy of what was written since the last time */
  take(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
    return bytes;
  }

  /** What another one wrote. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = byte;
  }

  /** @param value  a whole number from 0 to 2^53 - 1 */
  count(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
  }

  whole(value: Whole): void {
    if (typeof value === 'number' && value >= -MAX_ZIGZAG && value < MAX_ZIGZAG) {
      this.count(value < 0 ? -2 * value - 1 : 2 * value);
      return;
    }
    const whole = BigInt(value);
    let rest = whole < 0n ? -2n * whole - 1n : 2n * whole;
    while (rest > 127n) {
      this.byte(Number(rest & 127n) + 128);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  text(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.count(bytes);
    this.#reserve(text.length * MAX_UTF8_PER_CODE_UNIT);
    this.#at += this.#buffer.write(text, this.#at);
  }

  value({ kind }: ValueType, value: TileValue): void {
    switch (kind) {
      case 'bool':
        return this.byte(value === true ? 1 : 0);
      case 'string':
        return this.text(value as string);
      case 'float32':
        this.#reserve(4);
        this.#at = this.#buffer.writeFloatBE(value as number, this.#at);
        return;
      case 'float64':
        this.#reserve(8);
        this.#at = this.#buffer.writeDoubleBE(value as number, this.#at);
        return;
      default:
        return this.whole(value as Whole);
    }
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
