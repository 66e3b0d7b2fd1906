/** Texts that are counted in DuckDB and named only where they must be, against all of them. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countTexts } from '../../../../monitor/replay/counted-texts.ts';
import { compareCategories } from '../../../../monitor/statistics/distribution.ts';
import { DuckDb, quoteText } from '../../../../project/engine/duckdb/duckdb.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

const none = 'SELECT NULL::VARCHAR AS x, 0::DOUBLE AS c WHERE false';
const countsSql = (counts: ReadonlyMap<string, number>): string =>
  [none, ...[...counts].map(([text, c]) => `SELECT ${quoteText(text)}, ${c}::DOUBLE`)].join(' UNION ALL ');

const text = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => `v${n}`),
  fc.constantFrom('', ' ', "it's", 'é', '38 other values'),
);
const counts = fc
  .array(fc.tuple(text, fc.integer({ min: 1, max: 6 })), { maxLength: 60, size: 'max' })
  .map((all) => new Map(all));
const changes = fc
  .uniqueArray(
    fc.record({ served: fc.option(text), replayed: fc.option(text), rows: fc.integer({ min: 1, max: 9 }) }),
    {
      maxLength: 12,
      selector: ({ served, replayed }) => JSON.stringify([served, replayed]),
    },
  )
  .map((all) => all.filter(({ served, replayed }) => served !== replayed));

test('what is told of them is what all of them would tell', async () => {
  let unnamed = 0;
  await fc.assert(
    fc.asyncProperty(counts, changes, async (agreeing, differing) => {
      const named = differing.flatMap(({ served, replayed }) => [served, replayed]);
      const known = await countTexts(duck, countsSql(agreeing), new Set(named.filter((one) => one !== null)));
      const all = { counted: agreeing, rest: { values: 0, rows: 0 } };
      expect(compareCategories(known, differing)).toEqual(compareCategories(all, differing));
      expect(known.counted.size).toBeLessThanOrEqual(12 + new Set(named).size);
      unnamed += known.rest.values;
    }),
    { numRuns: 60 },
  );
  expect(unnamed).toBeGreaterThan(100);
});
