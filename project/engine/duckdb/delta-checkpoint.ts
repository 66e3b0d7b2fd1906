/**
 * The checkpoint of a Delta table, for readers of other makers: what the table is at one of its entries, as Parquet, so
 * that they need not read the entries before it. Ours begins at a state of its own (project/delta/delta-log.ts), which
 * is kept at the same entry.
 *
 *   _delta_log/{version}.checkpoint.parquet   one action a row
 *   _delta_log/_last_checkpoint               {version, size}
 *
 * All of it is made of the entries: where it cannot be written, nothing is lost but time, and the next entry tries
 * again.
 */
import { rmSync, writeFileSync } from 'node:fs';
import type { Logger } from '../../../contract/std/logger.ts';
import type { Folder } from '../../storage/folder.ts';
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

interface NewEntry {
  readonly duck: DuckDb;
  readonly table: Folder;
  /** With the entry. */
  readonly state: TableState;
  readonly logger: Logger;
  readonly nowMs: number;
}

/**
 * Writes checkpoint and state once a hundred entries have come since the last ones. The entry stands whatever becomes
 * of them: what fails is warned of.
 */
export async function checkpointIfDue(entry: NewEntry): Promise<void> {
  const { table, state, logger, nowMs } = entry;
  try {
    if (!isDue(state.version, await lastCheckpoint(table))) return;
    await keepState(table, state, nowMs);
    await writeCheckpoint(entry);
  } catch (error) {
    const name = `the checkpoint of ${table.path} at entry ${state.version}`;
    logger.warn(`${name} was not written, the next run tries again: ${(error as Error).message}`);
  }
}

/** A last one at this entry or later is of a log that was put back from a copy since. */
function isDue(version: number, last: number | null): boolean {
  if (last !== null && last >= version) return true;
  return Math.floor(version / CHECKPOINT_ENTRIES) > Math.floor((last ?? 0) / CHECKPOINT_ENTRIES);
}

const LAST = '_last_checkpoint';

/** @returns the entry that the last checkpoint is of; null: there is none, or nobody can tell */
async function lastCheckpoint(table: Folder): Promise<number | null> {
  const text = await logFolder(table).read(LAST);
  try {
    const { version } = JSON.parse(text ?? '{}') as { readonly version?: unknown };
    return typeof version === 'number' ? version : null;
  } catch {
    return null;
  }
}

async function writeCheckpoint({ duck, table, state, nowMs }: NewEntry): Promise<void> {
  const folder = logFolder(table);
  const actions = actionsOf(state, nowMs);
  const name = `${String(state.version).padStart(20, '0')}.checkpoint.parquet`;
  const [lines, aside] = [folder.asideOf(`${name}.jsonl`), folder.asideOf(name)];
  try {
    writeFileSync(lines, entryText(actions));
    const columns = Object.entries(COLUMNS).map(([column, type]) => `${column}: '${type}'`);
    await duck.run(
      `COPY (SELECT ${Object.keys(COLUMNS).join(', ')} FROM read_json(${quotePath(lines)},
        format = 'newline_delimited', columns = {${columns.join(', ')}})) TO ${quoteTarget(aside)} (FORMAT parquet)`,
    );
    await folder.bring([{ from: aside, to: name }]);
    // Readers take the greatest number that they find: later ones are of a log that was put back since.
    const names = await folder.names();
    for (const other of names)
      if (other.endsWith('.checkpoint.parquet') && other > name) await folder.remove(other);
  } finally {
    for (const left of [lines, aside]) rmSync(left, { force: true });
  }
  await folder.write(LAST, JSON.stringify({ version: state.version, size: actions.length }));
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
