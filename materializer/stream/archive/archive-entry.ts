/**
 * The entries of a stream's archive: a Delta table that has every message once.
 *
 *   {archive}/_delta_log/...                                     which files count
 *   {archive}/partition=P/day=<append day>/{from}-{to}.{nonce}.parquet
 *
 * Columns are the source's fields, then those of `ARCHIVE_COLUMNS`. Each entry is of one partition and names its exact
 * range of offsets: it begins where the entry before it of that partition has ended, or is not written.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { registryError } from '../../../contract/errors.ts';
import { ARCHIVE_COLUMNS, hasChanges } from '../../../contract/stream-source.ts';
import type { StreamSource } from '../../../contract/stream-source.ts';
import { READER_VERSION, WRITER_VERSION } from '../../../project/delta/delta-action.ts';
import type { DeltaAction } from '../../../project/delta/delta-action.ts';
import { grownSchema, schemaText } from '../../../project/delta/table-schema.ts';
import type { TableColumn } from '../../../project/delta/table-schema.ts';
import type { TableCommit, TableState } from '../../../project/delta/table-state.ts';
import type { Position } from '../source/stream-reader.ts';

/** What an entry says in `commitInfo.plumbline`. Its subject is the partition. */
interface ArchiveCommit extends TableCommit {
  /** Tells the topic from another one of its name. */
  readonly sourceId: string;
  readonly partition: number;
  /** How many the source has; absent in entries of before. */
  readonly partitions?: number;
  /** Offsets from here on, up to that of the position. */
  readonly from: number;
  readonly position: Position;
  /** How far the partition has come in event time: a view's watermark is its `outOfOrder` behind it. */
  readonly seenUs: number;
}

/** A file that is to be committed. */
export interface ArchiveFile {
  /** Below the table's folder. */
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Event times of its rows, microseconds. */
  readonly firstUs: number;
  readonly lastUs: number;
}

export function archiveColumns(stream: StreamSource): TableColumn[] {
  const { partition, offset, appended, archived, op, change } = ARCHIVE_COLUMNS;
  return [
    ...stream.fields.map(({ name, type }) => ({ name, type })),
    { name: partition, type: { kind: 'int64' } },
    { name: offset, type: { kind: 'int64' } },
    { name: appended, type: { kind: 'timestamp' } },
    { name: archived, type: { kind: 'timestamp' } },
    { name: op, type: { kind: 'string' } },
    ...(hasChanges(stream) ? [{ name: change, type: { kind: 'string' } as const }] : []),
  ];
}

function partitionSubject(partition: number): string {
  return `partition-${partition}`;
}

/** @returns the newest entry of a partition; null: it has none */
export function lastArchived(state: TableState | null, partition: number): ArchiveCommit | null {
  return (state?.commits.get(partitionSubject(partition))?.commit as ArchiveCommit | undefined) ?? null;
}

/** @returns how many partitions the source had when the archive was last written; null: no entry says */
export function partitionsArchived(state: TableState | null): number | null {
  const commits = [...(state?.commits.values() ?? [])].map(({ commit }) => commit as ArchiveCommit);
  return commits.reduce<number | null>((most, { partitions = null }) => {
    return partitions === null ? most : Math.max(most ?? 0, partitions);
  }, null);
}

interface NewMessages {
  readonly columns: readonly TableColumn[];
  readonly files: readonly ArchiveFile[];
  /** The column of the event time. */
  readonly eventTime: string;
  readonly commit: Omit<ArchiveCommit, 'nonce' | 'of'>;
  readonly nowMs: number;
  /** The table's folder, for messages. */
  readonly folder: string;
}

/**
 * @returns the actions of the entry on top of a state; null: it makes the table
 * @throws  REG_STORE when a field has another type in the table
 */
export function archiveEntry(state: TableState | null, messages: NewMessages): DeltaAction[] {
  const { files, commit, nowMs, eventTime } = messages;
  const { partition, offset } = ARCHIVE_COLUMNS;
  const facts: ArchiveCommit = {
    nonce: randomBytes(8).toString('hex'),
    of: partitionSubject(commit.partition),
    ...commit,
  };
  return [
    { commitInfo: { timestamp: nowMs, operation: 'WRITE', engineInfo: 'plumbline', plumbline: facts } },
    ...tableActions(state, messages),
    { txn: { appId: facts.of, version: commit.position.offset, lastUpdated: nowMs } },
    ...files.map(({ path, bytes, rows, firstOffset, lastOffset, firstUs, lastUs }) => ({
      add: {
        path: encodeURI(path),
        partitionValues: {},
        size: bytes,
        modificationTime: nowMs,
        dataChange: true,
        stats: JSON.stringify({
          numRecords: rows,
          minValues: { [partition]: commit.partition, [offset]: firstOffset, [eventTime]: msText(firstUs) },
          maxValues: {
            [partition]: commit.partition,
            [offset]: lastOffset,
            [eventTime]: msText(lastUs + 999),
          },
          nullCount: { [partition]: 0, [offset]: 0, [eventTime]: 0 },
        }),
      },
    })),
  ];
}

/** Delta has times of its statistics in milliseconds: they lie around the rows' own. */
function msText(us: number): string {
  return new Date(Math.floor(us / 1_000)).toISOString();
}

interface TimeRange {
  readonly fromUs: number;
  readonly beforeUs: number;
}

/** @returns false where a file's statistics show that it has no event time in any of the ranges */
export function mayHoldTimes(
  stats: string | undefined,
  eventTime: string,
  ranges: readonly TimeRange[],
): boolean {
  const { minValues, maxValues } = JSON.parse(stats ?? '{}') as {
    readonly [name in 'minValues' | 'maxValues']?: Readonly<Record<string, unknown>>;
  };
  const [first, last] = [minValues?.[eventTime], maxValues?.[eventTime]].map(
    (text) => Date.parse(String(text)) * 1_000,
  );
  // Files of builds before do not say it.
  if (Number.isNaN(first) || Number.isNaN(last)) return true;
  return ranges.some(({ fromUs, beforeUs }) => last! + 1_000 > fromUs && first! < beforeUs);
}

function tableActions(state: TableState | null, { columns, nowMs, folder }: NewMessages): DeltaAction[] {
  if (state === null) {
    const protocol = { minReaderVersion: READER_VERSION, minWriterVersion: WRITER_VERSION };
    const format = { provider: 'parquet', options: {} } as const;
    const schemaString = schemaText(columns);
    const table = { id: randomUUID(), format, schemaString, partitionColumns: [], configuration: {} };
    return [{ protocol }, { metaData: { ...table, createdTime: nowMs } }];
  }
  const grown = grownSchema(state.metaData.schemaString, columns);
  if (grown === state.metaData.schemaString) return [];
  if (grown !== null) return [{ metaData: { ...state.metaData, schemaString: grown } }];
  throw registryError(
    'REG_STORE',
    `a field of the source has another type or spelling in its archive ${folder}`,
    {
      file: folder,
      help: 'A changed type is a new version of the source: give it a name and an archive of its own.',
    },
  );
}
