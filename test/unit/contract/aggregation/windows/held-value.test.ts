/** What a type makes of a value, or that it cannot hold it: as DuckDB casts it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { heldValue } from '../../../../../contract/aggregation/windows/held-value.ts';
import type { Value, ValueType } from '../../../../../contract/value-type.ts';
import { DuckDb, duckTypeOf } from '../../../../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../../../../project/engine/duckdb/sql-literal.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

const DOUBLES = [
  -2_251_799_813_685_248.5,
  0,
  0.5,
  1.5,
  2.5,
  -0.5,
  -1.5,
  2_147_483_647.4,
  2_147_483_647.5,
  -2_147_483_648.5,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  1e300,
  3.4028235677973366e38,
  3.4028234e38,
  1e-50,
  -1e-50,
  16_777_217,
];
const WHOLES = [
  0n,
  1n,
  -1n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  16_777_217n,
  1_152_921_573_326_323_713n,
];

test.each(['int32', 'int64', 'float32', 'float64'] as const)(
  'values of doubles and of int64 as %s',
  async (kind) => {
    const random = seededRandom();
    const doubles = [
      ...DOUBLES,
      ...Array.from({ length: 300 }, () => (random() - 0.5) * 2 ** Math.floor(random() * 140)),
    ];
    const wholes = [
      ...WHOLES,
      ...Array.from({ length: 300 }, () =>
        BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) << BigInt(Math.floor(random() * 11))),
      ),
      // Halfway between two float32 but for the last bit.
      ...Array.from(
        { length: 100 },
        () => (BigInt(Math.floor(random() * 2 ** 24)) * 2n + 1n) * 2n ** 36n + (random() < 0.5 ? 1n : -1n),
      ),
    ];
    const typed = [
      ...doubles.map((value) => [{ kind: 'float64' }, value] as const),
      ...wholes.map((value) => [{ kind: 'int64' }, value] as const),
    ];
    const target = duckTypeOf({ kind });
    // A bare cast makes -2147483648 of 2147483647.5.
    const rounded = (type: ValueType, value: Value): string =>
      kind.startsWith('int') && type.kind === 'float64'
        ? `TRY_CAST(${sqlLiteral(type, value)} AS BIGINT)`
        : sqlLiteral(type, value);
    const rows = await duck.rows(
      typed
        .map(([type, value], i) => `SELECT ${i} AS i, TRY_CAST(${rounded(type, value)} AS ${target}) AS held`)
        .join(' UNION ALL '),
    );
    for (const row of rows) {
      const [, value] = typed[Number(row['i'])]!;
      // A zero of floats has no sign, here and in the SQL of aggregates.
      const held = row['held'] === 0 ? 0 : row['held'];
      expect([value, heldValue({ kind }, value) ?? null]).toEqual([value, held]);
    }
  },
);
