/** The states of agreeing values, counted in SQL, against the judge's `stateOf`. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PRESENT } from '../../../../contract/status.ts';
import { parseType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { stateOf } from '../../../../monitor/causes/value-state.ts';
import { countAgreeing, layAgreeing } from '../../../../monitor/replay/agreeing-counts.ts';
import { AGREES_PRESENT, SPLIT } from '../../../../monitor/replay/row-split.ts';
import { LAID_ROWS } from '../../../../monitor/replay/rows-in-force.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../../../project/engine/duckdb/sql-literal.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

test.each<[string, readonly Value[]]>([
  ['float64', [null, 0, -0, 1.5, Number.NaN, Infinity]],
  ['float32', [null, 0, -0, 1.5, Number.NaN]],
  ['int64', [null, 0n, 7n]],
  ['int32', [null, 0, 7]],
  ['bool', [null, false, true]],
  ['string', [null, '', ' ', '0']],
  ['bytes', [null, Buffer.of(), Buffer.of(0)]],
  ['timestamp', [null, 0n, 1n]],
  ['list<float64>', [null, [], [0]]],
  ['map<int64>', [null, new Map(), new Map([['a', 0n]])]],
  ['struct<length: float64>', [null, { length: 0 }]],
])('%s', async (name, values) => {
  const type = parseType(name)!;
  const rows = values.map(
    (value, n) => `SELECT ${n} AS value, 0 AS present, ${sqlLiteral(type, value)} AS v0`,
  );
  // The first value is that of one vector, the next of two, and so on.
  const vectors = values.flatMap((_, n) => Array.from({ length: n + 1 }, () => `(${n})`));
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${LAID_ROWS} AS ${rows.join(' UNION ALL ')};
    CREATE OR REPLACE TEMP TABLE ${SPLIT} AS
      SELECT h.rowid AS n, false AS is_tensor, ${AGREES_PRESENT} AS agrees, 0 AS reading
      FROM (VALUES ${vectors.join(', ')}) t(value) JOIN ${LAID_ROWS} h USING (value)`);
  const expected = new Map<string, number>();
  for (const [n, value] of values.entries()) {
    const state = stateOf(PRESENT, value);
    expected.set(state, (expected.get(state) ?? 0) + n + 1);
  }
  await layAgreeing(duck);
  const { given, states, rows: there } = await countAgreeing(duck, [{ type, counted: 'plain' }]);
  expect(given).toBe(vectors.length);
  expect(there).toEqual([values.filter((value) => value !== null).length]);
  expect(Object.fromEntries(states[0]!)).toEqual(Object.fromEntries(expected));
});
