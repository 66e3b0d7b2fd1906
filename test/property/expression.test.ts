/** DuckDB's SQL for an expression against the same expression in JavaScript, over random expressions and rows. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { canonicalText } from '../../contract/expression/canonical-text.ts';
import { columnSql, overflowSql, valueSql } from '../../project/engine/duckdb/sources/expression-sql.ts';
import { OverflowFault, compileExpression } from '../../contract/expression/evaluate.ts';
import type { ExpressionValue } from '../../contract/expression/evaluate.ts';
import { resolveExpression } from '../../contract/expression/resolve.ts';
import type { ExpressionType } from '../../contract/expression/resolve.ts';
import { parseExpression } from '../../contract/expression/syntax.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import type { Value } from '../../contract/value-type.ts';
import { COLUMNS, columns, expressionOf, row } from '../support/fixtures/random-expressions.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

const TYPES_OF = {
  int64: 'int64',
  float64: 'float64',
  string: 'string',
  bool: 'bool',
  timestamp: 'timestamp',
} as const;

async function inDuckDb(
  rows: readonly Record<string, Value>[],
  sql: string,
  type: ExpressionType,
): Promise<unknown[]> {
  const list = rows.map((one, n) => {
    const values = COLUMNS.map(
      ([name, t]) => `${sqlLiteral({ kind: TYPES_OF[t] }, one[name]!)} AS ${quoteName(name)}`,
    );
    return `SELECT ${n} AS n, ${values.join(', ')}`;
  });
  // Floats by their bits, times by their microseconds: nothing may hide behind how values are read.
  const shown = type === 'timestamp' ? `epoch_us(${sql})` : type === 'float64' ? `(${sql})::DOUBLE` : sql;
  const found = await duck.rows(`SELECT ${shown} AS v FROM (${list.join(' UNION ALL ')}) ORDER BY n`);
  return found.map(({ v }) => v);
}

/** As `columnSql` reads a column: NaN is null. */
const reader =
  (name: string) =>
  (one: Record<string, Value>): ExpressionValue => {
    const value = one[name] as ExpressionValue;
    return typeof value === 'number' && Number.isNaN(value) ? null : value;
  };

test('any expression of any row is the same in DuckDB and here, and overflows in the same rows', async () => {
  let overflowed = 0;
  let computed = 0;
  const type = fc.constantFrom<ExpressionType>('bool', 'int64', 'float64', 'string', 'timestamp');
  const asked = type.chain((t) =>
    fc.tuple(fc.constant(t), expressionOf(t, 3), fc.array(row, { minLength: 1, maxLength: 8 })),
  );
  await fc.assert(
    fc.asyncProperty(asked, async ([of, text, rows]) => {
      const expression = resolveExpression(parseExpression(text), columns, of);
      const column = (name: string): string =>
        columnSql(quoteName(name), COLUMNS.find(([n]) => n === name)![2]);
      const values = await inDuckDb(rows, valueSql(expression, column), of);
      const overflow = overflowSql(expression, column);
      const overflows = overflow === null ? rows.map(() => false) : await inDuckDb(rows, overflow, 'bool');
      const compute = compileExpression(expression, reader);
      for (const [n, one] of rows.entries()) {
        let expected: ExpressionValue = null;
        let faulty = false;
        try {
          expected = compute(one);
        } catch (fault) {
          if (!(fault instanceof OverflowFault)) throw fault;
          faulty = true;
        }
        expect(overflows[n], `${text} overflows`).toBe(faulty);
        if (!faulty)
          expect(Object.is(values[n], expected) ? 'same' : [values[n], expected], text).toBe('same');
        overflowed += faulty ? 1 : 0;
        computed += faulty ? 0 : 1;
      }
    }),
    { numRuns: 600 },
  );
  expect(overflowed).toBeGreaterThan(20);
  expect(computed).toBeGreaterThan(500);
});

test('the canonical text of an expression is read back as the same tree, and is its own canonical text', () => {
  const any = fc
    .constantFrom<ExpressionType>('bool', 'int64', 'float64', 'string')
    .chain((t) => expressionOf(t, 3));
  fc.assert(
    fc.property(any, (text) => {
      const canonical = canonicalText(parseExpression(text));
      expect(canonicalText(parseExpression(canonical))).toBe(canonical);
      const typed = (of: string) => resolveExpression(parseExpression(of), columns);
      expect(typed(canonical)).toEqual(typed(text));
    }),
  );
});
