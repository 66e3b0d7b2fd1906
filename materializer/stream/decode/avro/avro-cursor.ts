/**
 * Reads the binary encoding of Avro. What is none throws an AvroFault, with words that follow "the message".
 *
 *   int, long   zigzag varint      bytes, string   long length, bytes
 *   array, map  blocks of a long count (negative: of as many, then a long of bytes) and the items, until a count of 0
 */
import { isUtf8 } from 'node:buffer';

export class AvroFault extends Error {}

const MAX_VARINT_BYTES = 10;
/** Seven varint bytes have 49 bits, which a number holds. */
const MAX_NUMBER_BYTES = 7;

export class AvroCursor {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  open(bytes: Buffer, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  bool(): boolean {
    const byte = this.#bytes[this.#step(1)]!;
    if (byte > 1) throw new AvroFault(`has a boolean of ${byte}`);
    return byte === 1;
  }

  /** @returns exactly: a bigint from 2^48 in size on */
  long(): number | bigint {
    const bytes = this.#bytes;
    const from = this.#at;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < MAX_NUMBER_BYTES; i++) {
      const byte = bytes[from + i];
      if (byte === undefined) throw new AvroFault('ends within a number');
      value += (byte & 127) * factor;
      if (byte < 128) {
        this.#at = from + i + 1;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
      factor *= 128;
    }
    return this.#longer(BigInt(value));
  }

  #longer(low: bigint): bigint {
    let value = low;
    for (let i = MAX_NUMBER_BYTES; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#bytes[this.#at + i];
      if (byte === undefined) throw new AvroFault('ends within a number');
      value |= BigInt(byte & 127) << BigInt(7 * i);
      if (byte >= 128) continue;
      this.#at += i + 1;
      if (value >= 2n ** 64n) break;
      return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n);
    }
    throw new AvroFault('has a number past 64 bits');
  }

  int(): number {
    const value = this.long();
    if (typeof value === 'number' && (value | 0) === value) return value;
    throw new AvroFault(`has an int past 32 bits, ${value}`);
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#step(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#step(8));
  }

  /** @returns a view, not a copy */
  bytes(): Buffer {
    return this.fixed(this.#length());
  }

  fixed(size: number): Buffer {
    const from = this.#step(size);
    return this.#bytes.subarray(from, from + size);
  }

  string(): string {
    const size = this.#length();
    const from = this.#step(size);
    const bytes = this.#bytes.subarray(from, from + size);
    if (!isUtf8(bytes)) throw new AvroFault('has a text that is no UTF-8');
    return bytes.toString('utf8');
  }

  /** Which of a union's or an enum's so many is meant. */
  index(count: number): number {
    const index = this.long();
    if (typeof index === 'number' && index >= 0 && index < count) return index;
    throw new AvroFault(`names the type or symbol ${index} of ${count}`);
  }

  /** @returns how many items the next block has; 0: there is no more */
  block(): number {
    let count = this.long();
    if (count < 0) {
      count = -count;
      this.#length();
    }
    // An item has a byte, but for nulls, of which nobody sends a list.
    if (typeof count === 'number' && count <= this.left) return count;
    throw new AvroFault(`has a block of ${count} items, and ${this.left} bytes are left`);
  }

  #length(): number {
    const length = this.long();
    if (typeof length === 'number' && length >= 0) return length;
    throw new AvroFault(`has a length of ${length}`);
  }

  /** @returns where it begins */
  #step(bytes: number): number {
    const { left } = this;
    if (bytes > left) throw new AvroFault(`should have ${bytes} bytes more, and ${left} are left`);
    const from = this.#at;
    this.#at += bytes;
    return from;
  }
}
