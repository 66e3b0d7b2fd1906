/**
 * Sketches of the columns of a table, made by DuckDB (contract/sketch.ts says what a sketch is).
 *
 * Every figure is exact. Quantiles are the values at their ranks in a sort, which spills to disk where memory is short:
 * DuckDB's own `quantile_disc` with 1,001 shares takes forty times as long and holds the whole column. A table is read
 * once for its counts, once for its means, and each column once for its quantiles and once for its bins.
 */
import { MOST_CATEGORIES, decileEdges, measureOf, quantileRanks } from '../../../contract/sketch.ts';
import type { CategorySketch, ColumnSketch, Measure, OrderedSketch } from '../../../contract/sketch.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import type { DuckDb } from './duckdb.ts';
import { sqlLiteral } from './sql-literal.ts';

interface SketchedColumn {
  readonly name: string;
  readonly type: ValueType;
  /** SQL of its values. */
  readonly sql: string;
  /** The edges to count bins by, those of another sketch; the column's own deciles unless given. */
  readonly edges?: readonly number[];
}

/** A longer text is cut, and says how long it was. */
const MOST_CHARACTERS = 200;
/** Means of numbers past these sizes are computed of scaled ones, so that no sum or square leaves the doubles. */
const HUGE = 1e100;
const TINY = 1e-100;

/**
 * @param from  what follows FROM to read the rows
 * @returns     a sketch for each column, by its name
 */
export async function sketchColumns(
  duck: DuckDb,
  from: string,
  columns: readonly SketchedColumn[],
): Promise<Map<string, ColumnSketch>> {
  const sketches = new Map<string, ColumnSketch>();
  if (columns.length === 0) return sketches;
  const measured = columns.map((column) => ({ column, measure: measureOf(column.type) }));
  const counts = await countsOf(duck, from, measured);
  const moments = await momentsOf(duck, from, measured, counts);
  for (const [i, { column, measure }] of measured.entries()) {
    const { rows, present, finite, nan } = counts[i]!;
    const ordered =
      measure === null || finite === 0
        ? null
        : { measure, rows: finite, ...moments[i]!, ...(await shapeOf(duck, from, column, finite)) };
    const isCategories = measure === null && present > 0;
    sketches.set(column.name, {
      rows,
      nulls: rows - present,
      nan,
      infinite: measure === null ? 0 : present - finite - nan,
      ordered,
      categories: isCategories ? await categoriesOf(duck, from, column, present) : null,
    });
  }
  return sketches;
}

interface MeasuredColumn {
  readonly column: SketchedColumn;
  readonly measure: Measure | null;
}

/** @returns SQL of what is measured, a double; -0 counts as 0 */
function measuredSql({ sql, type }: SketchedColumn): string {
  switch (measureOf(type)) {
    case 'time':
      return `CAST(epoch_us(${sql}) AS DOUBLE)`;
    case 'length':
      return `CAST(len(${sql}) AS DOUBLE)`;
    case 'norm':
      return `sqrt(list_sum(list_transform(${sql}, lambda x: CAST(x AS DOUBLE) * x)))`;
    default:
      return `(CAST(${sql} AS DOUBLE) + 0.0)`;
  }
}

/** @returns SQL of a category's text */
function categorySql({ sql, type }: SketchedColumn): string {
  return type.kind === 'bytes' ? `hex(${sql})` : `CAST(${sql} AS VARCHAR)`;
}

interface Counts {
  readonly rows: number;
  readonly present: number;
  readonly finite: number;
  readonly nan: number;
  /** Of the finite values; null: there are none. */
  readonly low: number | null;
  readonly high: number | null;
}

async function countsOf(duck: DuckDb, from: string, measured: readonly MeasuredColumn[]): Promise<Counts[]> {
  const parts = measured.flatMap(({ column, measure }, i) => {
    const present = `count(${column.sql})::DOUBLE AS present_${i}`;
    if (measure === null) return [present];
    const value = measuredSql(column);
    const finite = `FILTER (isfinite(${value}))`;
    return [
      present,
      `count(*) ${finite}::DOUBLE AS finite_${i}`,
      `count(*) FILTER (isnan(${value}))::DOUBLE AS nan_${i}`,
      `min(${value}) ${finite} AS low_${i}`,
      `max(${value}) ${finite} AS high_${i}`,
    ];
  });
  const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS rows, ${parts.join(', ')} FROM ${from}`);
  const number = (name: string): number | null => (row![name] as number | null | undefined) ?? null;
  return measured.map((_, i) => ({
    rows: number('rows')!,
    present: number(`present_${i}`)!,
    finite: number(`finite_${i}`) ?? 0,
    nan: number(`nan_${i}`) ?? 0,
    low: number(`low_${i}`),
    high: number(`high_${i}`),
  }));
}

type Moments = Pick<OrderedSketch, 'mean' | 'standardDeviation'>;

/** Mean and deviation are those of the distances from the smallest value: of a constant column they are exact. */
async function momentsOf(
  duck: DuckDb,
  from: string,
  measured: readonly MeasuredColumn[],
  counts: readonly Counts[],
): Promise<(Moments | null)[]> {
  const scales = counts.map(({ low, high }) => (low === null ? null : scaleOf(low, high!)));
  const parts = measured.flatMap(({ column }, i) => {
    const scale = scales[i];
    if (scale === null || scale === undefined) return [];
    const value = measuredSql(column);
    const distance = `${value} / ${sqlDouble(scale)} - ${sqlDouble(counts[i]!.low! / scale)}`;
    const finite = `FILTER (isfinite(${value}))`;
    return [
      `avg(${distance}) ${finite} AS mean_${i}`,
      `stddev_samp(${distance}) ${finite} AS deviation_${i}`,
    ];
  });
  if (parts.length === 0) return counts.map(() => null);
  const [row] = await duck.rows(`SELECT ${parts.join(', ')} FROM ${from}`);
  return scales.map((scale, i) => {
    if (scale === null) return null;
    const deviation = row![`deviation_${i}`] as number | null;
    return {
      mean: ((row![`mean_${i}`] as number) + counts[i]!.low! / scale) * scale,
      standardDeviation: deviation === null ? null : deviation * scale,
    };
  });
}

/** @returns a power of two, so that dividing by it loses nothing of ordinary values */
function scaleOf(low: number, high: number): number {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size === 0 || (size < HUGE && size > TINY)) return 1;
  return 2 ** Math.max(-1_022, Math.min(1_023, Math.floor(Math.log2(size))));
}

/** @returns the double as an SQL literal, to the bit */
function sqlDouble(value: number): string {
  return sqlLiteral({ kind: 'float64' }, value);
}

async function shapeOf(
  duck: DuckDb,
  from: string,
  column: SketchedColumn,
  rows: number,
): Promise<Pick<OrderedSketch, 'quantiles' | 'bins'>> {
  const values = `SELECT v FROM (SELECT ${measuredSql(column)} AS v FROM ${from}) WHERE isfinite(v)`;
  const ranks = quantileRanks(rows);
  const at = new Map<number, number>();
  const ranked =
    `SELECT place::DOUBLE, v FROM (SELECT v, row_number() OVER (ORDER BY v) AS place FROM (${values})) ` +
    `WHERE place IN (${[...new Set(ranks)].join(', ')})`;
  for await (const [places, found] of duck.numbers(ranked)) {
    for (let i = 0; i < places!.length; i++) at.set(places![i]!, found![i]!);
  }
  const quantiles = ranks.map((rank) => at.get(rank)!);
  const edges = column.edges ?? decileEdges(quantiles);
  return { quantiles, bins: { edges, counts: await binCounts(duck, values, edges, rows) } };
}

async function binCounts(
  duck: DuckDb,
  values: string,
  edges: readonly number[],
  rows: number,
): Promise<number[]> {
  if (edges.length === 0) return [rows];
  const upTo = edges.map((edge, i) => `count(*) FILTER (v <= ${sqlDouble(edge)})::DOUBLE AS e${i}`);
  const [row] = await duck.rows(`SELECT ${upTo.join(', ')} FROM (${values})`);
  const cumulated = [...edges.map((_, i) => row![`e${i}`] as number), rows];
  return cumulated.map((count, i) => count - (cumulated[i - 1] ?? 0));
}

async function categoriesOf(
  duck: DuckDb,
  from: string,
  column: SketchedColumn,
  rows: number,
): Promise<CategorySketch> {
  const grouped =
    `WITH grouped AS (SELECT v, count(*)::DOUBLE AS rows FROM (SELECT ${categorySql(column)} AS v FROM ${from}) ` +
    `WHERE v IS NOT NULL GROUP BY v) `;
  const cut = `CASE WHEN length(v) <= ${MOST_CHARACTERS} THEN v ELSE left(v, ${MOST_CHARACTERS}) || '… (' || length(v) || ' characters)' END`;
  const found = await duck.rows(
    `${grouped} SELECT ${cut} AS v, rows, (SELECT count(*) FROM grouped)::DOUBLE AS values FROM grouped ` +
      `ORDER BY rows DESC, grouped.v LIMIT ${MOST_CATEGORIES}`,
  );
  return {
    rows,
    values: found[0]!['values'] as number,
    top: found.map((row) => ({ value: row['v'] as string, rows: row['rows'] as number })),
  };
}
