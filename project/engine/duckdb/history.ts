/**
 * The history of a view: where it lies, what its columns are called, how far it is complete.
 *
 *   history/{view}/v{version}/day=<event day>/{run}.{definition}.parquet   append-only; a stored view's is its source
 *   history/{view}/v{version}/_watermark.json            {watermarkUs, runId, definitionId}: complete up to this edge
 *   history/_rejected/{view}/v{version}/{run}.parquet    rows that did not count, with their reason
 *   history/_staged/{view}/v{version}/{run}/             a run's rows before they are published
 *
 * Any reader of Parquet can open a view's folder. Arrow and Spark skip names that begin with `_`, but DuckDB reads
 * every *.parquet below a folder: Parquet files that are no history lie outside of it.
 *
 *   columns: the entity's join keys | event_time, created_time TIMESTAMP | run_id VARCHAR | definition_id UINTEGER
 *            | deleted BOOLEAN | one a feature
 *
 * A row that is `deleted` is a tombstone: from its event time on the entity has no row. Its features are null.
 *
 * A file holds the rows of one definition id, which its name ends with, so that all files that are read together have
 * the same columns and types. Rows count under the ids of today's row logic alone (definition-json.ts): a row of
 * another one says something else, whatever its features are called. Those stay where they are.
 *
 * Every join reads a view through `openHistory`, which gives stored and aggregated views the same columns.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../../contract/std/files/durable-file.ts';
import { dayOf } from '../../../contract/std/timestamp.ts';
import { countingIds } from '../../../contract/definitions/definition-json.ts';
import { duckTypeOf, quoteName } from './duckdb.ts';
import { registryError } from '../../../contract/errors.ts';
import type { DuckDb } from './duckdb.ts';
import { quotePaths } from './file-sql.ts';
import type { Entity, FeatureView } from '../../../contract/model.ts';
import { FILE_COLUMN, readSourceFiles, withShownValues } from './sources/source-files.ts';
import type { SourceFiles } from './sources/source-files.ts';
import { reasonSql, whereGood } from './sources/column-reading.ts';
import { checkFaults, goodRowsSql, hasNanos, rowsWithFaultsSql } from './sources/stored-rows.ts';
import { CREATED_NS, EVENT_NS, EXCLUDED, REASON, ROW_COLUMN } from './sources/stored-rows.ts';
import type { KeyType } from '../../../contract/value-type.ts';
import { definitionName } from '../../../contract/wire/online/row-header.ts';

export function historyFolder(root: string, view: Pick<FeatureView, 'name' | 'version'>): string {
  return join(root, view.name, `v${view.version}`);
}

/** The folder for what belongs to a view and is no history; its name is no view's, since those begin with a letter. */
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
  view: Pick<FeatureView, 'name' | 'version' | 'definitionId'>,
  day: string,
  runId: string,
): string {
  const name = `${runId}.${definitionName(view.definitionId)}.parquet`;
  return join(historyFolder(root, view), `day=${day}`, name);
}

/**
 * @param fromDay  of event times, the first one wanted; null: all days
 * @returns        the files of a view's history whose rows count, by their day, the oldest first
 */
export function historyFiles(
  root: string,
  view: FeatureView,
  entity: Entity,
  fromDay: string | null,
): Map<string, string[]> {
  return filesOf(root, view, countingIds(view, entity.joinKeys), fromDay);
}

function filesOf(
  root: string,
  view: FeatureView,
  definitionIds: readonly number[],
  fromDay: string | null,
): Map<string, string[]> {
  const folder = historyFolder(root, view);
  const ids = new Set(definitionIds.map(definitionName));
  const files = new Map<string, string[]>();
  for (const name of globSync('day=*/*.parquet', { cwd: folder }).toSorted()) {
    const day = name.slice('day='.length, name.indexOf('/'));
    if (fromDay !== null && day < fromDay) continue;
    if (!ids.has(name.split('.').at(-2)!)) continue;
    files.set(day, [...(files.get(day) ?? []), join(folder, name)]);
  }
  return files;
}

const WATERMARK_FILE = '_watermark.json';

interface HistoryWatermark {
  readonly watermarkUs: number;
  readonly runId: string;
  /** The definition by which it is complete up to there. */
  readonly definitionId: number;
}

/** @returns how far an aggregated view's history is complete by its row logic of today; null: nothing was computed */
export function completeHistory(root: string, view: FeatureView, entity: Entity): HistoryWatermark | null {
  const mark = readHistoryWatermark(root, view);
  if (mark === null || !countingIds(view, entity.joinKeys).includes(mark.definitionId)) return null;
  return mark;
}

/**
 * @returns how far it was complete by the definition that was computed last; null: none was
 * @throws REG_STORE when the file is damaged
 */
export function readHistoryWatermark(
  root: string,
  view: Pick<FeatureView, 'name' | 'version'>,
): HistoryWatermark | null {
  const file = join(historyFolder(root, view), WATERMARK_FILE);
  try {
    return watermarkFromText(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code !== undefined) throw error;
    const message = `${file} does not say how far the history is: ${(error as Error).message}`;
    const help =
      'Put the file back from a copy, or remove it and compute the view anew: `plumb materialize --full`.';
    throw registryError('REG_STORE', message, { file, help }, error);
  }
}

function watermarkFromText(text: string): HistoryWatermark {
  const mark = JSON.parse(text) as Partial<HistoryWatermark> | null;
  const { watermarkUs, runId, definitionId } = mark ?? {};
  if (!Number.isSafeInteger(watermarkUs) || !Number.isSafeInteger(definitionId) || typeof runId !== 'string')
    throw new TypeError('expected {"watermarkUs", "runId", "definitionId"} with whole numbers and a text');
  return mark as HistoryWatermark;
}

export function writeHistoryWatermark(
  root: string,
  view: Pick<FeatureView, 'name' | 'version'>,
  mark: HistoryWatermark,
): void {
  writeDurably(join(historyFolder(root, view), WATERMARK_FILE), `${JSON.stringify(mark)}\n`, 0o644);
}

export interface ViewHistory {
  /**
   * SELECT of the whole history: join keys, event_time and created_time (TIMESTAMP, UTC; created_time null where the
   * source has none), run_id, definition_id (null in a stored view), of an aggregated view `deleted`, the features;
   * without bad rows.
   */
  readonly sql: string;
  /** Whether it has EVENT_NS and CREATED_NS too, by which rows of one microsecond are told apart. */
  readonly nanos: boolean;
  /** The files of a stored view, as they were when this was made; null: an aggregated view. */
  readonly source: SourceFiles | null;
  /**
   * The same rows in SELECTs for labels of these times, those past them left out. All event times of one lie before
   * those of the one before it, so that reading may end where every label has found its row.
   */
  parts(firstUs: number, lastUs: number): string[];
}

/** Where histories are; a project's settings say it. */
export interface HistoryPlace {
  /** The project's folder, which sources' paths are relative to. */
  readonly folder: string;
  /** The folder of the histories of aggregated views. */
  readonly history: string;
}

/**
 * How the history of a view is read. A stored view's source is looked at file by file, so call this again for each run.
 *
 * @throws REG_SOURCE when a stored view's source has no file, or one that is no Parquet
 */
export async function openHistory(
  duck: DuckDb,
  place: HistoryPlace,
  view: FeatureView,
  entity: Entity,
): Promise<ViewHistory> {
  if (view.kind === 'aggregated') {
    const faults = view.features.flatMap((feature) => checkFaults(feature, quoteName(feature.name)));
    const good = (files: readonly string[]): string => {
      const sql = aggregatedSql(view, entity, files);
      return faults.length === 0 ? sql : `SELECT * FROM (${sql})${whereGood(faults)}`;
    };
    const files = historyFiles(place.history, view, entity, null);
    const parts = (firstUs: number, lastUs: number): string[] =>
      dayParts([...files.keys()], firstUs, lastUs).map((days) =>
        good(days.flatMap((day) => files.get(day)!)),
      );
    return { sql: good([...files.values()].flat()), nanos: false, source: null, parts };
  }
  const source = await storedFiles(duck, place.folder, view, entity);
  const sql = goodRowsSql(source, view, entity);
  return { sql, nanos: hasNanos(source, view), source, parts: () => [sql] };
}

/**
 * The history of a view with its bad rows, each with what is wrong with it.
 *
 * @returns  `sql` a SELECT of the columns of `openHistory`, EVENT_NS and CREATED_NS always among them, with EXCLUDED,
 *           REASON (the first fault of a row, or NULL), FILE_COLUMN and ROW_COLUMN (null in an aggregated view)
 * @throws   as `openHistory`
 */
export async function openHistoryWithFaults(
  duck: DuckDb,
  place: HistoryPlace,
  view: FeatureView,
  entity: Entity,
): Promise<Pick<ViewHistory, 'sql' | 'source'>> {
  if (view.kind === 'stored') {
    const source = await storedFiles(duck, place.folder, view, entity);
    return { sql: rowsWithFaultsSql(source, view, entity), source };
  }
  const faults = view.features.flatMap((feature) => checkFaults(feature, quoteName(feature.name)));
  const files = [...historyFiles(place.history, view, entity, null).values()].flat();
  const nothing = [EVENT_NS, CREATED_NS].map((name) => `0::SMALLINT AS ${quoteName(name)}`);
  const origin = [`NULL::VARCHAR AS ${quoteName(FILE_COLUMN)}`, `NULL::BIGINT AS ${quoteName(ROW_COLUMN)}`];
  const faultColumns = [`false AS ${quoteName(EXCLUDED)}`, `${reasonSql(faults)} AS ${quoteName(REASON)}`];
  const columns = ['*', ...nothing, ...faultColumns, ...origin];
  const sql = `SELECT ${columns.join(', ')} FROM (${aggregatedSql(view, entity, files)})`;
  return { sql, source: null };
}

/** The files of a stored view, with what their footers show of keys and times. */
async function storedFiles(
  duck: DuckDb,
  folder: string,
  { source }: FeatureView,
  entity: Entity,
): Promise<SourceFiles> {
  const times = [source.eventTime, ...(source.createdTime === null ? [] : [source.createdTime])];
  const names = [...entity.joinKeys.map((key) => key.name), ...times];
  return await withShownValues(duck, await readSourceFiles(duck, folder, source.path), names);
}

/** @returns how many rows the files hold that the definition wrote which was computed last, by their footers */
export async function historyRowCount(duck: DuckDb, root: string, view: FeatureView): Promise<number> {
  const mark = readHistoryWatermark(root, view);
  const files = mark === null ? [] : [...filesOf(root, view, [mark.definitionId], null).values()].flat();
  if (files.length === 0) return 0;
  const [row] = await duck.rows(
    `SELECT sum(num_rows)::DOUBLE AS n FROM parquet_file_metadata(${quotePaths(files)})`,
  );
  return row!['n'] as number;
}

/** How many days the first part holds that lies before all labels; each further one has twice as many. */
const DAYS_BEFORE = 7;
/** Labels lie anywhere in time, days do not. */
const LAST_DAY_US = Date.UTC(9999, 11, 31) * 1_000;

/**
 * @param days  oldest first
 * @returns     the days of the labels, then those before them, the newest first: most entities have a row near their
 *              label, and few are looked for in all the years before. At least one part, which may have no day
 */
export function dayParts(days: readonly string[], firstUs: number, lastUs: number): string[][] {
  const [first, last] = [firstUs, lastUs].map((us) => dayOf(Math.min(Math.max(us, 0), LAST_DAY_US)));
  const seen = days.filter((day) => day <= last!);
  const parts = [seen.filter((day) => day >= first!)];
  const before = seen.filter((day) => day < first!);
  for (let size = DAYS_BEFORE; before.length > 0; size *= 2) parts.push(before.splice(-size));
  return parts;
}

function aggregatedSql(view: FeatureView, entity: Entity, files: readonly string[]): string {
  const columns = [
    ...entity.joinKeys.map((key) => [key.name, duckKeyType(key.type)] as const),
    ['event_time', 'TIMESTAMP'] as const,
    ['created_time', 'TIMESTAMP'] as const,
    ['run_id', 'VARCHAR'] as const,
    ['definition_id', 'UINTEGER'] as const,
    ['deleted', 'BOOLEAN'] as const,
    ...view.features.map((f) => [f.name, duckTypeOf(f.type)] as const),
  ];
  const none = `SELECT ${columns.map(([name, type]) => `NULL::${type} AS ${quoteName(name)}`).join(', ')} WHERE false`;
  if (files.length === 0) return none;
  const rows = `SELECT * FROM read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false)`;
  const names = columns.map(([name]) => quoteName(name)).join(', ');
  return `SELECT ${names} FROM (${none} UNION ALL BY NAME ${rows})`;
}

export function duckKeyType(type: KeyType): string {
  return type === 'string' ? 'VARCHAR' : type === 'int32' ? 'INTEGER' : 'BIGINT';
}
