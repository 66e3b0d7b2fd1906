/** Buckets against a search of the bounds, percentiles against the sorted values, and the table against its hash. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  BUCKETS,
  bucketOf,
  middleOf,
  PERCENTILE_ERROR,
  percentileOf,
  UPPER_BOUNDS,
} from '../../../../../contract/aggregation/sketch/ddsketch.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

/** Any finite double, as often near zero as far off. */
function anyDouble(random: () => number): number {
  const view = new DataView(new ArrayBuffer(8));
  do {
    view.setUint32(0, random() * 2 ** 32);
    view.setUint32(4, random() * 2 ** 32);
  } while (!Number.isFinite(view.getFloat64(0)));
  return view.getFloat64(0);
}

test('the table is frozen: another bound would put values of stored sketches into other buckets', () => {
  const bytes = Buffer.alloc(8 * (BUCKETS + 1) * 2);
  for (let i = 0; i <= BUCKETS; i++) {
    bytes.writeDoubleBE(UPPER_BOUNDS[i]!, 16 * i);
    bytes.writeDoubleBE(middleOf(i), 16 * i + 8);
  }
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(
    '10f16cf38ef98d6a387b7fb2cc054231492219d42e923838c8085372a9e920fa',
  );
});

test('a value is in the first bucket whose bound is not below it', () => {
  const random = seededRandom();
  const bounds = [...UPPER_BOUNDS.subarray(1)];
  const near = bounds.flatMap((bound) => [bound, bound * (1 + 2 ** -52), bound * (1 - 2 ** -53)]);
  const values = [...near, ...Array.from({ length: 20_000 }, () => anyDouble(random))];
  for (const value of [...values, Number.MIN_VALUE, Number.MAX_VALUE, 1, 1e-12, 2 ** 63]) {
    const at = bounds.findIndex((bound) => Math.abs(value) <= bound);
    const bucket = at === -1 ? BUCKETS : at + 1;
    expect([value, bucketOf(value)]).toEqual([value, value < 0 ? -bucket : bucket]);
    expect(bucketOf(-value)).toBe(value < 0 ? bucket : -bucket);
  }
  expect([bucketOf(0), bucketOf(-0), middleOf(0)]).toEqual([0, 0, 0]);
});

test('the middle of a bucket is within 1 % of the values in it, from 1e-12 to past the largest int64', () => {
  for (let bucket = 2; bucket <= BUCKETS; bucket++) {
    const [low, high] = [UPPER_BOUNDS[bucket - 1]!, UPPER_BOUNDS[bucket]!];
    expect((high - middleOf(bucket)) / high).toBeLessThan(PERCENTILE_ERROR + 1e-12);
    expect((middleOf(bucket) - low) / low).toBeLessThan(PERCENTILE_ERROR + 1e-12);
  }
  expect(UPPER_BOUNDS[BUCKETS]!).toBeGreaterThan(2 ** 63);
});

test('a percentile is within 1 % of the value at its place', () => {
  const random = seededRandom();
  for (let round = 0; round < 300; round++) {
    const n = 1 + Math.floor(random() * 200);
    const values = Array.from({ length: n }, () => Math.trunc((random() - 0.3) * 1e4) / 100);
    const counts = new Map<number, number>();
    for (const value of values) counts.set(bucketOf(value), (counts.get(bucketOf(value)) ?? 0) + 1);
    const q = 0.001 + 0.998 * random();
    const exact = values.toSorted((a, b) => a - b)[Math.floor(q * (n - 1))]!;
    const about = percentileOf(
      [...counts].toSorted(([a], [b]) => a - b),
      q,
    )!;
    expect(Math.abs(about - exact)).toBeLessThanOrEqual(Math.abs(exact) * PERCENTILE_ERROR * (1 + 1e-9));
  }
  expect(percentileOf([], 0.5)).toBeNull();
});
