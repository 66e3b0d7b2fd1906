/**
 * A source that is a table of another maker, Delta or Iceberg. Which files count, which of their rows are deleted and
 * what its columns are called says the table; DuckDB's extensions read it so. It is read at one snapshot, the newest
 * when it was looked at, whatever is committed meanwhile.
 *
 *   delta    {table}/_delta_log/{entry}.json: the greatest number
 *   iceberg  {table}/metadata/: what version-hint.text names, without one the greatest number; or the path is that of
 *            one *.metadata.json
 */
import { basename, resolve } from 'node:path';
import { registryError } from '../../../../contract/errors.ts';
import { TABLE_NAMES } from '../../../../contract/model.ts';
import type { SourceTableFormat } from '../../../../contract/model.ts';
import { isObject } from '../../../../contract/std/files/local-path.ts';
import { quoteName, quoteText } from '../duckdb.ts';
import type { DuckDb } from '../duckdb.ts';
import { loadExtension } from '../extension.ts';
import { quoteFilesIn, quotePath } from '../file-sql.ts';
import { parseSourceType } from './source-type.ts';
import type { SourceType } from './source-type.ts';

export interface TableSnapshot {
  /** `delta 17`, `iceberg 00003-025264ff.metadata.json`: the bookmark of a run that has read it. */
  readonly name: string;
  /** FROM item of its rows, with a column that names the file of each. */
  readonly scan: string;
  /** In the table's order, as it spells them. */
  readonly columns: readonly { readonly name: string; readonly type: SourceType }[];
  /**
   * @returns a SELECT, `file`, of the files of this snapshot that an earlier one has not, those included that only join
   *          older rows; null: that one is of another format. It fails where the table has forgotten the earlier one
   */
  readonly addedSince: (name: string) => string | null;
}

interface TablePlace {
  /** As the definition gives it, for messages. */
  readonly path: string;
  readonly format: SourceTableFormat;
  /** What a relative path begins in. */
  readonly folder: string;
}

/**
 * @param fileColumn  what the column with the file of a row is called
 * @throws            REG_EXTENSION when DuckDB lacks what reads it; REG_SOURCE when there is no such table
 */
export async function openTable(duck: DuckDb, place: TablePlace, fileColumn: string): Promise<TableSnapshot> {
  const { path, format } = place;
  const at = (isObject(path) ? path : resolve(place.folder, path)).replace(/\/+$/, '');
  if (at.includes('%')) {
    const message = `the source ${path} has a % in its path, which the readers of tables take for an escape`;
    throw registryError('REG_SOURCE', message, { field: 'path', help: 'Name the folder otherwise.' });
  }
  await loadExtension(duck, format, `the source ${path} is ${TABLE_NAMES[format]}`);
  const calls = format === 'delta' ? deltaCalls(at) : icebergCalls(at);
  const newest =
    format === 'delta' ? await newestEntry(duck, at, path) : await newestMetadata(duck, at, path);
  const scan = `${calls.scan(newest)}, filename := ${quoteText(fileColumn)})`;
  const rows = await duck.rows(`DESCRIBE SELECT * EXCLUDE (${quoteName(fileColumn)}) FROM ${scan}`);
  const columns = rows.map((row) => ({
    name: row['column_name'] as string,
    type: parseSourceType(row['column_type'] as string),
  }));
  const prefix = `${format} `;
  const addedSince = (name: string): string | null => {
    if (!name.startsWith(prefix)) return null;
    return `SELECT file FROM (${calls.files(newest)}) EXCEPT SELECT file FROM (${calls.files(name.slice(prefix.length))})`;
  };
  return { name: `${prefix}${newest}`, scan, columns, addedSince };
}

/** Of an Iceberg table: the number of its newest state, where no catalogue says it. */
const HINT = 'version-hint.text';

/** How a table is asked for one of its snapshots. */
interface TableCalls {
  /** The beginning of a call that reads its rows. */
  readonly scan: (snapshot: string) => string;
  /** A SELECT, `file`, of its files, named as a scan names them. */
  readonly files: (snapshot: string) => string;
}

function deltaCalls(at: string): TableCalls {
  const of = (entry: string): string => `(${quoteText(at)}, version := ${BigInt(entry)}`;
  return {
    scan: (entry) => `delta_scan${of(entry)}`,
    files: (entry) => `SELECT data_file AS file FROM delta_list_files${of(entry)})`,
  };
}

function icebergCalls(at: string): TableCalls {
  const folder = metadataFolder(at);
  const of = (name: string): string => `(${quoteText(`${folder}/${name}`)}`;
  return {
    scan: (name) => `iceberg_scan${of(name)}`,
    files: (name) => `SELECT file_path AS file FROM iceberg_metadata${of(name)}) WHERE status <> 'DELETED'`,
  };
}

async function newestEntry(duck: DuckDb, at: string, path: string): Promise<string> {
  const entries = await namesIn(duck, `${at}/_delta_log`, '*.json');
  const newest = entries.findLast((name) => /^\d{20}\.json$/.test(name));
  if (newest === undefined) throw noTable(path, 'delta', `${at}/_delta_log has no entry`);
  return String(BigInt(newest.slice(0, 20)));
}

function metadataFolder(at: string): string {
  return isMetadata(at) ? at.slice(0, at.lastIndexOf('/')) : `${at}/metadata`;
}

function isMetadata(path: string): boolean {
  return path.endsWith('.metadata.json');
}

/** @returns the name of the file that says the newest state of an Iceberg table */
async function newestMetadata(duck: DuckDb, at: string, path: string): Promise<string> {
  if (isMetadata(at)) return basename(at);
  const folder = metadataFolder(at);
  const all = await namesIn(duck, folder, '*');
  const names = all.filter(isMetadata);
  if (names.length === 0) throw noTable(path, 'iceberg', `${folder} has no *.metadata.json`);
  const hint = all.includes(HINT) ? await textOf(duck, `${folder}/${HINT}`) : null;
  if (hint !== null) {
    const named = names.find((name) => [`v${hint}.metadata.json`, `${hint}.metadata.json`].includes(name));
    if (named !== undefined) return named;
    throw noTable(path, 'iceberg', `${folder}/${HINT} says ${hint}, of which there is no metadata`);
  }
  const numberOf = (name: string): number => Number(/^v?(\d+)/.exec(name)?.[1] ?? -1);
  const greatest = names.reduce((most, name) => Math.max(most, numberOf(name)), -1);
  const newest = names.filter((name) => numberOf(name) === greatest);
  if (newest.length === 1) return newest[0]!;
  const message = `the source ${path} has two newest states, ${newest.join(' and ')}: one of two writers did not commit its own`;
  const help = 'Give the path of the one that the catalogue names, or wait for the next commit.';
  throw registryError('REG_SOURCE', message, { field: 'path', help });
}

async function textOf(duck: DuckDb, file: string): Promise<string> {
  const [row] = await duck.rows(`SELECT trim(content) AS text FROM read_text(${quotePath(file)})`);
  return row!['text'] as string;
}

/** @returns the names of a folder's files, sorted */
async function namesIn(duck: DuckDb, folder: string, pattern: string): Promise<string[]> {
  const rows = await duck.rows(`SELECT file FROM glob(${quoteFilesIn(folder, pattern)}) ORDER BY file`);
  return rows.map((row) => basename(row['file'] as string));
}

function noTable(path: string, format: SourceTableFormat, what: string): Error {
  return registryError('REG_SOURCE', `the source ${path} is not ${TABLE_NAMES[format]}: ${what}`, {
    field: 'path',
  });
}
