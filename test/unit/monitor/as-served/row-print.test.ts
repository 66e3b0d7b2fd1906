/** What prints must tell apart, and what they must not. */
import { expect, test } from 'vitest';
import { printSql } from '../../../../monitor/as-served/row-print.ts';
import type { ValueType } from '../../../../contract/value-type.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';

const DOUBLE: ValueType = { kind: 'float64' };
const FLOAT: ValueType = { kind: 'float32' };
const TEXT: ValueType = { kind: 'string' };

test.each<[string, ValueType, string, string, boolean]>([
  ['0 and -0', DOUBLE, "'0'::DOUBLE", "'-0'::DOUBLE", false],
  ['0 and -0 of float32', FLOAT, "'0'::FLOAT", "'-0'::FLOAT", false],
  ['two zeros', DOUBLE, "'0'::DOUBLE", "'0.0'::DOUBLE", true],
  ['NaN and NaN', DOUBLE, "'nan'::DOUBLE", "'-nan'::DOUBLE", true],
  ['null and zero', DOUBLE, 'NULL::DOUBLE', "'0'::DOUBLE", false],
  ['null and the empty text', TEXT, 'NULL::VARCHAR', "''", false],
])('%s', async (_, type, a, b, isSame) => {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    const print = printSql([{ type, sql: 'v' }]);
    const [one, two] = await duck.rows(
      `SELECT ${print} AS p FROM (VALUES (0, ${a}), (1, ${b})) t(n, v) ORDER BY n`,
    );
    expect(one!['p'] === two!['p']).toBe(isSame);
  } finally {
    duck.close();
  }
});
