/** Types of CSV columns: found over all values, and never such that a value would become another one. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { csvTypes, csvValueSql, keepsDigits } from '../../../../training/table-file/csv-types.ts';
import { DuckDb, quoteText } from '../../../../project/engine/duckdb/duckdb.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

async function typeOf(values: readonly (string | null)[]): Promise<string> {
  await duck.run('CREATE OR REPLACE TABLE texts (c0 VARCHAR)');
  const rows = values.map((value) => `(${value === null ? 'NULL' : quoteText(value)})`);
  if (rows.length > 0) await duck.run(`INSERT INTO texts VALUES ${rows.join(', ')}`);
  return (await csvTypes(duck, 'texts', [0])).get(0)!;
}

describe('a column is', () => {
  test.each<[string, (string | null)[]]>([
    ['BIGINT', ['0', '-7', null, '9223372036854775807', '-9223372036854775808', '9007199254740993']],
    ['DOUBLE', ['1', '0.7', null, '1.50', '-0.0', '1e5', '2E-3', '0.30000000000000004', '1e+16', '5e-324']],
    ['DOUBLE', ['0.10000000000000001', '1.000000000000000056e-01']],
    ['DOUBLE', ['1.5', '9007199254740992', '18446744073709551616']],
    ['BOOLEAN', ['true', 'false', null]],
    ['BOOLEAN', ['True', 'False']],
    ['DATE', ['2026-11-20', '2024-02-29']],
    ['TIMESTAMP', ['2026-11-20 23:59', '2026-11-20T23:59:59.123456', '2026-11-20 00:00:00']],
    ['TIMESTAMPTZ', ['2026-11-20T23:59:59Z', '2026-11-20 23:59:59.5+00:00']],
    ...(
      [
        ['00123', '1'],
        ['1', '00123'],
        ['1', '+5'],
        ['1', ' 2'],
        ['1', '-0'],
        ['1', '1_000'],
        ['1', ''],
        ['1', 'A77'],
        ['1', '9223372036854775808'],
        ['18446744073709551616'],
        ['9007199254740993', '0.5'],
        ['0.5', '123456789.123456789012'],
        ['0.5', '1e999'],
        ['0.5', '1e-999'],
        ['0.5', '1.23456789e-320'],
        ['0.5', 'NaN'],
        ['0.5', 'nan'],
        ['0.5', 'inf'],
        ['0.5', '.5'],
        ['0.5', '5.'],
        ['0.5', '1,5'],
        ['0.5', '0x10'],
        ['true', '1'],
        ['true', 'yes'],
        ['2026-11-20', '2026-02-30'],
        ['2026-11-20', '2026-11-20 10:00:00'],
        ['2026-11-20', 'infinity'],
        ['2026-11-20', '20.11.2026'],
        ['2026-11-20 10:00:00', '2026-11-20T10:00:00Z'],
        ['2026-11-20T10:00:00+02:00'],
        ['2026-11-20 10:00:00.1234567'],
        ['2026-11-20 24:00:00'],
        ['2026-11-20 10:00:60'],
        ['2026-02-30 10:00:00'],
        ['NULL'],
        [''],
        [null],
        [],
      ] as (string | null)[][]
    ).map((values): [string, (string | null)[]] => ['VARCHAR', values]),
  ])('%s: %j', async (type, values) => {
    expect(await typeOf(values)).toBe(type);
    expect(await typeOf(values.toReversed())).toBe(type);
  });
});

/** JavaScript fills whole numbers from 2^53 to 10^21 up with zeros, which are not the double's digits. */
const double = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .filter((value) => Math.abs(value) <= 2 ** 53 || Math.abs(value) >= 1e21);

describe('numbers', () => {
  test('no digit is lost: what any double is written as in JavaScript, Python and C is kept', () => {
    fc.assert(
      fc.property(double, (value) => {
        expect(keepsDigits(String(value))).toBe(true);
        expect(keepsDigits(value.toPrecision(17))).toBe(true);
        expect(keepsDigits(value.toExponential(18))).toBe(true);
      }),
    );
  });

  test('a digit that the double does not have makes the column text', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 62n }), (whole) => {
        expect(keepsDigits(String(whole))).toBe(BigInt(Number(whole)) === whole);
      }),
    );
  });

  test('a column of doubles comes back to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(double, { minLength: 1 }), async (doubles) => {
        const texts = [...doubles.map(String), '0.5'];
        expect(await typeOf(texts)).toBe('DOUBLE');
        const rows = await duck.rows(`SELECT ${csvValueSql('DOUBLE', 'c0')} AS v FROM texts`);
        // JavaScript writes -0 as 0.
        expect(rows.map((row) => row['v'])).toEqual([...doubles.map((v) => (v === 0 ? 0 : v)), 0.5]);
      }),
      { numRuns: 50 },
    );
  });
});
