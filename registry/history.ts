/**
 * The history of a view: where it lies, what its columns are called, how far it is complete.
 *
 *   history/{view}/v{version}/day=<event day>/{run}.parquet      append-only; a stored view's is its source, in place
 *   history/{view}/v{version}/_watermark.json                    {watermarkUs, runId}: complete up to this edge
 *   history/_rejected/{view}/v{version}/{run}.parquet            rows that did not count, with their reason
 *   history/_staged/{view}/v{version}/{run}/                     a run's rows before they are published
 *
 * A view's folder opens in any reader of Parquet as it is. Readers of Arrow and Spark pass over names that begin with
 * `_`, DuckDB reads every *.parquet below a folder: what is not history and yet Parquet lies outside of it.
 *
 *   columns: the entity's join keys | event_time, created_time TIMESTAMP | run_id VARCHAR | definition_id UINTEGER
 *            | one a feature
 *
 * Every join reads a view through `historySql`, which gives stored and aggregated views the same columns.
 */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeDurably } from './std/durable-file.ts';
import { duckTypeOf, quoteName, quoteText } from './duckdb.ts';
import type { Entity, FeatureView } from './model.ts';
import type { KeyType } from './value-type.ts';

/** Names that no join key and no feature may have: the history's own columns. */
export const RESERVED_COLUMNS: readonly string[] = ['event_time', 'created_time', 'run_id', 'definition_id'];

export function historyFolder(root: string, view: Pick<FeatureView, 'name' | 'version'>): string {
  return join(root, view.name, `v${view.version}`);
}

/** What belongs to a view and is no history: beside the folders of all views, whose names begin with a letter. */
export function folderBeside(
  root: string,
  kind: '_rejected' | '_staged',
  view: Pick<FeatureView, 'name' | 'version'>,
): string {
  return join(root, kind, view.name, `v${view.version}`);
}

/** The file that a run appends for one day of event times (`2026-11-21`). */
export function historyFile(
  root: string,
  view: Pick<FeatureView, 'name' | 'version'>,
  day: string,
  runId: string,
): string {
  return join(historyFolder(root, view), `day=${day}`, `${runId}.parquet`);
}

const WATERMARK_FILE = '_watermark.json';

export interface HistoryWatermark {
  readonly watermarkUs: number;
  readonly runId: string;
}

/** @returns how far an aggregated view's history is complete, or null when nothing was ever computed */
export function readHistoryWatermark(
  root: string,
  view: Pick<FeatureView, 'name' | 'version'>,
): HistoryWatermark | null {
  try {
    return JSON.parse(
      readFileSync(join(historyFolder(root, view), WATERMARK_FILE), 'utf8'),
    ) as HistoryWatermark;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function writeHistoryWatermark(
  root: string,
  view: Pick<FeatureView, 'name' | 'version'>,
  mark: HistoryWatermark,
): void {
  writeDurably(join(historyFolder(root, view), WATERMARK_FILE), `${JSON.stringify(mark)}\n`);
}

/**
 * @param folder  the project's folder, which sources' paths are relative to
 * @returns       a SELECT of the whole history: join keys, event_time and created_time (TIMESTAMP, UTC; created_time
 *                null where the source has none), run_id, definition_id (null in a stored view), the features
 */
export function historySql(folder: string, root: string, view: FeatureView, entity: Entity): string {
  return view.kind === 'stored' ? storedSql(folder, view, entity) : aggregatedSql(root, view, entity);
}

function storedSql(folder: string, view: FeatureView, entity: Entity): string {
  const created = view.source.createdTime === null ? 'NULL::TIMESTAMP' : utc(view.source.createdTime);
  const columns = [
    ...entity.joinKeys.map(
      (key) => `${quoteName(key.name)}::${duckKeyType(key.type)} AS ${quoteName(key.name)}`,
    ),
    `${utc(view.source.eventTime)} AS event_time`,
    `${created} AS created_time`,
    'NULL::VARCHAR AS run_id',
    'NULL::UINTEGER AS definition_id',
    ...view.features.map((f) => `${quoteName(f.name)}::${duckTypeOf(f.type)} AS ${quoteName(f.name)}`),
  ];
  return `SELECT ${columns.join(', ')} FROM ${sourceSql(folder, view.source.path)}`;
}

/** @returns the FROM item that reads a source's Parquet files */
export function sourceSql(folder: string, path: string): string {
  return `read_parquet(${quoteText(resolve(folder, path))}, union_by_name = true, hive_partitioning = false)`;
}

/** A time column of a source as TIMESTAMP in UTC; DATE and zoned types are taken too. Microseconds are kept. */
export function utc(column: string): string {
  return `make_timestamp(epoch_us(${quoteName(column)}))`;
}

function aggregatedSql(root: string, view: FeatureView, entity: Entity): string {
  const columns = [
    ...entity.joinKeys.map((key) => [key.name, duckKeyType(key.type)] as const),
    ['event_time', 'TIMESTAMP'] as const,
    ['created_time', 'TIMESTAMP'] as const,
    ['run_id', 'VARCHAR'] as const,
    ['definition_id', 'UINTEGER'] as const,
    ...view.features.map((f) => [f.name, duckTypeOf(f.type)] as const),
  ];
  const none = `SELECT ${columns.map(([name, type]) => `NULL::${type} AS ${quoteName(name)}`).join(', ')} WHERE false`;
  const pattern = join(historyFolder(root, view), 'day=*', '*.parquet');
  if (globSync(pattern).length === 0) return none;
  // By name, since files of an older definition lack the features that came later: there they are null.
  const files = `SELECT * FROM read_parquet(${quoteText(pattern)}, union_by_name = true, hive_partitioning = false)`;
  const names = columns.map(([name]) => quoteName(name)).join(', ');
  return `SELECT ${names} FROM (${none} UNION ALL BY NAME ${files})`;
}

export function duckKeyType(type: KeyType): string {
  return type === 'string' ? 'VARCHAR' : type === 'int32' ? 'INTEGER' : 'BIGINT';
}
