/**
 * Bytes that are written often, with their CRC's register: the CRC-32 (zlib's) of a frame made of such bytes is put
 * together from these registers, and only the bytes between them are read again.
 *
 *   frame      | own bytes |     ready     | own bytes |     ready     | own |
 *   register   --- table -->  shift and xor --- table -->  shift and xor -->
 *
 * A record of 50 rows has 45 KB, of which 100 bytes are its own: encoding it takes 6 us this way, and 26 us with a CRC
 * over all of it (benchmarks/micro/vector-log-bench.ts).
 */
import { crc32 } from 'node:zlib';
import { crcOver, crcPassed } from './crc.ts';

/**
 * The table takes 0.8 ns a byte, zlib 0.145 and 150 ns for the call: where more is own than this, all is read again at
 * once. Fifty rows with ten computed values each are more own than ready.
 */
const OWN_SHARE = 5;
const CALL_BYTES = 1_024;

export class ReadyBytes {
  /** Holds the ready bytes, `length` of them. */
  readonly buffer: Buffer;
  readonly from: number;
  readonly length: number;
  /** The CRC's register after these bytes alone, from 0. */
  readonly register: number;

  /**
   * @param buffer    kept, not copied: the bytes must stay what they are for as long as this is used
   * @param register  what `registerOf` gives for them, where it is known
   */
  constructor(
    buffer: Buffer,
    from = 0,
    length = buffer.length - from,
    register = registerOf(buffer, from, length),
  ) {
    this.buffer = buffer;
    this.from = from;
    this.length = length;
    this.register = register;
  }
}

/** @returns the CRC's register after these bytes alone, from 0 */
export function registerOf(buffer: Buffer, from: number, length: number): number {
  // For no bytes zlib's answer depends on the pointer, so it is not asked.
  if (length === 0) return 0;
  // zlib inverts the register at both ends, so -1 stands for 0.
  return ~crc32(buffer.subarray(from, from + length), 0xffff_ffff);
}

/** Where ready bytes stand in a buffer, in order. */
export class ReadySpans {
  // Overwritten and never shortened: an array cut to length 0 frees its memory and has to grow again.
  readonly #starts: number[] = [];
  readonly #parts: ReadyBytes[] = [];
  #count = 0;
  #bytes = 0;

  clear(): void {
    this.#count = 0;
    this.#bytes = 0;
  }

  /** @param at  behind the last span */
  add(at: number, part: ReadyBytes): void {
    this.#starts[this.#count] = at;
    this.#parts[this.#count] = part;
    this.#count += 1;
    this.#bytes += part.length;
  }

  /** @returns the CRC of `buffer[from, to)`, which holds all spans, continued from the CRC `seed` */
  crc(buffer: Buffer, from: number, to: number, seed: number): number {
    const bytes = to - from;
    if ((bytes - this.#bytes) * OWN_SHARE > bytes + CALL_BYTES) return crc32(buffer.subarray(from, to), seed);
    let register = ~seed;
    let at = from;
    for (let i = 0; i < this.#count; i++) {
      const { length, register: own } = this.#parts[i]!;
      register = crcPassed(crcOver(register, buffer, at, this.#starts[i]!), length) ^ own;
      at = this.#starts[i]! + length;
    }
    return ~crcOver(register, buffer, at, to) >>> 0;
  }
}
