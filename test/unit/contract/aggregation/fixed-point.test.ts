import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  FIXED_MAX,
  POWERS,
  addWhole,
  fixedOf,
  squareOf,
  subtractWhole,
  wholeOf,
} from '../../../../contract/aggregation/fixed-point.ts';
import { fixedSql } from '../../../../materializer/aggregate/fixed-point.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

test('a float in fixed point is what the SQL makes of it, halves away from zero', async () => {
  expect([0.0000005, -0.0000005, -0.0000015, 2.5e-7].map((value) => fixedOf(value, 6))).toEqual([
    1, -1, -2, 0,
  ]);
  const random = seededRandom();
  for (const scale of [0, 2, 6, 22]) {
    const values = Array.from({ length: 2_000 }, () => {
      const value = ((Math.floor(random() * 2_000_001) - 1_000_000) * 0.5) / 10 ** Math.floor(random() * 9);
      return Math.abs(value * POWERS[scale]!) > FIXED_MAX ? value / 1e10 : value;
    }).filter((value) => Math.abs(value * POWERS[scale]!) <= FIXED_MAX);
    const rows = await duck.rows(
      `SELECT (${fixedSql('v', { kind: 'float64' }, scale)})::VARCHAR AS fixed
       FROM (SELECT unnest([${values.map((value) => value.toExponential()).join(', ')}]::DOUBLE[]) AS v)`,
    );
    expect(values.map((value) => BigInt(fixedOf(value, scale)))).toEqual(
      rows.map((row) => BigInt(row['fixed'] as string)),
    );
  }
});

test('whole numbers are exact on both sides of 2^53, and a number where that is exact', () => {
  const random = seededRandom();
  for (let i = 0; i < 5_000; i++) {
    const [a, b] = [0, 0].map(() => {
      const value = BigInt(Math.floor((random() - 0.5) * 2 ** 53)) * 3n ** BigInt(Math.floor(random() * 12));
      return random() < 0.5 ? value : BigInt(Math.floor((random() - 0.5) * 2 ** 20));
    }) as [bigint, bigint];
    for (const [got, exact] of [
      [addWhole(wholeOf(a), wholeOf(b)), a + b],
      [subtractWhole(wholeOf(a), wholeOf(b)), a - b],
      [squareOf(wholeOf(a)), a * a],
    ] as const) {
      expect([BigInt(got), typeof got]).toEqual([
        exact,
        BigInt(Number.MAX_SAFE_INTEGER) >= (exact < 0n ? -exact : exact) ? 'number' : 'bigint',
      ]);
    }
  }
});
