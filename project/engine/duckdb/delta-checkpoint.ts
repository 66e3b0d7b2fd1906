/**
 * The checkpoint of a Delta table, for readers of other makers: what the table is at one of its entries, as Parquet, so
 * that they need not read the entries before it. Ours begins at a state of its own (project/delta/delta-log.ts), which
 * is kept at the same entry.
 *
 *   _delta_log/{version}.checkpoint.parquet   one action a row
 *   _delta_log/_last_checkpoint               {version, size}
 *
 * All of it is made of the entries: where it cannot be written, nothing is lost but time.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncFile, syncFolder, writeDurably } from '../../../contract/std/files/durable-file.ts';
import { entryText, READER_VERSION, WRITER_VERSION } from '../../delta/delta-action.ts';
import type { AddAction, DeltaAction } from '../../delta/delta-action.ts';
import { CHECKPOINT_ENTRIES, keepState, logFolder } from '../../delta/delta-log.ts';
import { RETIRED } from '../../delta/table-state.ts';
import type { TableState } from '../../delta/table-state.ts';
import type { DuckDb } from './duckdb.ts';
import { quotePath, quoteTarget } from './file-sql.ts';

const TEXTS = 'MAP(VARCHAR, VARCHAR)';
const COLUMNS: Readonly<Record<string, string>> = {
  txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',
  add:
    `STRUCT(path VARCHAR, partitionValues ${TEXTS}, size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, ` +
    `stats VARCHAR, tags ${TEXTS})`,
  remove:
    'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, ' +
    `partitionValues ${TEXTS}, size BIGINT, tags ${TEXTS})`,
  metaData:
    `STRUCT(id VARCHAR, "name" VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options ${TEXTS}), ` +
    `schemaString VARCHAR, partitionColumns VARCHAR[], createdTime BIGINT, configuration ${TEXTS})`,
  protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)',
};

/** Writes checkpoint and state where the entry is one of every hundredth. */
export async function checkpointIfDue(
  duck: DuckDb,
  table: string,
  state: TableState,
  nowMs: number,
): Promise<void> {
  if (state.version === 0 || state.version % CHECKPOINT_ENTRIES !== 0) return;
  keepState(table, state, nowMs);
  await writeCheckpoint(duck, table, state, nowMs);
}

async function writeCheckpoint(duck: DuckDb, table: string, state: TableState, nowMs: number): Promise<void> {
  const folder = logFolder(table);
  const actions = actionsOf(state, nowMs);
  const name = join(folder, `${String(state.version).padStart(20, '0')}.checkpoint.parquet`);
  const [lines, aside] = [`${name}.${process.pid}.jsonl.tmp`, `${name}.${process.pid}.tmp`];
  try {
    writeFileSync(lines, entryText(actions));
    const columns = Object.entries(COLUMNS).map(([column, type]) => `${column}: '${type}'`);
    await duck.run(
      `COPY (SELECT ${Object.keys(COLUMNS).join(', ')} FROM read_json(${quotePath(lines)},
        format = 'newline_delimited', columns = {${columns.join(', ')}})) TO ${quoteTarget(aside)} (FORMAT parquet)`,
    );
    syncFile(aside);
    renameSync(aside, name);
    syncFolder(folder);
  } finally {
    for (const file of [lines, aside]) rmSync(file, { force: true });
  }
  const last = { version: state.version, size: actions.length };
  writeDurably(join(folder, '_last_checkpoint'), JSON.stringify(last), 0o644);
}

/** Removed files stay as long as a reader of an older entry may look for them, retired ones for good. */
const REMOVED_KEPT_MS = 7 * 86_400_000;

function actionsOf({ metaData, files, removed, txns }: TableState, nowMs: number): DeltaAction[] {
  const there = [...files.values()].map((file): DeltaAction => ({
    add: { ...file, version: undefined, dataChange: false } as AddAction,
  }));
  const gone = [...removed.values()].filter(
    ({ removedMs, retired }) => retired || removedMs > nowMs - REMOVED_KEPT_MS,
  );
  return [
    { protocol: { minReaderVersion: READER_VERSION, minWriterVersion: WRITER_VERSION } },
    { metaData },
    ...[...txns].map(([appId, version]): DeltaAction => ({ txn: { appId, version } })),
    ...there,
    ...gone.map(({ path, partitionValues, size, removedMs, retired }): DeltaAction => {
      const tags = retired ? { tags: { [RETIRED]: 'true' } } : {};
      const common = { path, partitionValues, size, deletionTimestamp: removedMs };
      return { remove: { ...common, dataChange: false, extendedFileMetadata: true, ...tags } };
    }),
  ];
}
