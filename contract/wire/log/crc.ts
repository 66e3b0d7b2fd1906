/**
 * The arithmetic of CRC-32 (zlib's): the CRC of joined bytes, computed from the CRCs of their parts.
 *
 *   register   the CRC before its last inversion, as a signed 32-bit number; ~seed at the start
 *   A then B   the register after A, times a factor that depends on B's length alone, xor the register after B from 0
 *
 * Products are of polynomials, modulo the CRC's. Called by ready-bytes.ts (writing) and spool-frame.ts (checking many
 * frames at once).
 */
import { crc32 } from 'node:zlib';

/** The polynomial with its bits reversed, as zlib has it: the highest bit stands for x^0. */
const POLYNOMIAL = 0xedb88320 | 0;
/** x^0. */
const ONE = 0x80000000 | 0;
/** From this length on the native code is faster than the table. */
const LONG_BYTES = 192;

const TABLE = table();
const FACTORS = factors();
/** Passes over as many bytes as the table has entries. */
const FULL_TABLE = overZero(FACTORS.at(-1)!);

/** @returns the register behind `buffer[from, to)` */
export function crcOver(register: number, buffer: Buffer, from: number, to: number): number {
  if (to - from > LONG_BYTES) return ~crc32(buffer.subarray(from, to), ~register >>> 0);
  let r = register;
  let i = from;
  for (; i + 8 <= to; i += 8) {
    r ^= buffer[i]! | (buffer[i + 1]! << 8) | (buffer[i + 2]! << 16) | (buffer[i + 3]! << 24);
    r =
      TABLE[1_792 + (r & 255)]! ^
      TABLE[1_536 + ((r >>> 8) & 255)]! ^
      TABLE[1_280 + ((r >>> 16) & 255)]! ^
      TABLE[1_024 + (r >>> 24)]! ^
      TABLE[768 + buffer[i + 4]!]! ^
      TABLE[512 + buffer[i + 5]!]! ^
      TABLE[256 + buffer[i + 6]!]! ^
      TABLE[buffer[i + 7]!]!;
  }
  for (; i < to; i++) r = TABLE[(r ^ buffer[i]!) & 255]! ^ (r >>> 8);
  return r;
}

/** The product of two polynomials modulo CRC's; no branch depends on the bits. */
function crcTimes(a: number, b: number): number {
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

/** @returns the factor that takes a register past so many zero bytes; below 4 KiB it is looked up */
function crcFactor(bytes: number): number {
  let factor = FACTORS[bytes % FACTORS.length]!;
  let square = FULL_TABLE;
  for (let rest = Math.floor(bytes / FACTORS.length); rest > 0; rest >>>= 1) {
    if (rest & 1) factor = crcTimes(factor, square);
    square = crcTimes(square, square);
  }
  return factor;
}

/**
 * For each of the first lengths that came up: 4 x 256 products of its factor with a byte at each place of a register.
 * Bounded, since each table has 4 KiB and takes as long to make as a hundred products.
 */
const passed = new Map<number, Int32Array>();
const MOST_PASSED = 64;

/** @returns the register passed over so many bytes: four look-ups, or a product (33 ns) for an unusual length */
export function crcPassed(register: number, bytes: number): number {
  let products = passed.get(bytes);
  if (products === undefined) {
    if (passed.size === MOST_PASSED) return crcTimes(register, crcFactor(bytes));
    passed.set(bytes, (products = passedTable(crcFactor(bytes))));
  }
  return (
    products[register & 255]! ^
    products[256 + ((register >>> 8) & 255)]! ^
    products[512 + ((register >>> 16) & 255)]! ^
    products[768 + (register >>> 24)]!
  );
}

function passedTable(factor: number): Int32Array {
  const all = new Int32Array(4 * 256);
  for (let bit = 0; bit < 32; bit++) {
    const product = crcTimes(1 << bit, factor);
    const from = (bit >> 3) * 256;
    const step = 1 << (bit & 7);
    for (let low = 0; low < step; low++) all[from + step + low] = product ^ all[from + low]!;
  }
  return all;
}

/** @returns the register behind four more bytes, given as a little-endian number */
export function crcWord(register: number, word: number): number {
  const r = register ^ word;
  return (
    TABLE[768 + (r & 255)]! ^
    TABLE[512 + ((r >>> 8) & 255)]! ^
    TABLE[256 + ((r >>> 16) & 255)]! ^
    TABLE[r >>> 24]!
  );
}

/** Eight times 256 registers: behind a byte, and behind that byte and one to seven zero bytes. */
function table(): Int32Array {
  const all = new Int32Array(8 * 256);
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

/** x^8 to the powers of 0 to 4,095: a byte more is a step over a zero byte. */
function factors(): Int32Array {
  const all = new Int32Array(4_096);
  all[0] = ONE;
  for (let i = 1; i < all.length; i++) all[i] = overZero(all[i - 1]!);
  return all;
}

function overZero(register: number): number {
  return TABLE[register & 255]! ^ (register >>> 8);
}
