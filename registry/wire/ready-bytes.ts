/**
 * Bytes that are written often, with what their CRC needs of them: the CRC-32 (zlib's) of a frame made of such bytes
 * is put together from theirs, and only the bytes between are looked at again.
 *
 *   frame      | own bytes |     ready     | own bytes |     ready     | own |
 *   register   --- table -->  shift and xor --- table -->  shift and xor -->
 *
 * CRC is linear: the register behind A and B is that behind A, shifted by B's zero bits, xor that of B alone. The shift
 * is a product modulo CRC's polynomial with a factor that depends on B's length only. A record of 50 rows has 45 KB, of
 * which 100 bytes are its own: its CRC takes 2 us so, and 19 to 25 over all of it (loadtest/vector-log-bench.ts).
 */
import { crc32 } from 'node:zlib';

/** The polynomial with its bits reversed, as zlib has it: the highest bit stands for x^0. */
const POLYNOMIAL = 0xedb88320 | 0;
/** x^0 and x^8, the shift by one byte. */
const ONE = 0x80000000 | 0;
const ONE_BYTE = 0x00800000;
/** From here on the native code wins over the table. */
const LONG_BYTES = 192;

const TABLE = table();

export class ReadyBytes {
  readonly bytes: Buffer;
  /** Behind these bytes alone, from 0. */
  readonly register: number;
  /** By which a register is multiplied to pass over so many bytes. */
  readonly factor: number;

  /** @param bytes  kept, not copied: they must stay what they are */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    // zlib inverts the register at both ends: -1 comes to it as 0.
    this.register = ~crc32(bytes, 0xffff_ffff);
    this.factor = factorOf(bytes.length);
  }
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
      register = multiply(over(register, buffer, at, this.#starts[i]!), factor) ^ own;
      at = this.#starts[i]! + bytes.length;
    }
    return ~over(register, buffer, at, to) >>> 0;
  }
}

/** @returns the register behind `buffer[from, to)` */
function over(register: number, buffer: Buffer, from: number, to: number): number {
  if (to - from > LONG_BYTES) return ~crc32(buffer.subarray(from, to), ~register >>> 0);
  let r = register;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    r ^= buffer[i]! | (buffer[i + 1]! << 8) | (buffer[i + 2]! << 16) | (buffer[i + 3]! << 24);
    r =
      TABLE[768 + (r & 255)]! ^
      TABLE[512 + ((r >>> 8) & 255)]! ^
      TABLE[256 + ((r >>> 16) & 255)]! ^
      TABLE[r >>> 24]!;
  }
  for (; i < to; i++) r = TABLE[(r ^ buffer[i]!) & 255]! ^ (r >>> 8);
  return r;
}

/** The product of two polynomials modulo CRC's; no branch depends on the bits. */
function multiply(a: number, b: number): number {
  let product = 0;
  let left = a;
  let right = b;
  for (let bit = 0; bit < 32; bit++) {
    product ^= right & (left >> 31);
    left <<= 1;
    right = (right >>> 1) ^ (POLYNOMIAL & -(right & 1));
  }
  return product;
}

/** Rows of a view are mostly of one length. */
let lastBytes = 0;
let lastFactor = ONE;

/** @returns x^(8 bytes) */
function factorOf(bytes: number): number {
  if (bytes === lastBytes) return lastFactor;
  let factor = ONE;
  let square = ONE_BYTE;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) factor = multiply(factor, square);
    square = multiply(square, square);
  }
  lastBytes = bytes;
  lastFactor = factor;
  return factor;
}

/** Four times 256 registers: behind a byte, and behind that byte and one, two or three zero bytes. */
function table(): Int32Array {
  const all = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let r = byte;
    for (let bit = 0; bit < 8; bit++) r = (r >>> 1) ^ (POLYNOMIAL & -(r & 1));
    all[byte] = r;
  }
  for (let i = 256; i < all.length; i++) {
    const before = all[i - 256]!;
    all[i] = all[before & 255]! ^ (before >>> 8);
  }
  return all;
}
