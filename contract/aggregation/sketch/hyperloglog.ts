/**
 * HyperLogLog, the sketch of approxCountDistinct: how many different values there are, from 4,096 small numbers.
 *
 *   MD5 of a value's canonical bytes = 12 bits: the register | 52 bits: their leading zeros + 1 is the rank | 64 unused
 *
 * A register keeps the greatest rank it has seen, so that sketches merge by the greater rank and order means nothing.
 * The estimate uses adding, multiplying, dividing and square roots of doubles alone, in one order, so that it is the
 * same number on every engine; materializer/aggregate/hyperloglog-sql.ts says it in SQL.
 *
 * Source: O. Ertl, New cardinality estimation algorithms for HyperLogLog sketches, 2017, algorithm 6. MD5 is used since
 * every engine has it, not for secrecy.
 */
import { createHash } from 'node:crypto';

export const REGISTERS = 4_096;
/** The greatest rank: all of the 52 bits are zero. A register that has seen nothing has rank 0. */
export const RANK_MAX = 53;
/** Of the estimate relative to the true number: 1.04 / sqrt(4,096), one standard deviation. */
export const DISTINCT_ERROR = 0.01625;

/** 1 / (2 ln 2) by the square of the registers, which is a power of two. */
export const ESTIMATE_FACTOR = 0.7213475204444817 * REGISTERS * REGISTERS;
/** Enough for the last term to be too small to change the sum, at each of the 4,097 arguments. */
const SIGMA_ROUNDS = 20;
const TAU_ROUNDS = 40;

/** @param canonical  the canonical bytes of a value */
export function registerOf(canonical: Uint8Array): { readonly register: number; readonly rank: number } {
  const hash = createHash('md5').update(canonical).digest();
  const high = ((hash[1]! & 15) << 16) | hash.readUInt16BE(2);
  const zeros = high === 0 ? 20 + Math.clz32(hash.readUInt32BE(4)) : Math.clz32(high) - 12;
  return { register: hash.readUInt16BE(0) >>> 4, rank: zeros + 1 };
}

/**
 * @param ranks  of the registers that have seen a value, in any order
 * @returns      about how many different values there are, a whole number, rounded half up; 0 without ranks
 */
export function estimateDistinct(ranks: Iterable<number>): number {
  let seen = 0;
  let full = 0;
  // The sum of 2^-rank as two whole numbers, exact whatever the order: ranks up to 26, and those above.
  let low = 0;
  let high = 0;
  for (const rank of ranks) {
    seen += 1;
    if (rank === RANK_MAX) full += 1;
    else if (rank <= 26) high += 2 ** (26 - rank);
    else low += 2 ** (52 - rank);
  }
  if (seen === 0) return 0;
  const sum = (high * 2 ** 26 + low) / 2 ** 52 + taus()[full]!;
  return Math.round(ESTIMATE_FACTOR / (sum + sigmas()[REGISTERS - seen]!));
}

/** By the number of registers that have seen nothing, 0 to 4,096: what they add to the sum. The last is infinite. */
export const sigmas = perRegisters((empty) => {
  if (empty === REGISTERS) return Infinity;
  let x = empty / REGISTERS;
  let sum = x;
  for (let round = 0; round < SIGMA_ROUNDS; round++) {
    x *= x;
    sum += x * 2 ** round;
  }
  return REGISTERS * sum;
});

/** By the number of registers with the greatest rank, 0 to 4,096: what they add to the sum. */
export const taus = perRegisters((full) => {
  let x = 1 - full / REGISTERS;
  if (x === 0 || x === 1) return 0;
  let sum = 1 - x;
  for (let round = 1; round <= TAU_ROUNDS; round++) {
    x = Math.sqrt(x);
    sum -= (1 - x) * (1 - x) * 2 ** -round;
  }
  return (REGISTERS * (sum / 3)) / 2 ** 52;
});

/** Computed at its first use: together they take 30 ms, which a command without a sketch need not wait for. */
function perRegisters(of: (registers: number) => number): () => readonly number[] {
  let numbers: readonly number[] | undefined;
  return () => (numbers ??= Array.from({ length: REGISTERS + 1 }, (_, registers) => of(registers)));
}
