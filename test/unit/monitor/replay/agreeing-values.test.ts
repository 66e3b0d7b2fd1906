/** Values of agreeing rows as models received them, against a list in which each stands as often as it was answered. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ValueType } from '../../../../contract/value-type.ts';
import { agreeingPairs } from '../../../../monitor/replay/agreeing-values.ts';
import { IN_FORCE } from '../../../../monitor/replay/rows-in-force.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../../../project/engine/duckdb/sql-literal.ts';
import '../../../support/property-seed.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

const DOUBLE: ValueType = { kind: 'float64' };
const row = fc.record({
  value: fc.constantFrom(null, 0, -0, 0.1, Math.fround(0.1), 7, 1e300, -1e300, NaN, Infinity),
  plain: fc.nat(3),
  tensors: fc.nat(2),
});

test('numbers, rounded where a tensor of float32 had them; each value once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 15 }), async (rows) => {
      const sql = rows.map(
        ({ value, plain, tensors }) =>
          `(${sqlLiteral(DOUBLE, value)}, ${plain + tensors}::UINTEGER, ${tensors}::UINTEGER)`,
      );
      await duck.run(`CREATE OR REPLACE TEMP TABLE ${IN_FORCE} AS
        SELECT * FROM (VALUES ${sql.join(', ')}) t(v0, vectors, tensors)`);
      const all = rows.flatMap(({ value, plain, tensors }) =>
        value === null
          ? []
          : [...Array<number>(plain).fill(value + 0), ...Array<number>(tensors).fill(Math.fround(value) + 0)],
      );
      const finite = all.filter(Number.isFinite).toSorted((a, b) => a - b);
      const { value } = await agreeingPairs(duck, [
        { type: DOUBLE, texts: new Set(), counted: 'plain' },
      ]).next();
      expect([...value!.numbers.values]).toEqual([...new Set(finite)]);
      expect([...value!.numbers.counts]).toEqual(
        [...new Set(finite)].map((one) => finite.filter((other) => other === one).length),
      );
      expect(value).toMatchObject({
        nan: all.filter(Number.isNaN).length,
        infinite: all.filter((one) => Math.abs(one) === Infinity).length,
      });
    }),
    { numRuns: 60 },
  );
});
