/**
 * Compares how often each value of a column occurs in two files: L-infinity over all values; chi-square over the values
 * most frequent in a, with the rest combined.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { chiSquareOf } from '../statistics/chi-square.ts';
import { fileSql } from './compared-columns.ts';
import type { ComparedColumn, Files, Sides } from './compared-columns.ts';

/** This many values, the most frequent of a, are categories of their own. */
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
  /** The categories of the chi-square: values by their frequency in a, then `other` and `new`. */
  readonly table: readonly CategoryCount[];
}

interface CategoryCount {
  /** own: a single value · other: all further values of a · new: all values that a does not have */
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
    `ranked AS (SELECT *, CASE WHEN a = 0 THEN 'new' WHEN row_number() OVER (ORDER BY a DESC, v) <= ${MOST_CATEGORIES} ` +
    `THEN 'own' ELSE 'other' END AS kind FROM counted) `;
  const table = await duck.rows(
    `${counted} SELECT kind, CASE kind WHEN 'own' THEN v END AS v, count(*)::DOUBLE AS values, sum(a) AS a, sum(b) AS b ` +
      `FROM ranked GROUP BY 1, 2 ORDER BY kind = 'own' DESC, kind = 'other' DESC, a DESC, v`,
  );
  const [furthest] = await duck.rows(
    `${counted} SELECT v, abs(${gap}) AS gap FROM counted ORDER BY gap DESC, v LIMIT 1`,
  );
  const counts = table.map(
    (row) =>
      row as unknown as {
        kind: CategoryCount['kind'];
        v: string | null;
        values: number;
        a: number;
        b: number;
      },
  );
  const lInfinity = furthest!['gap'] as number;
  return {
    lInfinity,
    furthest: lInfinity === 0 ? null : shortText(furthest!['v'] as string),
    chiSquare: chiSquareOf(
      counts.map(({ a }) => a),
      counts.map(({ b }) => b),
    ),
    table: counts.map(({ kind, v, values, a, b }) => ({
      kind,
      value: v === null ? null : shortText(v),
      values,
      a,
      b,
    })),
  };
}

function shortText(text: string): string {
  return text.length <= MOST_CHARACTERS
    ? text
    : `${text.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`;
}
