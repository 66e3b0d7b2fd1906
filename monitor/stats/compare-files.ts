/**
 * `plumb monitor stats`: how each column that two Parquet files share differs between them.
 *
 * A column is read once to count its rows, and again for its statistics. The engine sorts or groups the values and a
 * walk over them keeps only sums, so a file may be larger than memory. A column is flagged when its q is at most 0.01
 * (the difference is hardly chance) and its distance (D, L-infinity or the gap of null shares) is at least 0.03 (the
 * difference is not small); from a distance of 0.1 on it is an alarm.
 */
import { DuckDb, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { monitorError } from '../errors.ts';
import { chiSquareOf } from '../statistics/chi-square.ts';
import { falseDiscoveryRates } from '../statistics/false-discoveries.ts';
import { shareInterval } from '../statistics/share-interval.ts';
import { LIMITS } from '../limits.ts';
import { compareCategoryColumn } from './category-column.ts';
import type { CategoryDifference } from './category-column.ts';
import { fileSql, sharedColumns, valueSql } from './compared-columns.ts';
import type { ComparedColumn, Files, Sides } from './compared-columns.ts';
import { compareOrdered } from './ordered-column.ts';
import type { OrderedDifference } from './ordered-column.ts';

const FLAGGED_RATE = 0.01;
const FLAGGED_DISTANCE = 0.03;

export type DriftLevel = 'none' | 'flagged' | 'alarm';

export interface ColumnDifference extends Partial<OrderedDifference>, Partial<CategoryDifference> {
  readonly name: string;
  readonly type: string;
  /** How the column is compared: as ordered values, as categories, or by the lengths of its lists. */
  readonly as: ComparedColumn['as'];
  /** The unit of `wasserstein`; null: the unit of the values. */
  readonly unit: 's' | null;
  readonly rows: Sides;
  readonly nulls: Sides & {
    /** Wilson's 95 % intervals of the shares of nulls; null when a side has no rows. */
    readonly intervals: { readonly a: Interval; readonly b: Interval } | null;
    /**
     * The p of a chi-square test of the null shares; null when a side has no rows, or no row is null, or every row is.
     */
    readonly p: number | null;
  };
  /** Numbers of NaN and infinities, which the statistics leave out. */
  readonly notFinite: Sides;
  /**
   * The share of false alarms to expect among the columns with this q or a smaller one (Benjamini and Hochberg, over
   * all columns); null when the column has no p.
   */
  readonly q: number | null;
  readonly level: DriftLevel;
}

type Interval = readonly [low: number, high: number];

export interface FileComparison extends Files {
  /** Worst first. */
  readonly columns: readonly ColumnDifference[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  readonly notCompared: readonly { readonly name: string; readonly reason: string }[];
}

/** @throws MON_STATS_FILE when a file is not Parquet, or the files share no column */
export async function compareFiles(a: string, b: string): Promise<FileComparison> {
  const duck = await DuckDb.open();
  try {
    const shared = await sharedColumns(duck, a, b);
    if (shared.compared.length === 0) {
      const why = shared.notCompared.map(({ name, reason }) => `; ${name}: ${reason}`).join('');
      throw monitorError('MON_STATS_FILE', `${a} and ${b} share no column that can be compared${why}`);
    }
    const columns: ColumnDifference[] = [];
    for (const column of shared.compared) columns.push(await compareColumn(duck, { a, b }, column));
    const { onlyInA, onlyInB, notCompared } = shared;
    return { a, b, columns: ranked(withRates(columns)), onlyInA, onlyInB, notCompared };
  } finally {
    duck.close();
  }
}

async function compareColumn(duck: DuckDb, files: Files, column: ComparedColumn): Promise<ColumnDifference> {
  const [a, b] = [await countsOf(duck, files.a, column), await countsOf(duck, files.b, column)];
  const [finite, present] = [
    { a: a.finite, b: b.finite },
    { a: a.rows - a.nulls, b: b.rows - b.nulls },
  ];
  const ordered = column.as === 'categories' ? null : await compareOrdered(duck, files, column, finite);
  const categories =
    column.as === 'ordered' ? null : await compareCategoryColumn(duck, files, column, present);
  const intervals =
    a.rows === 0 || b.rows === 0
      ? null
      : { a: shareInterval(a.nulls, a.rows), b: shareInterval(b.nulls, b.rows) };
  const { name, type, as, unit } = column;
  return {
    name,
    type,
    as,
    unit,
    rows: { a: a.rows, b: b.rows },
    nulls: {
      a: a.nulls,
      b: b.nulls,
      intervals,
      p: chiSquareOf([a.nulls, present.a], [b.nulls, present.b])?.p ?? null,
    },
    notFinite: { a: present.a - a.finite, b: present.b - b.finite },
    ...ordered,
    ...categories,
    q: null,
    level: 'none',
  };
}

interface ColumnCounts {
  readonly rows: number;
  readonly nulls: number;
  /** Rows with a finite value; in a column of categories, rows with any value. */
  readonly finite: number;
}

async function countsOf(duck: DuckDb, file: string, column: ComparedColumn): Promise<ColumnCounts> {
  const name = quoteName(column.name);
  const finite =
    column.as === 'categories' ? `${name} IS NOT NULL` : `isfinite((${valueSql(column)})::DOUBLE)`;
  const [row] = await duck.rows(
    `SELECT count(*)::DOUBLE AS rows, count(${name})::DOUBLE AS present, ` +
      `count(*) FILTER (${finite})::DOUBLE AS finite FROM ${fileSql(file)}`,
  );
  const rows = row!['rows'] as number;
  return { rows, nulls: rows - (row!['present'] as number), finite: row!['finite'] as number };
}

/** Sets the q of each column by its smallest p: that of the values or that of the share of nulls. */
function withRates(columns: readonly ColumnDifference[]): ColumnDifference[] {
  const tests = columns.flatMap((column, at) => {
    const ps = [column.ks?.p, column.chiSquare?.p, column.nulls.p].filter((p) => typeof p === 'number');
    return ps.map((p) => ({ at, p }));
  });
  const rates = falseDiscoveryRates(tests.map(({ p }) => p));
  return columns.map((column, at) => {
    const own = rates.filter((_, i) => tests[i]!.at === at);
    const q = own.length === 0 ? null : Math.min(...own);
    return { ...column, q, level: levelOf(q, distanceOf(column)) };
  });
}

function levelOf(q: number | null, distance: number): DriftLevel {
  if (q === null || q > FLAGGED_RATE || distance < FLAGGED_DISTANCE) return 'none';
  return distance >= LIMITS.distanceAlarm ? 'alarm' : 'flagged';
}

/** The largest difference of shares: of the values below some value, of one category, or of nulls. */
export function distanceOf({ ks, lInfinity, nulls, rows }: ColumnDifference): number {
  const nullGap = rows.a === 0 || rows.b === 0 ? 0 : Math.abs(nulls.a / rows.a - nulls.b / rows.b);
  return Math.max(ks?.d ?? 0, lInfinity ?? 0, nullGap);
}

function ranked(columns: readonly ColumnDifference[]): ColumnDifference[] {
  const levels: readonly DriftLevel[] = ['alarm', 'flagged', 'none'];
  return columns.toSorted(
    (x, y) => levels.indexOf(x.level) - levels.indexOf(y.level) || distanceOf(y) - distanceOf(x),
  );
}
