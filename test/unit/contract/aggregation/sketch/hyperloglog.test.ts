/** Registers against the bits written out, estimates against the paper's loops, and how near they come. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalBytes } from '../../../../../contract/aggregation/sketch/canonical-value.ts';
import {
  DISTINCT_ERROR,
  estimateDistinct,
  RANK_MAX,
  registerOf,
  REGISTERS,
  sigmas,
  taus,
} from '../../../../../contract/aggregation/sketch/hyperloglog.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

/** Algorithm 6 of Ertl's paper as it stands there, with loops that end when nothing changes. */
function ertl(ranks: readonly number[]): number {
  const histogram = Array<number>(RANK_MAX + 1).fill(0);
  for (const rank of ranks) histogram[rank]! += 1;
  histogram[0] = REGISTERS - ranks.length;
  let z = REGISTERS * tau(1 - histogram[RANK_MAX]! / REGISTERS);
  for (let k = RANK_MAX - 1; k >= 1; k--) z = 0.5 * (z + histogram[k]!);
  z += REGISTERS * sigma(histogram[0] / REGISTERS);
  return Math.round((REGISTERS * REGISTERS) / (2 * Math.LN2 * z));
}

function sigma(from: number): number {
  let [x, y, z, before] = [from, 1, from, -1];
  if (x === 1) return Infinity;
  while (z !== before) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(from: number): number {
  let [x, y, z, before] = [from, 1, 1 - from, -1];
  if (x === 0 || x === 1) return 0;
  while (z !== before) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}

test('register and rank are the bits of the MD5, zeros counted in its text', () => {
  const values = Array.from({ length: 20_000 }, (_, i) => `value ${i}`);
  for (const value of values) {
    const hex = createHash('md5').update(value).digest('hex');
    const bits = BigInt(`0x${hex.slice(3, 16)}`)
      .toString(2)
      .padStart(52, '0');
    const rank = bits.includes('1') ? bits.indexOf('1') + 1 : RANK_MAX;
    expect(registerOf(Buffer.from(value))).toEqual({ register: parseInt(hex.slice(0, 3), 16), rank });
  }
});

test('canonical bytes are frozen: one value has one hash, whatever the width of its type', () => {
  const hex = (kind: 'bool' | 'int32' | 'int64' | 'float32' | 'float64' | 'string', value: never): string =>
    canonicalBytes({ kind }, value).toString('hex');
  expect(hex('float64', -0 as never)).toBe('0000000000000000');
  expect(hex('float64', 1.5 as never)).toBe('3ff8000000000000');
  expect(hex('float32', 1.5 as never)).toBe('3ff8000000000000');
  expect(canonicalBytes({ kind: 'int64' }, -12n)).toEqual(Buffer.from('-12'));
  expect(canonicalBytes({ kind: 'int32' }, -12)).toEqual(Buffer.from('-12'));
  expect(canonicalBytes({ kind: 'timestamp' }, 1_600_000_000_000_001n)).toEqual(
    Buffer.from('1600000000000001'),
  );
  expect(canonicalBytes({ kind: 'bool' }, false)).toEqual(Buffer.from('false'));
  expect(canonicalBytes({ kind: 'string' }, '😀')).toEqual(Buffer.from('f09f9880', 'hex'));
});

test('the estimate is that of the paper: random registers, full ones, ranks at the end', () => {
  const random = seededRandom();
  for (let round = 0; round < 2_000; round++) {
    const seen = [0, 1, 2, 100, 3_000, REGISTERS][round % 6]!;
    const shift = random() * 50;
    const ranks = Array.from({ length: seen }, () =>
      Math.min(RANK_MAX, 1 + Math.floor(shift - Math.log2(random()))),
    );
    expect(Math.abs(estimateDistinct(ranks) / ertl(ranks) - 1) || 0).toBeLessThan(1e-13);
  }
  expect(estimateDistinct(Array<number>(REGISTERS).fill(RANK_MAX))).toBe(Infinity);
});

test('the constants: sums that no further round would change', () => {
  for (const n of [0, 1, 7, 2_048, 4_000, 4_095, 4_096]) {
    expect(sigmas()[n]).toBe(REGISTERS * sigma(n / REGISTERS));
    expect(taus()[n]! * 2 ** 52).toBe((REGISTERS * (tau(1 - n / REGISTERS) * 3)) / 3);
  }
});

test('the estimate of n different values is exact for few and within five standard deviations for many', () => {
  for (const n of [1, 2, 10, 100, 1_000, 10_000, 200_000]) {
    const registers = new Map<number, number>();
    for (let i = 0; i < n; i++) {
      const { register, rank } = registerOf(canonicalBytes({ kind: 'int64' }, BigInt(i * 7)));
      registers.set(register, Math.max(rank, registers.get(register) ?? 0));
    }
    const off = Math.abs(estimateDistinct(registers.values()) - n);
    expect(off).toBeLessThanOrEqual(n <= 10 ? 0 : 5 * DISTINCT_ERROR * n);
  }
});
