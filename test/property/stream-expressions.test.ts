/** `where` and `select` over decoded events against DuckDB's SQL of the same view, over random rows of every type. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FeatureView } from '../../contract/model.ts';
import type { StreamField } from '../../contract/stream-source.ts';
import { parseType } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import { viewExpressions } from '../../materializer/stream/view-expressions.ts';
import { DuckDb, duckTypeOf } from '../../project/engine/duckdb/duckdb.ts';
import { expressionColumns, rowSql } from '../../project/engine/duckdb/sources/row-expressions.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';

const INT64_MAX = 2n ** 63n - 1n;

const VALUES: Readonly<Record<string, readonly [type: string, values: readonly Value[]]>> = {
  small: ['int32', [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]],
  whole: ['int64', [0n, 1n, -1n, 7n, INT64_MAX, -INT64_MAX - 1n]],
  narrow: ['float32', [0, -0, 1.5, Math.fround(0.1), NaN, Infinity]],
  price: ['float64', [0, -0, 0.1, -2.5, 1e308, NaN, -Infinity]],
  page: ['string', ['', 'a', 'B', 'é', '😀', '\uffff', ' x ']],
  open: ['bool', [true, false]],
  at: ['timestamp', [0n, 1_769_839_200_500_000n, 86_399_999_999n]],
};
const fields: StreamField[] = Object.entries(VALUES).map(([name, [type]]) => {
  return { name, type: parseType(type)!, unit: null };
});

const WHERE = [
  null,
  'small > 0 and not open',
  'whole + 1 > 0',
  "page in ('a', '😀', null)",
  'narrow < price',
  "page < 'é'",
  'hour(at) = 6 or price is null',
  '-whole < small',
];
const SELECT = [
  'whole * 2',
  'small + 1',
  'narrow * price',
  'price / whole',
  'case when open then page else trim(page) end',
  'coalesce(narrow, price, 0.5)',
  'round(price, 2)',
  'isodow(at)',
  "page = 'a'",
  'abs(whole)',
];

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 2 });
});
afterAll(() => duck.close());

const row = fc.tuple(
  ...Object.values(VALUES).map(([, values]) => fc.option(fc.constantFrom(...values), { freq: 6 })),
) as fc.Arbitrary<Value[]>;

test('an event is excluded, bad or computed here as in DuckDB, to the bit', async () => {
  const seen = { excluded: 0, refused: 0, row: 0 };
  const view = fc.record({
    where: fc.constantFrom(...WHERE),
    select: fc
      .uniqueArray(fc.constantFrom(...SELECT), { maxLength: 4 })
      .map((all) => all.map((expression, i) => ({ name: `c${i}`, expression }))),
  });
  await fc.assert(
    fc.asyncProperty(view, fc.array(row, { minLength: 1, maxLength: 12 }), async (written, rows) => {
      const made = viewExpressions({ ...written, source: { stream: { fields } } } as unknown as FeatureView);
      const columns = new Map(fields.map(({ name, type }) => [name, duckTypeOf(type)]));
      const sql = rowSql(written, expressionColumns(columns), []);
      const faults = sql.faults.map((fault) => `WHEN ${fault.bad} THEN '${fault.reason}'`).join(' ');
      const from = rows.map(
        (values, n) =>
          `SELECT ${n} AS n, ${fields.map(({ name, type }, i) => `${sqlLiteral(type, values[i]!)} AS ${name}`).join(', ')}`,
      );
      const selected = sql.select.map((one) => `TRY(${one.sql}) AS ${one.name}`);
      const expected = await duck.rows(
        `SELECT ${sql.excluded ?? 'false'} AS excluded, ${faults === '' ? 'NULL' : `CASE ${faults} END`} AS reason
          ${selected.map((text) => `, ${text}`).join('')} FROM (${from.join(' UNION ALL ')}) ORDER BY n`,
      );
      for (const [n, values] of rows.entries()) {
        const got = made.compute(values);
        const { excluded, reason, ...computed } = expected[n]!;
        const bad = typeof reason === 'string';
        const all = [...values, ...Object.values(computed)];
        if (excluded === true) expect(got).toEqual({ kind: 'excluded' });
        else expect(got).toEqual(bad ? { kind: 'refused', reason } : { kind: 'row', values: all });
        seen[got.kind] += 1;
      }
    }),
    { numRuns: 150 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
});
