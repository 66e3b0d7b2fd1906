/**
 * The entries of a history: that by which the rows of a run come to it, with what becomes of the table's columns, and
 * that by which small files are joined.
 *
 * A definition may bring columns that the table lacks: it grows. Where a column is there with another type, no one
 * schema says both: files of the definitions before are taken out in the same entry, as `retired`. They stay where they
 * are, for the replay of what was served under them; readers of Delta see the rows of the new columns alone.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { registryError } from '../../contract/errors.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { READER_VERSION, WRITER_VERSION } from '../delta/delta-action.ts';
import type {
  AddAction,
  DeltaAction,
  FileStats,
  MetaDataAction,
  RemoveAction,
} from '../delta/delta-action.ts';
import { grownSchema, schemaText } from '../delta/table-schema.ts';
import { RETIRED } from '../delta/table-state.ts';
import type { TableFile, TableState } from '../delta/table-state.ts';
import { historyColumns } from './history-columns.ts';
import { COMPACTION, ROWS_VERSION } from './history-snapshot.ts';
import type { CompactionCommit, HistoryCommit, HistoryFile } from './history-snapshot.ts';

/** A file of rows that is to be committed. */
export interface NewFile {
  /** Below the history's folder. */
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  readonly firstEventUs: number;
  readonly lastEventUs: number;
}

interface NewRows {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly files: readonly NewFile[];
  readonly commit: Omit<HistoryCommit, 'nonce' | 'of' | 'definitionId' | 'rows'>;
  readonly nowMs: number;
}

/** @returns the actions of the entry on top of a state; null: it makes the table */
export function historyEntry(state: TableState | null, rows: NewRows): DeltaAction[] {
  const { view, files, commit, nowMs } = rows;
  const facts: HistoryCommit = {
    nonce: nonce(),
    of: definitionName(view.definitionId),
    definitionId: view.definitionId,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
    ...commit,
  };
  return [
    commitInfo('WRITE', facts, nowMs),
    ...tableActions(state, rows),
    ...files.map((file) => ({ add: addAction(file, true, nowMs) })),
  ];
}

/** Small files, and the one that has their rows. */
export interface JoinedFiles {
  readonly files: readonly HistoryFile[];
  readonly into: NewFile;
}

interface NewJoins {
  readonly joined: readonly JoinedFiles[];
  /** The lease under which it is written. */
  readonly lease: number;
  readonly nowMs: number;
}

/**
 * @returns the entry by which files are joined: no row comes or goes
 * @throws  REG_STORE when one of the files is no longer part of the table
 */
export function compactionEntry(state: TableState, { joined, lease, nowMs }: NewJoins): DeltaAction[] {
  const removes = joined.flatMap(({ files }) =>
    files.map(({ path }) => {
      const file = state.files.get(encodeURI(path));
      if (file !== undefined) return { remove: removeAction(file, nowMs, {}) };
      throw registryError('REG_STORE', `${path} has left the table while it was joined with others`);
    }),
  );
  const adds = joined.map(({ files, into }) => {
    const version = Math.max(...files.map((file) => file.version));
    return { add: addAction(into, false, nowMs, { [ROWS_VERSION]: String(version) }) };
  });
  const facts: CompactionCommit = { nonce: nonce(), of: COMPACTION, lease };
  return [commitInfo('OPTIMIZE', facts, nowMs), ...removes, ...adds];
}

function nonce(): string {
  return randomBytes(8).toString('hex');
}

function commitInfo(operation: string, plumbline: object, nowMs: number): DeltaAction {
  return { commitInfo: { timestamp: nowMs, operation, engineInfo: 'plumbline', plumbline } };
}

function tableActions(state: TableState | null, { view, entity, nowMs }: NewRows): DeltaAction[] {
  const columns = historyColumns(view, entity);
  if (state === null) {
    const protocol = { minReaderVersion: READER_VERSION, minWriterVersion: WRITER_VERSION };
    return [{ protocol }, { metaData: metaData(randomUUID(), schemaText(columns), nowMs) }];
  }
  const { metaData: old, files } = state;
  const grown = grownSchema(old.schemaString, columns);
  if (grown === old.schemaString) return [];
  if (grown !== null) return [{ metaData: { ...old, schemaString: grown } }];
  const retired = [...files.values()].map((file) => ({
    remove: removeAction(file, nowMs, { [RETIRED]: 'true' }),
  }));
  return [...retired, { metaData: { ...old, schemaString: schemaText(columns) } }];
}

function metaData(id: string, schemaString: string, createdTime: number): MetaDataAction {
  const format = { provider: 'parquet', options: {} } as const;
  return { id, format, schemaString, partitionColumns: [], configuration: {}, createdTime };
}

/** @param dataChange  whether the rows are new to the table */
function addAction(file: NewFile, dataChange: boolean, nowMs: number, tags = {}): AddAction {
  const stats: FileStats = {
    numRecords: file.rows,
    minValues: { event_time: timeText(Math.floor(file.firstEventUs / 1_000)) },
    maxValues: { event_time: timeText(Math.ceil(file.lastEventUs / 1_000)) },
    nullCount: { event_time: 0 },
  };
  return {
    path: encodeURI(file.path),
    partitionValues: {},
    size: file.bytes,
    modificationTime: nowMs,
    dataChange,
    stats: JSON.stringify(stats),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  };
}

function removeAction(file: TableFile, nowMs: number, tags: Readonly<Record<string, string>>): RemoveAction {
  return {
    path: file.path,
    deletionTimestamp: nowMs,
    dataChange: Object.keys(tags).length > 0,
    extendedFileMetadata: true,
    partitionValues: {},
    size: file.size,
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  };
}

/** Delta's statistics hold times to the millisecond: these are bounds, and the times themselves of any hop in use. */
function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
