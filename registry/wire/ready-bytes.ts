/**
 * Bytes that are written often, with what their CRC needs of them: the CRC-32 (zlib's) of a frame made of such bytes
 * is put together from theirs, and only the bytes between are looked at again.
 *
 *   frame      | own bytes |     ready     | own bytes |     ready     | own |
 *   register   --- table -->  shift and xor --- table -->  shift and xor -->
 *
 * A record of 50 rows has 45 KB, of which 100 bytes are its own: encoding it takes 6 us so, and 26 with a CRC over all
 * of it (loadtest/vector-log-bench.ts).
 */
import { crc32 } from 'node:zlib';
import { crcFactor, crcOver, crcTimes } from './crc.ts';

export class ReadyBytes {
  readonly bytes: Buffer;
  #register: number;
  /** By which a register is multiplied to pass over so many bytes. */
  readonly factor: number;

  /** @param bytes  kept, not copied: whoever changes them says so */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#register = registerOf(bytes);
    this.factor = crcFactor(bytes.length);
  }

  /** Behind these bytes alone, from 0. */
  get register(): number {
    return this.#register;
  }

  /** To be called before the bytes are written anywhere once more. */
  changed(): void {
    this.#register = registerOf(this.bytes);
  }
}

function registerOf(bytes: Buffer): number {
  // zlib inverts the register at both ends: -1 comes to it as 0.
  return ~crc32(bytes, 0xffff_ffff);
}

/** Where ready bytes stand in a buffer, in order. */
export class ReadySpans {
  // Written over and never cut: an array that is cut to nothing gives its memory back and grows anew.
  readonly #starts: number[] = [];
  readonly #parts: ReadyBytes[] = [];
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  /** @param at  behind the last span */
  add(at: number, part: ReadyBytes): void {
    this.#starts[this.#count] = at;
    this.#parts[this.#count] = part;
    this.#count += 1;
  }

  /** @returns the CRC of `buffer[from, to)`, in which all spans lie, that goes on from the CRC `seed` */
  crc(buffer: Buffer, from: number, to: number, seed: number): number {
    let register = ~seed;
    let at = from;
    for (let i = 0; i < this.#count; i++) {
      const { bytes, register: own, factor } = this.#parts[i]!;
      register = crcTimes(crcOver(register, buffer, at, this.#starts[i]!), factor) ^ own;
      at = this.#starts[i]! + bytes.length;
    }
    return ~crcOver(register, buffer, at, to) >>> 0;
  }
}
