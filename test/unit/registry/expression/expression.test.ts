import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalText } from '../../../../contract/expression/canonical-text.ts';
import {
  columnSql,
  overflowSql,
  valueSql,
} from '../../../../project/engine/duckdb/sources/expression-sql.ts';
import { OverflowFault, compileExpression } from '../../../../contract/expression/evaluate.ts';
import type { ExpressionValue } from '../../../../contract/expression/evaluate.ts';
import { columnsOf, resolveExpression } from '../../../../contract/expression/resolve.ts';
import type { Columns, ExpressionType } from '../../../../contract/expression/resolve.ts';
import { parseExpression } from '../../../../contract/expression/syntax.ts';
import { ExpressionFault } from '../../../../contract/expression/token.ts';

const columns: Columns = new Map<string, ExpressionType | null>([
  ['quantity', 'int64'],
  ['Unit Price', 'float64'],
  ['cancelled', 'bool'],
  ['country', 'string'],
  ['at', 'timestamp'],
  ['tags', null],
]);
const typed = (text: string, type: ExpressionType | null = null) =>
  resolveExpression(parseExpression(text), columns, type);
const valueOf = (text: string, row: Readonly<Record<string, ExpressionValue>> = {}): ExpressionValue =>
  compileExpression(typed(text), (name) => (of: typeof row) => of[name] ?? null)(row);

describe('what an expression is worth', () => {
  test.each([
    // What binds tighter: sign, product, sum, comparison, not, and, or.
    ['1 + 2 * 3', 7n],
    ['(1 + 2) * 3', 9n],
    ['10 - 2 - 3', 5n],
    ['-2 * -3', 6n],
    ['not true or true', true],
    ['true or false and false', true],
    ['not 1 = 2', true],
    ['1 + 1 = 2 and 3 > 2', true],
    // Numbers.
    ['7 / 2', 3.5],
    ['1 / 0', null],
    ['1 / -0.0', null],
    ['1 + 0.5', 1.5],
    ['round(2.5)', 3],
    ['round(-2.5)', -3],
    ['round(1.005, 2)', 1],
    ['round(7)', 7n],
    ['floor(-1.5)', -2],
    ['abs(-3)', 3n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['1e308 * 10 - 1e308 * 10', null],
    ['1e308 * 10 > 1', true],
    // Null is neither true nor false.
    ['null = 1', null],
    ['1 in (2, null)', null],
    ['1 in (1, null)', true],
    ['1 not in (2, 3)', true],
    ['null is null', undefined],
    ['quantity is null', true],
    ['false and quantity = 1', false],
    ['true or quantity = 1', true],
    ['true and quantity = 1', null],
    ['coalesce(quantity, 5)', 5n],
    ['case when quantity = 1 then 1 else 2 end', 2n],
    ['case when false then 1 end', null],
    // Texts.
    ["lower('ÀB')", 'Àb'],
    ["upper('ß a')", 'ß A'],
    ["trim('  a\t ')", 'a\t'],
    ["substring('a😀bc', 2, 2)", '😀b'],
    ["substring('abc', 9)", ''],
    ["'\uffff' < '😀'", true],
    ["'it''s'", "it's"],
  ] as const)('%s', (text, expected) => {
    if (expected === undefined) expect(() => valueOf(text)).toThrow('null alone has no type');
    else expect(valueOf(text)).toBe(expected);
  });

  test('a column is named without case, and in quotes where its name is no word', () => {
    const row = { quantity: 3n, 'Unit Price': 0.5, cancelled: false, at: 1_795_262_400_000_000n };
    expect(valueOf('QUANTITY * "unit price"', row)).toBe(1.5);
    expect(valueOf('quantity > 0 AND NOT cancelled', row)).toBe(true);
    expect(valueOf('year(at) * 10000 + month(at) * 100 + day(at)', row)).toBe(20261121n);
    expect(valueOf('isodow(at)', row)).toBe(6n);
    expect([...columnsOf(typed('Quantity * "unit price"'))]).toEqual(['quantity', 'Unit Price']);
  });

  test('an integer that leaves 64 bits makes the row a bad one, but not in a branch that is not reached', () => {
    for (const text of ['9223372036854775807 + 1', '-(-9223372036854775808)', 'abs(-9223372036854775808)']) {
      expect(() => valueOf(text)).toThrow(OverflowFault);
    }
    expect(() => valueOf('false and 9223372036854775807 * 2 > 0')).toThrow(OverflowFault);
    expect(valueOf('case when true then 1 else 9223372036854775807 * 2 end')).toBe(1n);
    expect(valueOf('coalesce(1, 9223372036854775807 * 2)')).toBe(1n);
  });
});

describe('mistakes', () => {
  test.each([
    ['', 0, 'expected a column, a value or "(", got the end'],
    ['quantity >', 10, 'expected a column, a value or "(", got the end'],
    ['quantity quantity', 9, 'expected the end, or an operator, got "quantity"'],
    ['(quantity', 9, 'expected ")", got the end'],
    ['quantity > 0 > 1', 13, 'expected the end, or an operator, got ">"'],
    ['quantitty > 0', 0, 'the source has no column quantitty, did you mean "quantity"?'],
    ['tags is null', 0, 'the column tags has a type that no expression takes'],
    ['cuntry = 1', 0, 'did you mean "country"?'],
    ['country + 1', 8, '"+" takes numbers, got a text'],
    ["quantity + 'a'", 9, '"+" takes numbers, got a text'],
    ["'a' * 'b'", 4, '"*" takes numbers, got a text'],
    ['cancelled < true', 10, 'does not order true and false'],
    ['not quantity', 4, 'expected true or false, got an int64'],
    ['quantity is 1', 12, 'expected null, got "1"'],
    ['lowr(country)', 0, 'there is no function lowr, did you mean "lower"?'],
    ['lower(country, country)', 0, 'lower takes one value, got 2'],
    ['round("Unit Price", quantity)', 20, 'the decimals of round is a literal from 0 to 15'],
    ['substring(country, 0)', 19, 'the beginning of substring is a literal from 1'],
    ['year(quantity)', 5, 'expected a timestamp, got an int64'],
    ['quantity in ()', 9, '"in" has no values'],
    ['quantity % 2', 9, '"%" means nothing here; there is no remainder'],
    ["country = 'a", 10, "the ' is never closed"],
    ['1e999', 0, '1e999 is past every float64'],
    ['9223372036854775808', 0, 'is no integer of 64 bits'],
    ['case 1 when 1 then 2 end', 5, 'expected when, got "1"'],
    ['case when true then 1', 21, 'expected when, else or end, got the end'],
    ['coalesce()', 0, 'coalesce takes values'],
    ['null', 0, 'null alone has no type'],
    ["'a\0'", 0, 'a text holds no NUL'],
  ])('%j at %i', (text, at, message) => {
    const fault = (() => {
      try {
        return typed(text);
      } catch (error) {
        return error;
      }
    })();
    expect(fault).toBeInstanceOf(ExpressionFault);
    expect(fault).toMatchObject({ at, message: expect.stringContaining(message) });
  });

  test('a where that is no truth is told', () => {
    expect(() => typed('quantity + 1', 'bool')).toThrow('expected true or false, got an int64');
  });

  test('depth and length are bounded, by a sentence and not by the stack', () => {
    for (const text of [
      '('.repeat(5_000),
      '-'.repeat(5_000),
      `${'not '.repeat(2_000)}true`,
      `${'1+'.repeat(4_000)}1`,
      'case when '.repeat(900),
      'lower('.repeat(900),
      'x'.repeat(10_001),
    ]) {
      expect(() => typed(text), text.slice(0, 20)).toThrow(ExpressionFault);
    }
    expect(valueOf(`${'1+'.repeat(98)}1`)).toBe(99n);
  });

  test('any text is an expression or an ExpressionFault', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        ...'and or not in is null ( ) , - + * / < case when then else end quantity country 1 1.5'.split(' '),
      ),
      fc.constantFrom("'", '"', "'a'", '"Unit Price"', 'round(', 'coalesce('),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        try {
          typed(words.join(' '));
        } catch (error) {
          if (!(error instanceof ExpressionFault)) throw error;
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the canonical text', () => {
  test.each([
    ['a>0 AND  not b', '(a > 0) and (not b)'],
    ['(a) > (0) and (not (b))', '(a > 0) and (not b)'],
    ['"a" != 1', 'a <> 1'],
    ['A + 1.0', 'A + 1.0'],
    ['"Unit Price" + "case"', '"Unit Price" + "case"'],
    ['-(5)', '-(5)'],
    ['LOWER(a)', 'lower(a)'],
  ])('%s', (text, canonical) => {
    expect(canonicalText(parseExpression(text))).toBe(canonical);
  });
});

test('a decimal is read through its text, a float without NaN, an unsigned integer only within 64 bits', () => {
  expect(columnSql('"d"', 'DECIMAL(38,6)')).toBe('"d"::VARCHAR::DOUBLE');
  expect(columnSql('"f"', 'FLOAT')).toBe(`nullif("f"::DOUBLE, 'NaN'::DOUBLE)`);
  expect(columnSql('"u"', 'UBIGINT')).toBe('TRY_CAST("u" AS BIGINT)');
  expect(overflowSql(typed('country = country'), (name) => name)).toBeNull();
  expect(valueSql(typed('quantity'), (name) => `"${name}"`)).toBe('"quantity"');
});
