/**
 * The labels of a training set: a Parquet or CSV file with one row per label, which has a time and says whose it is, by
 * the service's join keys or by the request that was answered. This file reads only keys and times, into a table of
 * their own; training-output.ts copies the other columns from file to file.
 *
 * Join keys and times are cast here, and every row is checked: a key whose type changed on the way (a spreadsheet's
 * 1.0, a CSV's 007) would silently join nothing, or the wrong entity.
 */
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../project/engine/duckdb/file-sql.ts';
import { exactCast } from '../../project/engine/duckdb/sources/exact-cast.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import { parquetColumns } from '../../project/engine/duckdb/sources/parquet-columns.ts';
import { formatSourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import type { SourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import type { JoinKey } from '../../contract/model.ts';
import { trainingError } from '../errors.ts';
import { lineOfLabel, plainCsv } from './labels-csv.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { requireRegularFile } from '../../contract/std/files/regular-file.ts';
import { readParquetFooter } from '../table-file/parquet-append.ts';
import type { ParquetFooter } from '../table-file/parquet-append.ts';
import { sha256Of } from './labels-hash.ts';
import { unreadableColumn } from './unreadable-column.ts';

/**
 * Table with one row per label: rid, its row number from 0 in the file's order; t, its time in microseconds; key_0,
 * key_1, ..., its keys.
 */
export const LABEL_KEYS = 'label_keys';

/** A column that says whose label it is. */
export interface LabelKey extends JoinKey {
  /** Whether a null is no fault, nor is a file without the column, which has nulls then. */
  readonly isOptional?: boolean;
}

/** What the labels must have, and may not have. */
interface LabelNeeds {
  readonly keys: readonly LabelKey[];
  /** The column that holds their times. */
  readonly timeColumn: string;
  /** The service whose training set it is, for messages. */
  readonly service: string;
  /** Names of the columns that the training set gets besides. */
  readonly added: readonly string[];
}

/** The labels' file before its keys are read. */
export interface LabelFile {
  readonly file: string;
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

export interface Labels extends LabelFile {
  /** SQL of each column that the join uses, by the column's number: a time in microseconds, or a key in its type. */
  readonly cast: ReadonlyMap<number, { readonly sql: string; readonly isTime: boolean }>;
  readonly rows: number;
  /** Earliest and latest time of the labels that have all keys and a time; null: there is no such label. */
  readonly firstUs: number | null;
  readonly lastUs: number | null;
  /** Rows without a time, and rows with a null key: the training set has them with no feature values. */
  readonly rowsWithoutTime: number;
  readonly rowsWithNullKey: number;
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

/**
 * Reads the labels' keys and times into LABEL_KEYS.
 * @throws TRAIN_LABELS when a column or a value is not what is needed
 */
export async function readLabels(duck: DuckDb, labels: LabelFile, needs: LabelNeeds): Promise<Labels> {
  const { keys, timeColumn } = needs;
  checkNames(labels, needs);
  const casts = [
    { column: numberOf(labels, timeColumn), as: 't', what: 'a time', sql: timeSql(labels, timeColumn) },
    ...keys.flatMap((key, i) => {
      const column = numberOf(labels, key.name);
      return column === -1 ? [] : [{ column, as: `key_${i}`, what: key.type, sql: keySql(labels, key) }];
    }),
  ];
  const absent = keys.flatMap(({ name, type }, i) =>
    numberOf(labels, name) === -1 ? [`NULL::${duckKeyType(type)} AS key_${i}`] : [],
  );
  try {
    await duck.run(keysTableSql(labels, casts, absent));
  } catch (error) {
    const columns = casts.map(({ column }) => column);
    throw (await unreadableColumn(duck, labels, columns)) ?? unreadable(labels.file, error);
  }
  const needed = keys.flatMap(({ isOptional }, i) => (isOptional === true ? [] : [`key_${i} IS NULL`]));
  const nullKey = needed.join(' OR ') || 'false';
  const [counts] = await duck.rows(
    `SELECT count(*) AS rows, count(*) FILTER (t IS NULL) AS no_time, count(*) FILTER (${nullKey}) AS no_key,
      min(t) FILTER (NOT (${nullKey})) AS first, max(t) FILTER (NOT (${nullKey})) AS last,
      min(rid) FILTER (wrong IS NOT NULL) AS wrong, arg_min(wrong, rid) AS cast FROM ${LABEL_KEYS}`,
  );
  if (counts!['wrong'] !== null)
    throw await wrongValue(duck, labels, Number(counts!['wrong']), casts[Number(counts!['cast'])]!);
  const timeOrNull = (name: string): number | null => (counts![name] === null ? null : Number(counts![name]));
  return {
    ...labels,
    cast: new Map(casts.map(({ column, as, sql }) => [column, { sql, isTime: as === 't' }])),
    rows: Number(counts!['rows']),
    firstUs: timeOrNull('first'),
    lastUs: timeOrNull('last'),
    rowsWithoutTime: Number(counts!['no_time']),
    rowsWithNullKey: Number(counts!['no_key']),
  };
}

function csvFile(file: string, plain: string): Omit<LabelFile, 'sha256'> {
  const { sql, columns } = plainCsv(file, plain);
  return {
    file,
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

function unreadable(file: string, error: unknown): Error {
  if (error instanceof CodedError) return error;
  const why = (error as Error).message.split('\n')[0];
  return trainingError('TRAIN_LABELS', `${file} cannot be read: ${why}`, { file }, error);
}

/**
 * A header with a single column is probably that of a file that uses another separator than commas.
 *
 * @returns the end of a message that says so; '' when nothing suggests it
 */
function separatorHint([only, ...others]: readonly string[]): string {
  const sign = [';', '\t', '|'].find((one) => others.length === 0 && only?.includes(one) === true);
  if (sign === undefined) return '';
  const name = { ';': 'semicolons', '\t': 'tabs', '|': 'bars' }[sign];
  return `. Fields of CSV stand between commas; here they seem to stand between ${name}`;
}

/** Names are compared without case, as every engine that reads the training set does. */
function checkNames(labels: LabelFile, { keys, timeColumn, service, added }: LabelNeeds): void {
  const { file, columns } = labels;
  const mistake = (text: string, field: string): Error =>
    trainingError('TRAIN_LABELS', `${file} ${text}`, { file, field });
  const seen = new Map<string, string>();
  for (const name of columns) {
    const other = seen.get(name.toLowerCase());
    if (other === name) throw mistake(`has two columns ${name}`, name);
    if (other !== undefined)
      throw mistake(`has columns ${other} and ${name}, which differ in nothing but case`, name);
    seen.set(name.toLowerCase(), name);
  }
  const needed = [
    ...keys.filter(({ isOptional }) => isOptional !== true).map(({ name }) => name),
    timeColumn,
  ];
  const missing = needed.filter((name) => !seen.has(name.toLowerCase()));
  if (missing.length > 0) {
    throw mistake(
      `lacks ${missing.join(' and ')}; the service ${service} needs ${needed.join(', ')}, ` +
        `the file has ${columns.join(', ')}${separatorHint(columns)}`,
      missing[0]!,
    );
  }
  refuseTaken(labels, added);
}

/** @throws TRAIN_LABELS where the labels have a column of a name that the training set gets besides */
export function refuseTaken({ file, columns }: LabelFile, added: readonly string[]): void {
  const seen = new Map(columns.map((name) => [name.toLowerCase(), name]));
  const field = added.map((name) => seen.get(name.toLowerCase())).find((name) => name !== undefined);
  if (field === undefined) return;
  const what = `already has a column ${field}, which is what the feature's column would be called`;
  throw trainingError('TRAIN_LABELS', `${file} ${what}`, { file, field });
}

interface Cast {
  /** Number of the column in the labels' file. */
  readonly column: number;
  /** Its column in LABEL_KEYS. */
  readonly as: string;
  readonly what: string;
  readonly sql: string;
}

/** In the table, `wrong` is the number of the first cast that turns a value into NULL; NULL: no cast does. */
function keysTableSql(
  { from, rid, refs }: LabelFile,
  casts: readonly Cast[],
  absent: readonly string[],
): string {
  const wrong = casts.map(({ column, as }, i) => `WHEN ${as} IS NULL AND own_${column} THEN ${i}`).join(' ');
  const columns = casts.map(({ sql, as }) => `${sql} AS ${as}`);
  const own = [...new Set(casts.map(({ column }) => column))];
  return (
    `CREATE OR REPLACE TABLE ${LABEL_KEYS} AS SELECT rid, ${[...casts.map(({ as }) => as), ...absent].join(', ')}, ` +
    `CASE ${wrong} END AS wrong FROM (SELECT ${rid} AS rid, ${columns.join(', ')}, ` +
    `${own.map((column) => `${refs[column]!} IS NOT NULL AS own_${column}`).join(', ')} FROM ${from})`
  );
}

async function wrongValue(duck: DuckDb, labels: LabelFile, rid: number, cast: Cast): Promise<Error> {
  const { file, columns } = labels;
  const [row] = await duck.rows(
    `SELECT value FROM (SELECT ${labels.rid} AS rid, CAST(${labels.refs[cast.column]!} AS VARCHAR) AS value ` +
      `FROM ${labels.from}) WHERE rid = ${rid}`,
  );
  const line = labels.format === 'csv' ? lineOfLabel(file, rid) : null;
  const place = `row ${rid + 1}`;
  const where = line === null ? place : `line ${line}, column ${cast.column + 1}, ${place}`;
  const value = String(row!['value']);
  const hint = /^(?:\+|-?0)\d/.test(value) ? ': whole numbers have no leading zeros and no +' : '';
  return trainingError(
    'TRAIN_LABELS',
    `${file}, ${where}: ${columns[cast.column]!} should be ${cast.what}, got ${value}${hint}`,
    { file, field: columns[cast.column]!, ...(line === null ? {} : { line }) },
  );
}

/**
 * @returns SQL of a label's time in microseconds; NULL where the value is not a finite time. Text without a zone is UTC
 * @throws  TRAIN_LABELS when the column's type cannot hold times
 */
function timeSql(labels: LabelFile, timeColumn: string): string {
  const number = numberOf(labels, timeColumn);
  const type = labels.types[number]!;
  const ref = labels.refs[number]!;
  if (isText(type)) {
    const time = `TRY_CAST(${ref} AS TIMESTAMPTZ)`;
    return `CASE WHEN isfinite(${time}) THEN epoch_us(${time}) END`;
  }
  const { sql, fit } = exactCast(type, { kind: 'timestamp' }, ref);
  if (fit === 'none') throw wrongType(labels, number, 'a timestamp, a date or RFC 3339 text');
  return `epoch_us(${sql})`;
}

/**
 * @returns SQL of a label's join key; NULL where the value does not fit the key's type exactly (the rule for sources)
 * @throws  TRAIN_LABELS when the column's type never fits the key's type
 */
function keySql(labels: LabelFile, key: JoinKey): string {
  const number = numberOf(labels, key.name);
  const { sql, fit } = exactCast(labels.types[number]!, { kind: key.type }, labels.refs[number]!);
  if (fit === 'none') throw wrongType(labels, number, key.type);
  return sql;
}

function wrongType({ file, columns, types }: LabelFile, number: number, wanted: string): Error {
  const [field, type] = [columns[number]!, formatSourceType(types[number]!)];
  return trainingError('TRAIN_LABELS', `${file}: ${field} should be ${wanted}, got ${type}`, { file, field });
}

const TEXT: SourceType = { kind: 'scalar', name: 'VARCHAR' };

function isText(type: SourceType): boolean {
  return type.kind === 'scalar' && type.name === 'VARCHAR';
}
