/**
 * `plumb monitor stats`: how each column that two Parquet files share differs between them.
 *
 * A column is read once to count its rows, and again for its statistics. The engine sorts or groups the values and a
 * walk over them keeps only sums, so a file may be larger than memory. How much counts: drift-level.ts.
 */
import { DuckDb, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { monitorError } from '../errors.ts';
import { chiSquareOf } from '../statistics/chi-square.ts';
import { driftLevels } from '../statistics/drift-level.ts';
import type { DriftJudgement, DriftLevel, DriftTest } from '../statistics/drift-level.ts';
import { shareInterval } from '../statistics/share-interval.ts';
import { compareCategoryColumn } from './category-column.ts';
import type { CategoryDifference } from './category-column.ts';
import { fileSql, sharedColumns, valueSql } from './compared-columns.ts';
import type { ComparedColumn, Files, Sides } from './compared-columns.ts';
import { compareOrdered } from './ordered-column.ts';
import type { OrderedDifference } from './ordered-column.ts';

export interface ColumnDifference
  extends DriftJudgement, Partial<OrderedDifference>, Partial<CategoryDifference> {
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
    return { a, b, columns: ranked(withLevels(columns)), onlyInA, onlyInB, notCompared };
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

/** Sets the q and the level of each column by its tests: of the values, and of the share of nulls. */
function withLevels(columns: readonly ColumnDifference[]): ColumnDifference[] {
  const levels = driftLevels(columns.map(testsOf));
  return columns.map((column, at) => ({ ...column, ...levels[at] }));
}

function testsOf(column: ColumnDifference): DriftTest[] {
  const { ks, chiSquare, newValues, lInfinity = 0, nulls } = column;
  return [
    ...(ks === undefined ? [] : [{ p: ks.p, distance: ks.d }]),
    ...(chiSquare === undefined || chiSquare === null ? [] : [{ p: chiSquare.p, distance: lInfinity }]),
    ...(newValues === undefined || newValues.values === 0
      ? []
      : [{ p: newValues.p, distance: newValues.share }]),
    ...(nulls.p === null ? [] : [{ p: nulls.p, distance: nullGap(column) }]),
  ];
}

/** The largest difference of shares: of the values below some value, of one category, or of nulls. */
export function distanceOf(column: ColumnDifference): number {
  return Math.max(column.ks?.d ?? 0, column.lInfinity ?? 0, nullGap(column));
}

function nullGap({ nulls, rows }: ColumnDifference): number {
  return rows.a === 0 || rows.b === 0 ? 0 : Math.abs(nulls.a / rows.a - nulls.b / rows.b);
}

function ranked(columns: readonly ColumnDifference[]): ColumnDifference[] {
  const levels: readonly DriftLevel[] = ['alarm', 'flagged', 'none'];
  return columns.toSorted(
    (x, y) => levels.indexOf(x.level) - levels.indexOf(y.level) || distanceOf(y) - distanceOf(x),
  );
}
