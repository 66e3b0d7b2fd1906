/**
 * Joins the small files of a history: each run appends one for each day that it touches, and readers open every one.
 *
 *   files of one day and one definition, each below SMALL_BYTES -> one file; one entry removes and adds
 *
 * The rows are the same before and after (floats of a history have no zero with a sign, whose dictionaries DuckDB would
 * mix up), so that a reader of any entry sees each of them once. Joined files stay on the
 * disk for those that began earlier (clean-history.ts). Files of different definitions are never joined.
 *
 * The caller holds the view's lease.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../contract/std/files/folder.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { commit } from '../../project/delta/commit.ts';
import { checkpointIfDue } from '../../project/engine/duckdb/delta-checkpoint.ts';
import { historyFormatSql } from '../../project/engine/duckdb/committed-rows.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { fileFacts } from '../../project/engine/duckdb/file-facts.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { compactionEntry } from '../../project/history/history-entry.ts';
import type { JoinedFiles } from '../../project/history/history-entry.ts';
import { historyFolder, workFolder } from '../../project/history/history-folder.ts';
import { readHistory } from '../../project/history/history-snapshot.ts';
import type { HistoryFile, HistorySnapshot } from '../../project/history/history-snapshot.ts';
import { materializerError } from '../errors.ts';
import type { RunLease } from '../run/view-run.ts';

/** A file of this size is not joined again. */
const SMALL_BYTES = 32 << 20;
/** What is joined at a time. */
const JOINED_BYTES = 256 << 20;

interface Compaction {
  readonly root: Folder;
  /** Of the run's own, on this machine. */
  readonly work: string;
  readonly view: FeatureView;
  readonly duck: DuckDb;
  readonly lease: RunLease;
  readonly logger: Logger;
  readonly nowMs: number;
  /** So many small files of a day and definition are worth a join. */
  readonly fewest: number;
}

/** How many files were joined, into how many. */
interface Joined {
  readonly before: number;
  readonly after: number;
}

/** @throws MAT_LEASE when another run has taken the view over; MAT_HISTORY when a joined file has not all rows */
export async function compactHistory(compaction: Compaction): Promise<Joined> {
  const { root, work, view, duck } = compaction;
  const history = await readHistory(root, view);
  const groups = history === null ? [] : filesToJoin(history, compaction.fewest);
  if (history === null || groups.length === 0) return { before: 0, after: 0 };
  await openHistoryStorage(duck, root);
  const aside = join(workFolder(work, '_staged', view), `compact-${randomBytes(4).toString('hex')}`);
  makeFolder(aside);
  try {
    const joined: JoinedFiles[] = [];
    for (const files of groups) joined.push(await joinFiles(compaction, files, aside));
    await commitJoined(compaction, history, joined);
    return { before: groups.flat().length, after: groups.length };
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** @returns files that become one each, the oldest days first */
export function filesToJoin(history: HistorySnapshot, fewest: number): HistoryFile[][] {
  const small = history.active().filter(({ bytes }) => bytes < SMALL_BYTES);
  const groups: HistoryFile[][] = [];
  for (const files of Map.groupBy(small, ({ day, definition }) => `${day} ${definition}`).values()) {
    let bytes = 0;
    const some = files.filter((file) => (bytes += file.bytes) <= JOINED_BYTES);
    if (some.length >= fewest) groups.push(some);
  }
  return groups;
}

async function joinFiles(
  { root, view, duck }: Compaction,
  files: readonly HistoryFile[],
  aside: string,
): Promise<JoinedFiles> {
  const [{ day, definition }] = files as [HistoryFile];
  const name = `joined-${randomBytes(8).toString('hex')}.${definition}.parquet`;
  const path = `day=${day}/${name}`;
  await duck.run(
    `COPY (SELECT * FROM read_parquet(${quotePaths(files.map(({ file }) => file))}, union_by_name = true,
       hive_partitioning = false)) TO ${quoteTarget(join(aside, name))}
     (${historyFormatSql(view)}, COMPRESSION zstd)`,
  );
  const facts = (await fileFacts(duck, aside, name)).get(join(aside, name))!;
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  if (facts.rows !== rows) {
    const message = `${files.length} files of ${view.id} in day=${day} have ${rows} rows, joined ${facts.rows}`;
    throw materializerError('MAT_HISTORY', message);
  }
  await historyFolder(root, view).bring([{ from: join(aside, name), to: path }]);
  return { files, into: { path, ...facts } };
}

async function commitJoined(
  { root, view, duck, lease, logger, nowMs }: Compaction,
  history: HistorySnapshot,
  joined: readonly JoinedFiles[],
): Promise<void> {
  const table = historyFolder(root, view);
  const state = await commit({
    table,
    seen: history.state,
    async actions(now) {
      await lease.hold();
      return compactionEntry(now!, { joined, lease: lease.number, nowMs });
    },
  });
  await checkpointIfDue({ duck, table, state, logger, nowMs });
}
