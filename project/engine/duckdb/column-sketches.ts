/**
 * Sketches of the columns of a table, made by DuckDB (contract/sketch.ts says what a sketch is).
 *
 * Every figure is exact. Quantiles are the values at their ranks in a sort. Numbers of a table that is not long are
 * sorted in memory, a column at a time; of a long one DuckDB sorts, which spills to disk: its own `quantile_disc` with
 * 1,001 shares takes forty times as long and holds the whole column. A long table is read once for its counts, once for
 * its means, and each column once for its quantiles and once for its bins.
 */
import {
  MOST_CATEGORIES,
  MOST_CHARACTERS,
  decileEdges,
  quantileRanks,
  takenOf,
} from '../../../contract/sketch.ts';
import type {
  CategorySketch,
  ColumnSketch,
  Measure,
  OrderedSketch,
  Taken,
} from '../../../contract/sketch.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { quoteText } from './duckdb.ts';
import type { DuckDb } from './duckdb.ts';
import { scaleOf, sketchOf } from './sorted-sketch.ts';
import { sqlLiteral } from './sql-literal.ts';

interface SketchedColumn {
  readonly name: string;
  readonly taken: Taken;
  /** SQL of what is taken of its values, null where they are: a DOUBLE without -0, or a VARCHAR. */
  readonly sql: string;
  /** SQL that is null where a value is null. */
  readonly present: string;
  /** What it will be compared with. */
  readonly like?: SketchLike;
}

/** What a sketch takes from those that it will be compared with. */
export interface SketchLike {
  /** The edges to count bins by; null: the column's own deciles. */
  readonly edges: readonly number[] | null;
  /** Texts to count by themselves, beside the most frequent ones. */
  readonly texts: readonly string[];
}

/** Columns of so many rows are sorted in memory, one at a time; longer ones by DuckDB. */
const MOST_HELD = 1_000_000;

/**
 * @param from      what follows FROM to read the rows
 * @param mostHeld  a column of more rows is never held in memory
 * @returns         a sketch for each column, by its name
 */
export async function sketchColumns(
  duck: DuckDb,
  from: string,
  columns: readonly SketchedColumn[],
  mostHeld = MOST_HELD,
): Promise<Map<string, ColumnSketch>> {
  const [counted] = await duck.rows(`SELECT count(*)::DOUBLE AS rows FROM ${from}`);
  const rows = counted!['rows'] as number;
  const isHeld = ({ taken }: SketchedColumn): boolean =>
    rows <= mostHeld && taken !== 'text' && taken !== 'nothing';
  const others = await sketchByStatements(
    duck,
    from,
    columns.filter((column) => !isHeld(column)),
  );
  const sketches = new Map<string, ColumnSketch>();
  for (const column of columns) {
    const { name } = column;
    sketches.set(name, others.get(name) ?? (await heldSketch(duck, from, column, rows)));
  }
  return sketches;
}

async function heldSketch(
  duck: DuckDb,
  from: string,
  { sql, taken, like }: SketchedColumn,
  rows: number,
): Promise<ColumnSketch> {
  const [values] = await duck.doubles(`SELECT v FROM (SELECT ${sql} AS v FROM ${from}) WHERE v IS NOT NULL`);
  const nulls = rows - values!.length;
  return { rows, nulls, ...sketchOf(values!, taken as Measure, like?.edges ?? null), categories: null };
}

/** Of columns that may not fit in memory. */
async function sketchByStatements(
  duck: DuckDb,
  from: string,
  columns: readonly SketchedColumn[],
): Promise<Map<string, ColumnSketch>> {
  const sketches = new Map<string, ColumnSketch>();
  if (columns.length === 0) return sketches;
  const counts = await countsOf(duck, from, columns);
  const moments = await momentsOf(duck, from, columns, counts);
  for (const [i, column] of columns.entries()) {
    const { name, taken } = column;
    const { rows, present, finite, nan, infinite } = counts[i]!;
    const isText = taken === 'text';
    const ordered =
      isText || taken === 'nothing' || finite === 0
        ? null
        : { measure: taken, rows: finite, ...moments[i]!, ...(await shapeOf(duck, from, column, finite)) };
    const categories = isText && present > 0 ? await categoriesOf(duck, from, column, present) : null;
    sketches.set(name, { rows, nulls: rows - present, nan, infinite, ordered, categories });
  }
  return sketches;
}

/**
 * A column of typed values, as it is sketched: takes of them in SQL what `takenFrom` takes.
 *
 * @param sql      of the values
 * @param askedUs  SQL of the time at which a row was asked for
 */
export function sketchedColumn(name: string, type: ValueType, sql: string, askedUs: string): SketchedColumn {
  return { name, taken: takenOf(type), sql: takenSql(type, sql, askedUs), present: sql };
}

function takenSql(type: ValueType, sql: string, askedUs: string): string {
  switch (takenOf(type)) {
    case 'value':
      return `(CAST(${sql} AS DOUBLE) + 0.0)`;
    case 'age':
      return `((CAST(${askedUs} AS DOUBLE) - CAST(epoch_us(${sql}) AS DOUBLE)) / 1000000)`;
    case 'length':
      return `CAST(len(${sql}) AS DOUBLE)`;
    case 'norm':
      return `sqrt(list_reduce(list_transform(${sql}, lambda x: CAST(x AS DOUBLE) * x), lambda a, b: a + b, 0))`;
    case 'text':
      return shortSql(type.kind === 'bytes' ? `lower(hex(${sql}))` : `CAST(${sql} AS VARCHAR)`);
    case 'nothing':
      return `CASE WHEN ${sql} IS NOT NULL THEN '' END`;
  }
}

function shortSql(text: string): string {
  const cut = `left(${text}, ${MOST_CHARACTERS}) || '… (' || length(${text}) || ' characters)'`;
  return `CASE WHEN length(${text}) <= ${MOST_CHARACTERS} THEN ${text} ELSE ${cut} END`;
}

interface Counts {
  readonly rows: number;
  readonly present: number;
  readonly finite: number;
  readonly nan: number;
  readonly infinite: number;
  /** Of the finite values; null: there are none. */
  readonly low: number | null;
  readonly high: number | null;
}

async function countsOf(duck: DuckDb, from: string, columns: readonly SketchedColumn[]): Promise<Counts[]> {
  const parts = columns.flatMap(({ taken, sql: value, present: notNull }, i) => {
    const present = `count(${notNull})::DOUBLE AS present_${i}`;
    if (taken === 'text' || taken === 'nothing') return [present];
    const finite = `FILTER (isfinite(${value}))`;
    return [
      present,
      `count(*) ${finite}::DOUBLE AS finite_${i}`,
      `count(*) FILTER (isnan(${value}))::DOUBLE AS nan_${i}`,
      `count(*) FILTER (isinf(${value}))::DOUBLE AS infinite_${i}`,
      `min(${value}) ${finite} AS low_${i}`,
      `max(${value}) ${finite} AS high_${i}`,
    ];
  });
  const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS rows, ${parts.join(', ')} FROM ${from}`);
  const number = (name: string): number | null => (row![name] as number | null | undefined) ?? null;
  return columns.map((_, i) => ({
    rows: number('rows')!,
    present: number(`present_${i}`)!,
    finite: number(`finite_${i}`) ?? 0,
    nan: number(`nan_${i}`) ?? 0,
    infinite: number(`infinite_${i}`) ?? 0,
    low: number(`low_${i}`),
    high: number(`high_${i}`),
  }));
}

type Moments = Pick<OrderedSketch, 'mean' | 'standardDeviation'>;

/** Mean and deviation are those of the distances from the smallest value: of a constant column they are exact. */
async function momentsOf(
  duck: DuckDb,
  from: string,
  columns: readonly SketchedColumn[],
  counts: readonly Counts[],
): Promise<(Moments | null)[]> {
  const scales = counts.map(({ low, high }) => (low === null ? null : scaleOf(low, high!)));
  const parts = columns.flatMap(({ sql: value }, i) => {
    const scale = scales[i];
    if (scale === null || scale === undefined) return [];
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
  const values = `SELECT v FROM (SELECT ${column.sql} AS v FROM ${from}) WHERE isfinite(v)`;
  const ranks = quantileRanks(rows);
  const quantiles: number[] = [];
  let before = 0;
  for await (const [sorted] of duck.numbers(`SELECT v FROM (${values}) ORDER BY v`)) {
    const upTo = before + sorted!.length;
    while (quantiles.length < ranks.length && ranks[quantiles.length]! <= upTo)
      quantiles.push(sorted![ranks[quantiles.length]! - before - 1]!);
    before = upTo;
  }
  const edges = column.like?.edges ?? decileEdges(quantiles);
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
  const texts = `SELECT ${column.sql} AS v FROM ${from}`;
  const wanted = (column.like?.texts ?? []).map(quoteText);
  const isWanted = wanted.length === 0 ? '' : ` OR v IN (${wanted.join(', ')})`;
  const found = await duck.rows(
    `WITH grouped AS MATERIALIZED (SELECT v, count(*)::DOUBLE AS rows FROM (${texts}) WHERE v IS NOT NULL GROUP BY v), ` +
      `seeded AS (SELECT bit_xor(hash(v, rows)) AS seed FROM grouped), ` +
      `halved AS MATERIALIZED (SELECT v, rows, ${HALF} AS half FROM grouped, seeded), ` +
      `ranked AS (SELECT *, row_number() OVER (ORDER BY half DESC, rows DESC, v) AS place FROM halved) ` +
      `SELECT v, rows, rows - half AS apart, (SELECT count(*) FROM halved)::DOUBLE AS values, ` +
      `(SELECT sum(rows - half) FROM halved) AS all_apart FROM ranked ` +
      `WHERE place <= ${MOST_CATEGORIES}${isWanted} ORDER BY place <= ${MOST_CATEGORIES} DESC, rows DESC, v`,
  );
  const top = found.map((row) => ({ value: row['v'] as string, rows: row['rows'] as number }));
  const absent = (column.like?.texts ?? []).filter((text) => !top.some(({ value }) => value === text));
  const values = found[0]!['values'] as number;
  const apart = [...found.map((row) => row['apart'] as number), ...absent.map(() => 0)];
  return {
    rows,
    values,
    top: [...top, ...absent.map((value) => ({ value, rows: 0 }))],
    ...(values <= MOST_CATEGORIES ? {} : { apart: { rows: found[0]!['all_apart'] as number, top: apart } }),
  };
}

/**
 * How many rows of a value fall into one half by chance, the same in every run: up to 32 by the bits of a hash, of more
 * by the normal law.
 */
const HALF =
  `CASE WHEN rows <= 32 THEN bit_count((hash(v, seed) % CAST(pow(2, least(rows, 32)) AS UBIGINT))::BIGINT)::DOUBLE ` +
  `ELSE greatest(0, least(rows, round(rows / 2 + sqrt(rows) / 2 * sqrt(-2 * ln((hash(v, seed, 1) % 1000003 + 1) / 1000004)) * ` +
  `cos(2 * pi() * (hash(v, seed, 2) % 1000003) / 1000003)))) END`;
