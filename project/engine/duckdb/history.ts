/**
 * How the history of a view is read: a SELECT with the same columns for stored and aggregated views, by which every
 * join reads it. A stored view's history is its source. Of an aggregated one, and of one over whole snapshots (`absent:
 * delete`), exactly the committed files are read (project/history/), those whose rows count by today's row logic.
 */
import { countingIds } from '../../../contract/definitions/definition-json.ts';
import { hasHistory } from '../../../contract/model.ts';
import type { Entity, FeatureView } from '../../../contract/model.ts';
import { basesOf } from '../../history/history-base.ts';
import { baseFolder } from '../../history/history-folder.ts';
import { historyParts } from '../../history/history-parts.ts';
import { seenHistory } from '../../history/history-place.ts';
import type { HistoriesSeen, HistoryPlace } from '../../history/history-place.ts';
import { committedSql } from './committed-rows.ts';
import { openHistoryStorage } from './object-storage.ts';
import { quoteName } from './duckdb.ts';
import type { DuckDb } from './duckdb.ts';
import type { KeyType } from '../../../contract/value-type.ts';
import { FILE_COLUMN, readSourceFiles, withShownValues } from './sources/source-files.ts';
import type { SourceFiles } from './sources/source-files.ts';
import { reasonSql, whereGood } from './sources/column-reading.ts';
import { checkFaults, goodRowsSql, hasNanos, rowsWithFaultsSql } from './sources/stored-rows.ts';
import { CREATED_NS, EVENT_NS, EXCLUDED, REASON, ROW_COLUMN } from './sources/stored-rows.ts';

export interface ViewHistory {
  /**
   * SELECT of the whole history: join keys, event_time and created_time (TIMESTAMP, UTC; created_time null where the
   * source has none), run_id, definition_id (null in a stored view), of any other view `deleted`, the
   * features; without bad rows.
   */
  readonly sql: string;
  /** Whether it has EVENT_NS and CREATED_NS too, by which rows of one microsecond are told apart. */
  readonly nanos: boolean;
  /** The files of the source, as they were when this was made; null: the view has a history of its own. */
  readonly source: SourceFiles | null;
  /**
   * The rows that labels of these times can see, in SELECTs. All event times of one lie before those of the one before
   * it, so that reading may end where every label has found its row. Where there is a base, the last of them is that.
   *
   * @param firstUs  the earliest time of a label, before the view's delay is taken off it
   * @param lastUs   rows with an event time after it are seen by no label
   */
  parts(firstUs: number, lastUs: number): string[];
  /** The files of all these parts, for an engine that reads them itself; null: the view's history is its source. */
  readonly files: ((firstUs: number, lastUs: number) => string[]) | null;
}

/**
 * How the history of a view is read. A stored view's source is looked at file by file, so call this again for each run;
 * within one the place remembers what was seen.
 *
 * @throws REG_SOURCE when a stored view's source has no file, or one that is no Parquet; REG_STORE when the log of an
 *         aggregated view's history is damaged
 */
export async function openHistory(
  duck: DuckDb,
  place: HistoryPlace,
  view: FeatureView,
  entity: Entity,
): Promise<ViewHistory> {
  if (hasHistory(view)) {
    const history = await seenHistory(place, view);
    await openHistoryStorage(duck, place.history);
    const good = (files: readonly { readonly file: string }[]): string =>
      goodRows(view, committedSql(view, entity, files));
    const files = history?.files(countingIds(view, entity.joinKeys)) ?? [];
    const bases = history === null ? [] : await basesOf(place.history, view, history);
    const folder = baseFolder(place.history, view);
    const filesOf = (firstUs: number, lastUs: number): string[][] =>
      historyParts(files, bases, firstUs, lastUs).map(({ base, files: own }) => [
        ...(base === null ? [] : [folder.fileOf(base.name)]),
        ...own.map(({ file }) => file),
      ]);
    return {
      sql: good(files),
      nanos: false,
      source: null,
      parts: (firstUs, lastUs) =>
        filesOf(firstUs, lastUs).map((part) => good(part.map((file) => ({ file })))),
      files: (firstUs, lastUs) => filesOf(firstUs, lastUs).flat(),
    };
  }
  const source = await storedFiles(duck, place, view, entity);
  const sql = goodRowsSql(source, view, entity);
  return { sql, nanos: hasNanos(source, view), source, parts: () => [sql], files: null };
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
  if (!hasHistory(view)) {
    const source = await storedFiles(duck, place, view, entity);
    return { sql: rowsWithFaultsSql(source, view, entity), source };
  }
  const faults = view.features.flatMap((feature) => checkFaults(feature, quoteName(feature.name)));
  const files = (await seenHistory(place, view))?.files(countingIds(view, entity.joinKeys)) ?? [];
  await openHistoryStorage(duck, place.history);
  const nothing = [EVENT_NS, CREATED_NS].map((name) => `0::SMALLINT AS ${quoteName(name)}`);
  const origin = [`NULL::VARCHAR AS ${quoteName(FILE_COLUMN)}`, `NULL::BIGINT AS ${quoteName(ROW_COLUMN)}`];
  const faultColumns = [`false AS ${quoteName(EXCLUDED)}`, `${reasonSql(faults)} AS ${quoteName(REASON)}`];
  const columns = ['*', ...nothing, ...faultColumns, ...origin];
  const sql = `SELECT ${columns.join(', ')} FROM (${committedSql(view, entity, files)})`;
  return { sql, source: null };
}

/** Sources as commands have first seen them. */
const SOURCES_SEEN = new WeakMap<HistoriesSeen, Map<string, Promise<SourceFiles>>>();

/**
 * The files of a stored view, with what their footers show of keys and times. A command opens a history many times, and
 * each footer costs as much as a thousand rows: it looks at them once.
 */
async function storedFiles(
  duck: DuckDb,
  { folder, seen }: HistoryPlace,
  { source }: FeatureView,
  entity: Entity,
): Promise<SourceFiles> {
  const times = [source.eventTime, ...(source.createdTime === null ? [] : [source.createdTime])];
  const names = [...entity.joinKeys.map((key) => key.name), ...times];
  const read = async (): Promise<SourceFiles> =>
    withShownValues(duck, await readSourceFiles(duck, folder, source), names);
  if (seen === undefined) return await read();
  const known = SOURCES_SEEN.get(seen) ?? new Map<string, Promise<SourceFiles>>();
  SOURCES_SEEN.set(seen, known);
  const name = JSON.stringify([source.path, source.table ?? null, ...names]);
  const files = known.get(name) ?? read();
  known.set(name, files);
  return await files;
}

/** @returns the rows of an aggregated view that no check of it excludes */
export function goodRows(view: FeatureView, sql: string): string {
  const faults = view.features.flatMap((feature) => checkFaults(feature, quoteName(feature.name)));
  return faults.length === 0 ? sql : `SELECT * FROM (${sql})${whereGood(faults)}`;
}

export function duckKeyType(type: KeyType): string {
  return type === 'string' ? 'VARCHAR' : type === 'int32' ? 'INTEGER' : 'BIGINT';
}
