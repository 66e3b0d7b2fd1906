/** DuckDB's SQL for an expression against the same expression in JavaScript, over random expressions and rows. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { canonicalText } from '../../contract/expression/canonical-text.ts';
import { columnSql, overflowSql, valueSql } from '../../project/engine/duckdb/sources/expression-sql.ts';
import { OverflowFault, compileExpression } from '../../contract/expression/evaluate.ts';
import type { ExpressionValue } from '../../contract/expression/evaluate.ts';
import { resolveExpression } from '../../contract/expression/resolve.ts';
import type { Columns, ExpressionType } from '../../contract/expression/resolve.ts';
import { parseExpression } from '../../contract/expression/syntax.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import type { Value } from '../../contract/value-type.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Column, its type in the language and in DuckDB, and values that are hard. */
const COLUMNS = [
  ['i', 'int64', 'BIGINT', [0n, 1n, -1n, 7n, INT64_MIN, INT64_MAX, 2n ** 53n + 1n, -(2n ** 32n)]],
  ['j', 'int64', 'BIGINT', [0n, 2n, -3n, INT64_MAX, INT64_MIN, 10n ** 12n]],
  [
    'x',
    'float64',
    'DOUBLE',
    [0, -0, 1.5, -2.5, 0.1, 1e308, -1e308, 5e-324, 2 ** 53, Infinity, -Infinity, NaN, 1.005],
  ],
  ['y', 'float64', 'DOUBLE', [0, -0, 1, -1, 0.5, 1e-300, 3, NaN, -Infinity, 2 ** 51 + 0.5]],
  [
    's',
    'string',
    'VARCHAR',
    ['', ' a ', 'Ab', 'é', 'İ', 'ß', 'z', '😀x', '\uffff', "o'k", 'a\u0301', '\t b'],
  ],
  ['r', 'string', 'VARCHAR', ['Ab', 'ab', '  ', '\ue000', '𐀀', 'Z']],
  ['p', 'bool', 'BOOLEAN', [true, false]],
  ['q', 'bool', 'BOOLEAN', [true, false]],
  [
    't',
    'timestamp',
    'TIMESTAMP',
    [0n, 86_399_999_999n, 951_782_400_000_000n, 1_795_262_400_123_456n, -1n, -62_135_596_800_000_000n],
  ],
  [
    'u',
    'timestamp',
    'TIMESTAMP',
    [0n, 1_709_164_800_000_000n, 253_402_300_799_999_999n, -2_208_988_800_000_001n],
  ],
] as const;

const columns: Columns = new Map(COLUMNS.map(([name, type]) => [name, type]));
const row = fc.record(
  Object.fromEntries(
    COLUMNS.map(([name, , , values]) => [
      name,
      fc.option(fc.constantFrom(...(values as readonly Value[])), { freq: 6 }),
    ]),
  ),
) as fc.Arbitrary<Record<string, Value>>;

const named = (type: ExpressionType): string[] =>
  COLUMNS.flatMap(([name, of]) => (of === type ? [name] : []));

function expressionOf(type: ExpressionType, depth: number): fc.Arbitrary<string> {
  const of = (t: ExpressionType): fc.Arbitrary<string> => expressionOf(t, depth - 1);
  const leaf = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...named(type)) },
    fc.constantFrom(...LITERALS[type]),
  );
  if (depth === 0) return leaf;
  const list = (t: ExpressionType) =>
    fc.array(of(t), { minLength: 1, maxLength: 3 }).map((items) => items.join(', '));
  const any = fc.constantFrom<ExpressionType>('bool', 'int64', 'float64', 'string', 'timestamp').chain(of);
  const shared = [
    leaf,
    list(type).map((items) => `coalesce(${items})`),
    fc.tuple(of('bool'), of(type), of(type)).map(([w, a, b]) => `case when ${w} then ${a} else ${b} end`),
    fc.tuple(of('bool'), of(type)).map(([w, a]) => `case when ${w} then ${a} end`),
  ];
  switch (type) {
    case 'int64':
      return fc.oneof(
        ...shared,
        fc
          .tuple(of('int64'), fc.constantFrom('+', '-', '*'), of('int64'))
          .map(([a, o, b]) => `(${a} ${o} ${b})`),
        of('int64').map((a) => `-(${a})`),
        fc.tuple(fc.constantFrom('abs', 'floor', 'round'), of('int64')).map(([f, a]) => `${f}(${a})`),
        fc
          .tuple(fc.constantFrom('year', 'month', 'day', 'hour', 'minute', 'isodow'), of('timestamp'))
          .map(([f, a]) => `${f}(${a})`),
      );
    case 'float64':
      return fc.oneof(
        ...shared,
        fc
          .tuple(of('float64'), fc.constantFrom('+', '-', '*', '/'), of('float64'))
          .map(([a, o, b]) => `(${a} ${o} ${b})`),
        fc
          .tuple(of('int64'), fc.constantFrom('+', '*'), of('float64'))
          .map(([a, o, b]) => `(${a} ${o} ${b})`),
        fc.tuple(of('int64'), of('int64')).map(([a, b]) => `(${a} / ${b})`),
        of('float64').map((a) => `-(${a})`),
        fc.tuple(fc.constantFrom('abs', 'floor'), of('float64')).map(([f, a]) => `${f}(${a})`),
        fc.tuple(of('float64'), fc.integer({ min: 0, max: 15 })).map(([a, d]) => `round(${a}, ${d})`),
      );
    case 'bool': {
      const comparison = fc.constantFrom('=', '<>', '!=', '<', '<=', '>', '>=');
      const pair = fc
        .constantFrom<ExpressionType>('int64', 'float64', 'string', 'timestamp')
        .chain((t) => fc.tuple(of(t), comparison, of(t)));
      return fc.oneof(
        ...shared,
        pair.map(([a, o, b]) => `(${a} ${o} ${b})`),
        fc.tuple(of('int64'), comparison, of('float64')).map(([a, o, b]) => `(${a} ${o} ${b})`),
        fc
          .tuple(of('bool'), fc.constantFrom('and', 'or', '='), of('bool'))
          .map(([a, o, b]) => `((${a}) ${o} (${b}))`),
        of('bool').map((a) => `not (${a})`),
        fc.tuple(any, fc.constantFrom('is null', 'is not null')).map(([a, o]) => `(${a}) ${o}`),
        fc
          .constantFrom<ExpressionType>('int64', 'float64', 'string')
          .chain((t) => fc.tuple(of(t), fc.constantFrom('in', 'not in'), list(t)))
          .map(([a, o, items]) => `((${a}) ${o} (${items}, null))`),
        fc
          .constantFrom<ExpressionType>('int64', 'string')
          .chain((t) => fc.tuple(of(t), list(t)))
          .map(([a, items]) => `((${a}) in (${items}))`),
      );
    }
    case 'string':
      return fc.oneof(
        ...shared,
        fc.tuple(fc.constantFrom('lower', 'upper', 'trim'), of('string')).map(([f, a]) => `${f}(${a})`),
        fc
          .tuple(of('string'), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
          .map(([a, from, n]) => `substring(${a}, ${from}, ${n})`),
        fc.tuple(of('string'), fc.integer({ min: 1, max: 4 })).map(([a, from]) => `substring(${a}, ${from})`),
      );
    default:
      return fc.oneof(...shared);
  }
}

const LITERALS: Readonly<Record<ExpressionType, readonly string[]>> = {
  int64: ['0', '1', '-7', '9223372036854775807', '-9223372036854775808', '3'],
  float64: ['0.0', '-0.0', '2.5', '1e308', '.1', '1e-320'],
  string: ["''", "'Ab'", "'it''s'", "'é😀'"],
  bool: ['true', 'false'],
  timestamp: ['t'],
};

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
