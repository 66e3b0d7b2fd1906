/**
 * The files of a source with the types of each, read from their footers. An engine that reads many files at once unites
 * their types, and so rounds what is int64 in one file and double in another.
 *
 * Files that hold the same types are a group, which one `read_parquet` reads; most sources are one group.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Fault } from './row-fault.ts';
import { quoteName, quoteText } from '../duckdb.ts';
import type { DuckDb } from '../duckdb.ts';
import { quoteFilesIn, quotePaths } from '../file-sql.ts';
import { registryError } from '../../../../contract/errors.ts';
import { isObject, schemeOf } from '../../../../contract/std/files/local-path.ts';
import { listSourceObjects } from './object-listing.ts';
import { openObjectStorage } from '../object-storage.ts';
import { listSourceFiles } from './source-listing.ts';
import { openTable } from './table-snapshot.ts';
import type { TableSnapshot } from './table-snapshot.ts';
import { TABLE_NAMES } from '../../../../contract/model.ts';
import type { Source } from '../../../../contract/model.ts';
import { CodedError } from '../../../../contract/std/coded-error.ts';
import { parquetColumns, parquetSchemas } from './parquet-columns.ts';
import type { ParquetSchema } from './parquet-columns.ts';
import { PATH_TEXT } from './source-type.ts';
import type { SourceType } from './source-type.ts';

/** A column of a group of files. */
export interface FileColumn {
  /** As the file spells it. */
  readonly name: string;
  readonly type: SourceType;
  /** SQL of its value in `groupSql`. */
  readonly sql: string;
}

export interface FileGroup {
  /** Absolute, sorted; of a table its place alone. */
  readonly files: readonly string[];
  /** SQL of a table's rows at one snapshot, with FILE_COLUMN; absent: the files are read as Parquet. */
  readonly scan?: string;
  /** By name in lower case, as engines compare names; of names that differ only in case there are two and more. */
  readonly columns: ReadonlyMap<string, readonly FileColumn[]>;
  /** SQL of whether a view's `where` excludes a row, never NULL; null: it excludes none. */
  readonly excluded: string | null;
  /** When an expression of a view's makes a row that is not excluded a bad one. */
  readonly faults: readonly Fault[];
  /** What the footers of the files show of columns, by name in lower case; of a column that is not here, nothing. */
  readonly shown: ReadonlyMap<string, ShownValues>;
}

/** Of a column over all files of a group. */
export interface ShownValues {
  /** No value is null. */
  readonly noNull: boolean;
  /** Every value but null is a time from 1970 on, and no infinite one. */
  readonly onlyTimes: boolean;
}

/** The snapshot of a table that is read. */
export type SourceTable = Pick<TableSnapshot, 'name' | 'addedSince'>;

export interface SourceFiles {
  /** As the definition gives it. */
  readonly path: string;
  /** In the order of their first files. */
  readonly groups: readonly FileGroup[];
  /** null: the source is files, none of which is told of as new. */
  readonly table: SourceTable | null;
}

/** The column of `groupSql` that names the file of a row. No file has a column of this name. */
export const FILE_COLUMN = '~file';

/** @returns the FROM item that reads a group: its columns, and the file of each row */
export function groupSql(group: FileGroup): string {
  if (group.scan !== undefined) return group.scan;
  return `read_parquet(${quotePaths(group.files)}, filename = ${quoteText(FILE_COLUMN)}, hive_partitioning = false)`;
}

/**
 * @param folder  the project's folder, which the path is relative to
 * @param path    a file, a folder, a glob, or an absolute path
 * @throws REG_SOURCE when no file matches the path, or one of them is no readable Parquet
 */
export async function readSourceFiles(
  duck: DuckDb,
  folder: string,
  { path, table }: Pick<Source, 'path' | 'table'>,
): Promise<SourceFiles> {
  refuseOtherPath(path);
  const pattern = isObject(path) ? path : resolve(folder, path);
  try {
    if (isObject(path)) await openObjectStorage(duck, `the source ${path} lies in object storage`);
    if (table !== undefined) return await readTable(duck, folder, { path, table });
    const listed = isObject(path) ? await listSourceObjects(duck, path) : listSourceFiles(folder, path);
    if (listed.length === 0) throw noFile(path, pattern);
    if (await isDeltaTable(duck, pattern)) throw tableAsFiles(path);
    return { path, groups: await groupsOf(duck, listed, true), table: null };
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw unreadable(path, table === undefined ? 'Parquet' : TABLE_NAMES[table], pattern, error as Error);
  }
}

async function readTable(
  duck: DuckDb,
  folder: string,
  { path, table: format }: Required<Pick<Source, 'path' | 'table'>>,
): Promise<SourceFiles> {
  const opened = await openTable(duck, { path, format, folder }, FILE_COLUMN);
  const { scan, columns: own } = opened;
  const columns = new Map<string, FileColumn[]>();
  for (const column of own) addColumn(columns, { ...column, sql: quoteName(column.name) });
  // What footers show goes by the names in the files, which a table may have changed.
  const group = {
    files: [isObject(path) ? path : resolve(folder, path)],
    scan,
    columns,
    excluded: null,
    faults: [],
    shown: new Map(),
  };
  return { path, groups: [group], table: opened };
}

/** @param readsPath  whether folders `name=value` on a file's way are columns of it */
export async function groupsOf(
  duck: DuckDb,
  listed: readonly string[],
  readsPath: boolean,
): Promise<FileGroup[]> {
  const schemas = await parquetSchemas(duck, listed);
  const groups: FileGroup[] = [];
  for (const [files, rows] of alike(schemas, readsPath))
    groups.push(await groupOf(duck, files, rows, readsPath));
  return groups;
}

/** @returns column -> the type in DuckDB that holds those of all files */
export async function unionTypes(duck: DuckDb, { groups }: SourceFiles): Promise<Map<string, string>> {
  const files = groups.flatMap((group) => group.files);
  const scan = groups[0]!.scan;
  const rows = await duck.rows(
    scan === undefined
      ? `DESCRIBE SELECT * FROM read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false)`
      : `DESCRIBE SELECT * EXCLUDE (${quoteName(FILE_COLUMN)}) FROM ${scan}`,
  );
  return new Map(rows.map((row) => [row['column_name'] as string, row['column_type'] as string]));
}

function refuseOtherPath(path: string): void {
  const scheme = schemeOf(path);
  if ((scheme === null || isObject(path)) && !path.includes('\0')) return;
  const fault =
    scheme === null
      ? `the source ${JSON.stringify(path)} has a NUL in its path, which no file has`
      : `the source ${path} lies in ${scheme}, which is not read: give a path on this machine, or s3://bucket/path`;
  throw registryError('REG_SOURCE', fault, { field: 'path' });
}

/** A table's folder also holds files that count no more, and such that never did: read as files, rows come twice. */
async function isDeltaTable(duck: DuckDb, folder: string): Promise<boolean> {
  if (!isObject(folder)) return existsSync(`${folder}/_delta_log`);
  const entries = await duck.rows(
    `SELECT file FROM glob(${quoteFilesIn(folder, '_delta_log/*.json')}) LIMIT 1`,
  );
  return entries.length > 0;
}

function tableAsFiles(path: string): Error {
  const message = `the source ${path} is a Delta table, and its folder also holds files that no longer count`;
  return registryError('REG_SOURCE', message, {
    field: 'path',
    help: `Say delta: ${path} in place of parquet.`,
  });
}

function unreadable(path: string, what: string, pattern: string, error: Error): Error {
  const sentence = error.message.split('\n', 1)[0]!;
  const message = `the source ${path} cannot be read as ${what}: ${sentence}`;
  return registryError('REG_SOURCE', message, { field: 'path', file: pattern }, error);
}

function noFile(path: string, pattern: string): Error {
  const braces = path.includes('{') ? '; braces stand for themselves, wildcards are * ? [ ] and **' : '';
  return registryError(
    'REG_SOURCE',
    `no file matches the source's path ${path} (looked for ${pattern}${braces})`,
    { field: 'path' },
  );
}

const SCHEMA_PARTS = ['name', 'children', 'duckdb_type', 'precision', 'scale', 'repeated'];

/** @returns files of equal schemas with one of these */
function* alike(
  schemas: ReadonlyMap<string, ParquetSchema>,
  readsPath: boolean,
): Generator<[files: string[], schema: ParquetSchema]> {
  const groups = new Map<string, string[]>();
  for (const [file, rows] of schemas) {
    const schema = JSON.stringify([
      readsPath ? Object.keys(pathText(file)) : [],
      rows.slice(1).map((row) => SCHEMA_PARTS.map((part) => row[part])),
    ]);
    if (groups.has(schema)) groups.get(schema)!.push(file);
    else groups.set(schema, [file]);
  }
  for (const files of groups.values()) yield [files, schemas.get(files[0]!)!];
}

async function groupOf(
  duck: DuckDb,
  files: string[],
  schema: ParquetSchema,
  readsPath: boolean,
): Promise<FileGroup> {
  const columns = new Map<string, FileColumn[]>();
  for (const { name, readAs, type } of await parquetColumns(duck, files[0]!, schema))
    addColumn(columns, { name, type, sql: quoteName(readAs) });
  for (const [name, sql] of Object.entries(readsPath ? pathText(files[0]!) : {})) {
    // A file that has the column itself is believed.
    if (!columns.has(name.toLowerCase())) addColumn(columns, { name, type: PATH_TEXT, sql });
  }
  return { files, columns, excluded: null, faults: [], shown: new Map() };
}

function addColumn(columns: Map<string, FileColumn[]>, column: FileColumn): void {
  const name = column.name.toLowerCase();
  columns.set(name, [...(columns.get(name) ?? []), column]);
}

/**
 * @param names  of the columns to look up, without regard to case
 * @returns      the files with what their footers show of these columns, so that rows need not be looked at one by one
 */
export async function withShownValues(
  duck: DuckDb,
  source: SourceFiles,
  names: readonly string[],
): Promise<SourceFiles> {
  const wanted = names.map((name) => quoteText(name.toLowerCase())).join(', ');
  const groups: FileGroup[] = [];
  if (source.table !== null) return source;
  for (const group of source.groups) {
    const rows = await duck.rows(
      `SELECT lower(path_in_schema) AS name, bool_and(coalesce(stats_null_count = 0, false)) AS no_null,
        bool_and(coalesce(stats_null_count = row_group_num_rows, false) OR coalesce(
          TRY_CAST(stats_min_value AS TIMESTAMPTZ) >= TIMESTAMPTZ '1970-01-01 00:00:00+00' AND
          TRY_CAST(stats_max_value AS TIMESTAMPTZ) < TIMESTAMPTZ 'infinity', false)) AS only_times
        FROM parquet_metadata(${quotePaths(group.files)})
        WHERE row_group_num_rows > 0 AND lower(path_in_schema) IN (${wanted}) GROUP BY 1`,
    );
    const shown = rows.map((row): [string, ShownValues] => [
      row['name'] as string,
      { noNull: row['no_null'] === true, onlyTimes: row['only_times'] === true },
    ]);
    groups.push({ ...group, shown: new Map(shown) });
  }
  return { ...source, groups };
}

/** Of a file's path the folders `name=value` (hive partitions): name -> SQL of the value. */
function pathText(file: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (const folder of file.split('/').slice(0, -1)) {
    const name = /^([^=]+)=/.exec(folder)?.[1];
    if (name === undefined) continue;
    const value = `regexp_extract(${quoteName(FILE_COLUMN)}, ${quoteText(`.*/${escapePattern(name)}=([^/]*)/`)}, 1)`;
    parts[name] = `nullif(url_decode(${value}), '__HIVE_DEFAULT_PARTITION__')`;
  }
  return parts;
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}
