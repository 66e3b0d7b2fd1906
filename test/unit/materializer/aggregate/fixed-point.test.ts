import { afterAll, beforeAll, expect, test } from 'vitest';
import { limbsOfSquare, squaresSql, sumSql } from '../../../../materializer/aggregate/fixed-point.ts';
import { planAggregates } from '../../../../materializer/aggregate/aggregate-plan.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';

const LIMB = 2n ** 64n;
const LIMIT = 10n ** 38n;

let duck: DuckDb;

beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

/** @returns the sum of squares that two sums of limbs stand for; null: it is not held */
async function held(high: bigint, low: bigint): Promise<bigint | null> {
  const [row] = await duck.rows(
    `SELECT (${squaresSql('high', 'low')})::VARCHAR AS sum FROM (SELECT ${high}::HUGEINT AS high, ${low}::HUGEINT AS low)`,
  );
  const sum = row!['sum'] as string | null;
  return sum === null ? null : BigInt(sum);
}

test('sums of squares are held to the last below the limit, wherever their limbs lie', async () => {
  const limbs = LIMIT / LIMB;
  expect(await held(0n, 0n)).toBe(0n);
  expect(await held(limbs - 1n, LIMB - 1n)).toBe(limbs * LIMB - 1n);
  expect(await held(limbs, (LIMIT % LIMB) - 1n)).toBe(LIMIT - 1n);
  expect(await held(limbs - 3n, 3n * LIMB + (LIMIT % LIMB) - 1n)).toBe(LIMIT - 1n);
});

test('from the limit on none is, be it reached by the upper limb or by what the lower one carries', async () => {
  const limbs = LIMIT / LIMB;
  expect(await held(limbs, LIMIT % LIMB)).toBeNull();
  expect(await held(limbs - 1n, LIMB + (LIMIT % LIMB))).toBeNull();
  expect(await held(limbs + 10n ** 18n, 10n ** 30n)).toBeNull();
});

test.each([0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 10n ** 18n, -(10n ** 18n)])(
  'the limbs of %i squared',
  async (value) => {
    const { high, low } = limbsOfSquare(`${value}::HUGEINT`);
    const [row] = await duck.rows(`SELECT (${high})::VARCHAR AS high, (${low})::VARCHAR AS low`);
    expect(BigInt(row!['high'] as string) * LIMB + BigInt(row!['low'] as string)).toBe(value * value);
  },
);

test('a sum of floats that is held as a whole number is a number, not one in fixed point', async () => {
  const { view, entity } = aggregatedView({
    joinKeys: [{ name: 'id', type: 'int32' }],
    path: 'events.parquet',
    eventTime: 'at',
    createdTime: null,
    hopUs: 1_000_000,
    features: [
      {
        name: 'f',
        function: 'sum',
        column: 'price',
        columnType: { kind: 'float64' },
        type: { kind: 'int64' },
      },
    ],
  });
  const [feature] = planAggregates(view, entity).features;
  const [row] = await duck.rows(
    `SELECT (${sumSql('s', feature!)})::BIGINT AS sum FROM (SELECT 2000000::HUGEINT AS s)`,
  );
  expect(row).toEqual({ sum: 2n });
});
