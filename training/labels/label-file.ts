/** The file of labels as it lies there, Parquet or CSV: its columns, and how they are read in SQL. */
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { CodedError } from '../../contract/std/coded-error.ts';
import { requireRegularFile } from '../../contract/std/files/regular-file.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../project/engine/duckdb/file-sql.ts';
import { parquetColumns } from '../../project/engine/duckdb/sources/parquet-columns.ts';
import type { SourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import { trainingError } from '../errors.ts';
import { readParquetFooter } from '../../project/parquet/parquet-footer.ts';
import type { ParquetFooter } from '../../project/parquet/parquet-footer.ts';
import { plainCsv } from './labels-csv.ts';
import { sha256Of } from './labels-hash.ts';

const TEXT: SourceType = { kind: 'scalar', name: 'VARCHAR' };

/** The labels' file before its keys are read. */
export interface LabelFile {
  readonly file: string;
  /** The file whose bytes are copied: the same, or one of those labels that are kept of it. */
  readonly bytes: string;
  readonly format: TableFormat;
  /** The file's columns, in its order. */
  readonly columns: readonly string[];
  /** The type that each column has in the file, by the column's number. */
  readonly types: readonly SourceType[];
  /** What follows FROM to read all rows of the file, in their order. */
  readonly from: string;
  /** SQL that selects a column from `from`, by the column's number. */
  readonly refs: readonly string[];
  /** SQL that gives each row its number, from 0 in the file's order. */
  readonly rid: string;
  /** null in CSV. */
  readonly footer: ParquetFooter | null;
  /** Of the file's bytes. */
  readonly sha256: string;
}

export type TableFormat = 'parquet' | 'csv';

/** @throws TRAIN_FORMAT unless the file's name ends in .parquet or .csv */
export function tableFormat(file: string): TableFormat {
  const extension = extname(file).toLowerCase();
  if (extension === '.parquet' || extension === '.csv') return extension.slice(1) as TableFormat;
  throw trainingError('TRAIN_FORMAT', `${file} should end in .parquet or .csv`, { file });
}

/**
 * @param scratch  a folder for files that are needed only while the training set is made
 * @throws         TRAIN_LABELS when it is no file, or none that can be read
 */
export async function openLabels(duck: DuckDb, file: string, scratch: string): Promise<LabelFile> {
  const format = tableFormat(file);
  if (!existsSync(file)) throw trainingError('TRAIN_LABELS', `${file} does not exist`, { file });
  let sha256: string;
  try {
    requireRegularFile(file);
    sha256 = await sha256Of(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  const labels = format === 'csv' ? csvFile(file, join(scratch, 'plain.csv')) : await parquetFile(duck, file);
  return { ...labels, sha256 };
}

/** @returns the number of the column of that name, which is compared without case; -1: there is none */
export function numberOf({ columns }: Pick<LabelFile, 'columns'>, name: string): number {
  return columns.findIndex((column) => column.toLowerCase() === name.toLowerCase());
}

function csvFile(file: string, plain: string): Omit<LabelFile, 'sha256'> {
  const { sql, columns } = plainCsv(file, plain);
  return {
    file,
    bytes: file,
    format: 'csv',
    columns,
    from: sql,
    rid: 'rid',
    refs: columns.map((_, i) => `c${i}`),
    types: columns.map(() => TEXT),
    footer: null,
  };
}

async function parquetFile(duck: DuckDb, file: string): Promise<Omit<LabelFile, 'sha256'>> {
  const from = `read_parquet(${quotePath(file)}, hive_partitioning = false)`;
  try {
    const footer = readParquetFooter(file);
    const columns = await parquetColumns(duck, file);
    return {
      file,
      bytes: file,
      format: 'parquet',
      columns: footer.columns,
      from,
      rid: 'row_number() OVER () - 1',
      refs: footer.columns.map(quoteName),
      types: columns.map(({ type }) => type),
      footer,
    };
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** @returns TRAIN_LABELS that says why, unless the error says it already */
export function unreadable(file: string, error: unknown): Error {
  if (error instanceof CodedError) return error;
  const why = (error as Error).message.split('\n')[0];
  return trainingError('TRAIN_LABELS', `${file} cannot be read: ${why}`, { file }, error);
}
