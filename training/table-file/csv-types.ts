/**
 * The types of a CSV's columns in Parquet, found over all their values. A column gets a type only where every value of
 * it stays what its text says; whatever would become another value leaves the column text.
 *
 *   BIGINT        0, 12, -7: no leading zero, no sign but -, within 64 bits
 *   DOUBLE        numbers as JSON writes them (0.5, 1.50, 1e5, also whole ones among them), of which no digit is lost:
 *                 the double, written with as many digits, is the text again. Not NaN, which may stand for null
 *   BOOLEAN       true and false, in small letters, capitals, or with a capital in front
 *   DATE          2026-11-20
 *   TIMESTAMP     2026-11-20 23:59, with seconds and up to 6 digits of them; a T may stand for the blank
 *   TIMESTAMPTZ   the same with Z or +00:00; another offset would be lost
 *   VARCHAR       everything else: 00123, +5, a column that mixes dates and times, one without any value
 *
 * The first value of a column tells which types are possible, so that text costs nothing and a number one test.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';

const WHOLE = /^-?(?:0|[1-9]\d*)$/;
const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?`;
const LOCAL_TIME = String.raw`\d{4}-\d{2}-\d{2}[ T]${CLOCK}`;
const UTC_TIME = String.raw`${LOCAL_TIME}(?:Z|\+00:00)`;
const BOOLS = "('true', 'false', 'True', 'False', 'TRUE', 'FALSE')";
/** More digits than a double could ever need; JavaScript writes at most 101. */
const DIGITS_MAX = 101;

type CsvType = 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'DATE' | 'TIMESTAMP' | 'TIMESTAMPTZ' | 'VARCHAR';

/**
 * @param from     FROM item whose columns `c0`, `c1`, ... are VARCHAR
 * @param columns  the numbers of those to find types for
 */
export async function csvTypes(
  duck: DuckDb,
  from: string,
  columns: readonly number[],
): Promise<Map<number, CsvType>> {
  const types = new Map<number, CsvType>(columns.map((i) => [i, 'VARCHAR']));
  if (columns.length === 0) return types;
  const [first] = await duck.rows(
    `SELECT ${columns.map((i) => `first(c${i}) FILTER (c${i} IS NOT NULL) AS c${i}`).join(', ')} FROM ${from}`,
  );
  const tests = columns.flatMap((i) =>
    candidates(first![`c${i}`] as string | null).map((type) => ({ i, type, name: `${type}_${i}` })),
  );
  if (tests.length === 0) return types;
  const [passed] = await duck.rows(
    `SELECT ${tests.map(({ i, type, name }) => `bool_and(c${i} IS NULL OR coalesce(${testSql(type, `c${i}`)}, false)) AS ${name}`).join(', ')},
      ${tests.map(({ i, name }) => `bool_or(c${i} LIKE '%.%' OR c${i} ILIKE '%e%') AS fraction_${name}`).join(', ')}
      FROM ${from}`,
  );
  for (const { i, type, name } of tests) {
    if (types.get(i) !== 'VARCHAR') continue;
    // Whole numbers past 64 bits are ids more often than quantities: only fractions make a column DOUBLE.
    if (type === 'DOUBLE') {
      if (passed![`fraction_${name}`] !== true) continue;
      if (passed![name] !== true && !(await keepAllDigits(duck, from, `c${i}`))) continue;
    } else if (passed![name] !== true) continue;
    types.set(i, type);
  }
  return types;
}

/** @returns an expression for the column's values in its type */
export function csvValueSql(type: CsvType, column: string): string {
  return type === 'VARCHAR' ? column : `CAST(${column} AS ${type})`;
}

function candidates(first: string | null): CsvType[] {
  if (first === null) return [];
  if (WHOLE.test(first)) return ['BIGINT', 'DOUBLE'];
  if (NUMBER.test(first)) return ['DOUBLE'];
  if (BOOLS.includes(`'${first}'`)) return ['BOOLEAN'];
  if (/^\d{4}-\d{2}-\d{2}$/.test(first)) return ['DATE'];
  if (new RegExp(`^${LOCAL_TIME}$`).test(first)) return ['TIMESTAMP'];
  if (new RegExp(`^${UTC_TIME}$`).test(first)) return ['TIMESTAMPTZ'];
  return [];
}

function testSql(type: CsvType, column: string): string {
  switch (type) {
    case 'BIGINT':
      return `CAST(TRY_CAST(${column} AS BIGINT) AS VARCHAR) = ${column}`;
    case 'DOUBLE':
      // Up to 15 digits no double loses any. What fits neither is looked at one by one.
      return `${shortestSql(column)} OR ${shortSql(column)}`;
    case 'BOOLEAN':
      return `${column} IN ${BOOLS}`;
    case 'DATE':
      return `isfinite(TRY_CAST(${column} AS DATE)) AND CAST(TRY_CAST(${column} AS DATE) AS VARCHAR) = ${column}`;
    case 'TIMESTAMP':
      return `regexp_full_match(${column}, '${LOCAL_TIME}') AND TRY_CAST(${column} AS TIMESTAMP) IS NOT NULL`;
    default:
      return `regexp_full_match(${column}, '${UTC_TIME}') AND TRY_CAST(${column} AS TIMESTAMPTZ) IS NOT NULL`;
  }
}

function shortestSql(column: string): string {
  const value = `TRY_CAST(${column} AS DOUBLE)`;
  return `(isfinite(${value}) AND CAST(${value} AS VARCHAR) = ${column})`;
}

function shortSql(column: string): string {
  const digits = `length(replace(replace(${column}, '-', ''), '.', ''))`;
  return String.raw`(regexp_full_match(${column}, '-?(?:0|[1-9]\d*)(?:\.\d+)?') AND ${digits} <= 15)`;
}

async function keepAllDigits(duck: DuckDb, from: string, column: string): Promise<boolean> {
  const sql = `SELECT ${column} AS text FROM ${from}
    WHERE ${column} IS NOT NULL AND NOT coalesce(${testSql('DOUBLE', column)}, false)`;
  for await (const rows of duck.chunks(sql)) {
    if (!rows.every((row) => keepsDigits(row['text'] as string))) return false;
  }
  return true;
}

/** @returns whether a text is a number whose double, written with as many digits, is that text again */
export function keepsDigits(text: string): boolean {
  const match = NUMBER.exec(text);
  if (match === null) return false;
  const [, , whole, fraction = '', power = '0'] = match;
  const digits = (whole! + fraction).replace(/^0+/, '');
  if (digits === '') return true;
  const value = Math.abs(Number(text));
  if (digits.length > DIGITS_MAX || !Number.isFinite(value) || value === 0) return false;
  const [mantissa, exponent] = value.toExponential(digits.length - 1).split('e');
  const leading = whole!.length + fraction.length - digits.length;
  return (
    mantissa!.replace('.', '') === digits && Number(exponent) === whole!.length - leading - 1 + Number(power)
  );
}
