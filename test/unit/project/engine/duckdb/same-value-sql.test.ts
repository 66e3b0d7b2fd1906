/** Equality in SQL against `isSame`: true of no two values that it tells apart, and of scalars true whenever it is. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseType } from '../../../../../contract/value-type.ts';
import type { Value } from '../../../../../contract/value-type.ts';
import { isSame } from '../../../../../monitor/causes/value-equality.ts';
import { sameValueSql } from '../../../../../project/engine/duckdb/same-value-sql.ts';
import { DuckDb } from '../../../../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../../../../project/engine/duckdb/sql-literal.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

const DOUBLES = [null, 0, -0, 1.5, -1.5, Number.NaN, Infinity, -Infinity, 5e-324];

test.each<[string, readonly Value[]]>([
  ['float64', DOUBLES],
  ['float32', DOUBLES.slice(0, 8)],
  ['int64', [null, 0n, 2n ** 53n, 2n ** 53n + 1n]],
  ['bool', [null, false, true]],
  ['string', [null, '', 'a', 'A', 'a\0']],
  ['bytes', [null, Buffer.of(), Buffer.of(0), Buffer.of(0, 0)]],
  ['timestamp', [null, 0n, 1n]],
  ['embedding(2)', [null, Float32Array.of(0, 1), Float32Array.of(-0, 1), Float32Array.of(0, Number.NaN)]],
  ['list<float64>', [null, [], [0], [-0], [null], [Number.NaN]]],
  ['list<string>', [null, ['a, b'], ['a', 'b'], ['NULL'], [null]]],
  ['struct<a: float64>', [null, { a: 0 }, { a: -0 }, { a: null }]],
])('%s', async (name, values) => {
  const type = parseType(name)!;
  for (const a of values)
    for (const b of values) {
      const [x, y] = [sqlLiteral(type, a), sqlLiteral(type, b)];
      const [row] = await duck.rows(
        `SELECT ${sameValueSql(type, 'x', 'y')} AS same FROM (SELECT ${x} AS x, ${y} AS y)`,
      );
      expect(row!['same'], `${x} and ${y}`).toBe(isSame(type, a, b));
    }
});
