/**
 * Writes a training set: the labels' own bytes, the features behind them.
 *
 *   labels in the format of the training set            as they are
 *   CSV labels, Parquet wanted; Parquet labels, CSV     written once in the wanted format, beside the training set
 *
 * So a label never passes through a join, keeps whatever type and text it had, and millions of them take no memory.
 */
import { join } from 'node:path';
import { EXACT_FLOATS, duckTypeOf, quoteName } from '../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../project/engine/duckdb/file-sql.ts';
import { misreadType } from '../project/engine/duckdb/sources/parquet-columns.ts';
import { csvTypes, csvValueSql } from './table-file/csv-types.ts';
import { trainingError } from './errors.ts';
import { unreadableColumn } from './labels/unreadable-column.ts';
import { appendToCsv, csvField, csvFieldSql } from './labels/labels-csv.ts';
import { readParquetFooter } from '../project/parquet/parquet-footer.ts';
import { appendColumns } from './table-file/parquet-append.ts';
import type { ValueType } from '../contract/value-type.ts';
import type { LabelFile, TableFormat } from './labels/label-file.ts';
import type { Labels } from './labels/training-labels.ts';

/** The features of all labels, one row each. */
export interface JoinedFeatures {
  /** FROM item. */
  readonly from: string;
  /** Its column that numbers the labels from 0. */
  readonly rid: string;
  readonly columns: readonly JoinedColumn[];
  /** SQL of the time at which a label's values were asked for, over `from`; absent: that of the label. */
  readonly askedUs?: string;
}

export interface JoinedColumn {
  readonly name: string;
  readonly type: ValueType;
  /** SQL of its values over `from`; `table` alone will do for it. */
  readonly sql: string;
  readonly table: string;
}

/** The file to write. */
export interface TrainingFile {
  readonly file: string;
  readonly format: TableFormat;
  /** A folder for files that are needed meanwhile. */
  readonly scratch: string;
  /** What Parquet says of times that a set holds of its own; null: nothing, as in sets of before. */
  readonly zone: 'UTC' | null;
}

/**
 * Between Parquet and CSV a label's values are read and written anew: before that is begun, it is said what would
 * become another value on the way.
 *
 * @throws TRAIN_LABELS for a column that cannot be read right
 */
export function checkConvertible({ file, format, columns, types }: LabelFile, to: TableFormat): void {
  if (format === to) return;
  for (const [i, field] of columns.entries()) {
    const type = misreadType(types[i]!);
    if (type === null) continue;
    throw trainingError(
      'TRAIN_LABELS',
      `${file}: column ${field} holds ${type}, which cannot be written as CSV: no more than 38 digits are read right. ` +
        'Give --out a name that ends in .parquet, where it is kept byte for byte, or leave the column out',
      { file, field },
    );
  }
}

export async function writeTrainingSet(
  duck: DuckDb,
  labels: Labels,
  features: JoinedFeatures,
  out: TrainingFile,
): Promise<void> {
  const base = labels.format === out.format ? labels.bytes : await converted(duck, labels, out);
  await (out.format === 'csv'
    ? appendToCsv(base, out.file, header(features), rowsOf(duck, features))
    : appendParquet(duck, base, features, out));
}

async function converted(
  duck: DuckDb,
  labels: Labels,
  { format, scratch, zone }: TrainingFile,
): Promise<string> {
  const file = join(scratch, `labels.${format}`);
  if (format === 'csv') {
    const copy = `COPY (SELECT * FROM ${labels.from}) TO ${quoteTarget(file)} (FORMAT csv, HEADER)`;
    await duck.run(copy).catch(async (error: Error) => {
      throw (await unreadableColumn(duck, labels, [...labels.columns.keys()])) ?? error;
    });
    return file;
  }
  const columns = labels.columns.map((_, i) => i).filter((i) => !labels.cast.has(i));
  const types = await csvTypes(duck, labels.from, columns);
  const values = labels.columns.map((name, i) => {
    const cast = labels.cast.get(i);
    const ref = labels.refs[i]!;
    const own = cast === undefined ? csvValueSql(types.get(i)!, ref) : cast.sql;
    const time = zone === null ? 'make_timestamp' : 'make_timestamptz';
    return `${cast?.isTime === true ? `${time}(${own})` : own} AS ${quoteName(name)}`;
  });
  await duck.run(
    `COPY (SELECT ${values.join(', ')} FROM ${labels.from}) TO ${quoteTarget(file)} (FORMAT parquet, ${EXACT_FLOATS})`,
  );
  return file;
}

function header({ columns }: JoinedFeatures): string {
  return columns.map(({ name }) => `,${csvField(name)}`).join('');
}

async function* rowsOf(duck: DuckDb, { from, rid, columns }: JoinedFeatures): AsyncGenerator<string[]> {
  const texts = columns.map(({ sql }, i) => `CAST(${sql} AS VARCHAR) AS t${i}`);
  const fields = columns.map((_, i) => csvFieldSql(`t${i}`));
  const sql = `SELECT ',' || ${fields.join(" || ',' || ")} AS line FROM (SELECT ${rid} AS rid, ${texts.join(', ')} FROM ${from})
    ORDER BY rid`;
  // The comma in front is also why no text begins with a byte order mark, which the client would drop.
  for await (const rows of duck.chunks(sql)) yield rows.map((row) => row['line'] as string);
}

async function appendParquet(
  duck: DuckDb,
  labels: string,
  features: JoinedFeatures,
  out: TrainingFile,
): Promise<void> {
  const { groupRows } = readParquetFooter(labels);
  const files = featureFiles(duck, zoned(features, out), groupRows, join(out.scratch, 'features.parquet'));
  await appendColumns(labels, { columns: features.columns, zone: out.zone }, files, out.file);
}

/** @returns the same features, whose times say their zone */
function zoned(features: JoinedFeatures, { zone }: TrainingFile): JoinedFeatures {
  if (zone === null) return features;
  const columns = features.columns.map((column) => {
    return { ...column, sql: `CAST(${column.sql} AS ${duckTypeOf(column.type, 'TIMESTAMPTZ')})` };
  });
  return { ...features, columns };
}

/**
 * One file for each row group of the labels, since the columns of a row group have as many rows; the same file again.
 */
async function* featureFiles(
  duck: DuckDb,
  { from, rid, columns }: JoinedFeatures,
  groupRows: readonly number[],
  file: string,
): AsyncGenerator<string> {
  const values = columns.map(({ name, sql }) => `${sql} AS ${quoteName(name)}`).join(', ');
  let first = 0;
  for (const rows of groupRows.length === 0 ? [0] : groupRows) {
    await duck.run(`COPY (SELECT ${values} FROM ${from}
      WHERE ${rid} >= ${first} AND ${rid} < ${first + rows} ORDER BY ${rid})
      TO ${quoteTarget(file)} (FORMAT parquet, COMPRESSION zstd, ${EXACT_FLOATS}, ROW_GROUP_SIZE ${Math.max(2_048, rows)})`);
    yield file;
    first += rows;
  }
}
