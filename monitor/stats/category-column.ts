/**
 * Compares how often each value of a column occurs in two files: L-infinity over all values; chi-square over the values
 * most frequent in both files together, with the rest combined; and how many values a does not have.
 *
 * Neither test may choose its categories by one side's counts: the values that are the most frequent ones of a are in
 * part so by chance, and are rarer in any other sample of the same values.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { sharedChiSquare } from '../statistics/shared-categories.ts';
import { newValuesProbability } from '../statistics/new-values.ts';
import { fileSql } from './compared-columns.ts';
import type { ComparedColumn, Files, Sides } from './compared-columns.ts';

/** This many values, the most frequent of both files together, are categories of their own. */
const MOST_CATEGORIES = 20;
/** A longer value is cut in the result. */
const MOST_CHARACTERS = 200;

export interface CategoryDifference {
  /** The largest difference between the two shares of a value, over all values. */
  readonly lInfinity: number;
  /** The value with that difference; null: no value differs. */
  readonly furthest: string | null;
  /** null when there is only one category. */
  readonly chiSquare: {
    readonly statistic: number;
    readonly degreesOfFreedom: number;
    readonly p: number;
  } | null;
  /** Values that a does not have. */
  readonly newValues: NewValues;
  /** Values by their frequency on both sides, then `other` and `new`, which are one category of the chi-square. */
  readonly table: readonly CategoryCount[];
}

/** How many values of b are not in a, and how many would not be if each row had come to its side by chance. */
interface NewValues {
  readonly values: number;
  readonly expected: number;
  /** The share of b's rows with such values beyond what chance gives; at least 0. */
  readonly share: number;
  /** At most this probable without a change. */
  readonly p: number;
}

interface CategoryCount {
  /** own: a single value · other: all further values of a · new: all further values, which a does not have */
  readonly kind: 'own' | 'other' | 'new';
  /** The value; null: the category is not a single value. */
  readonly value: string | null;
  /** How many values the category holds. */
  readonly values: number;
  /** Rows of the category on each side. */
  readonly a: number;
  readonly b: number;
}

/**
 * Compares a column of categories.
 *
 * @param present  how many rows of each side are not null
 * @returns        null when a side has none
 */
export async function compareCategoryColumn(
  duck: DuckDb,
  files: Files,
  { name }: ComparedColumn,
  present: Sides,
): Promise<CategoryDifference | null> {
  if (present.a === 0 || present.b === 0) return null;
  // Uses the column's own name: in a WHERE, `v` could be a column of the file that has this name.
  const side = (file: string, inA: number): string =>
    `SELECT ${quoteName(name)}::VARCHAR AS v, ${inA} AS in_a FROM ${fileSql(file)} WHERE ${quoteName(name)} IS NOT NULL`;
  const gap = `a / ${present.a} - b / ${present.b}`;
  const counted =
    `WITH counted AS MATERIALIZED (SELECT v, count(*) FILTER (in_a = 1)::DOUBLE AS a, ` +
    `count(*) FILTER (in_a = 0)::DOUBLE AS b FROM (${side(files.a, 1)} UNION ALL ${side(files.b, 0)}) GROUP BY v), ` +
    `ranked AS (SELECT *, CASE WHEN row_number() OVER (ORDER BY a + b DESC, v) <= ${MOST_CATEGORIES} THEN 'own' ` +
    `WHEN a = 0 THEN 'new' ELSE 'other' END AS kind FROM counted) `;
  const table = await duck.rows(
    `${counted} SELECT kind, CASE kind WHEN 'own' THEN v END AS v, count(*)::DOUBLE AS values, sum(a) AS a, sum(b) AS b ` +
      `FROM ranked GROUP BY 1, 2 ORDER BY kind = 'own' DESC, kind = 'other' DESC, sum(a + b) DESC, v`,
  );
  const [furthest] = await duck.rows(
    `${counted} SELECT v, abs(${gap}) AS gap FROM counted ORDER BY gap DESC, v LIMIT 1`,
  );
  // By chance a value of n rows has all of them in b with the probability that a row is of b, to the power of n.
  const allInB = `pow(${present.b} / ${present.a + present.b}, a + b)`;
  const [chance] = await duck.rows(
    `${counted} SELECT count(*) FILTER (a = 0)::DOUBLE AS values, coalesce(sum(b) FILTER (a = 0), 0) AS rows, ` +
      `sum(${allInB}) AS expected, sum((a + b) * ${allInB}) AS expected_rows FROM counted`,
  );
  const counts = table as unknown as (Omit<CategoryCount, 'value'> & { readonly v: string | null })[];
  const lInfinity = furthest!['gap'] as number;
  return {
    lInfinity,
    furthest: lInfinity === 0 ? null : shortText(furthest!['v'] as string),
    chiSquare: sharedChiSquare(counts.map(({ kind, a, b }) => ({ isOwn: kind === 'own', a, b }))),
    newValues: newValues(chance as unknown as Chance, present),
    table: counts.map(({ kind, v, values, a, b }) => ({
      kind,
      value: v === null ? null : shortText(v),
      values,
      a,
      b,
    })),
  };
}

interface Chance {
  readonly values: number;
  readonly rows: number;
  readonly expected: number;
  readonly expected_rows: number;
}

function newValues({ values, rows, expected, expected_rows }: Chance, present: Sides): NewValues {
  return {
    values,
    expected,
    share: Math.max(0, rows - expected_rows) / present.b,
    p: newValuesProbability(values, expected),
  };
}

function shortText(text: string): string {
  return text.length <= MOST_CHARACTERS
    ? text
    : `${text.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`;
}
