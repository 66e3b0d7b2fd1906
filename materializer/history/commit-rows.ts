/**
 * Makes a run's files history: one entry of the log, after which every reader that begins sees all of them.
 *
 *   read entry r -> ... -> entry r + 1   nobody came in between
 *                       -> entry r + k   others did: compaction, another run
 *
 * What others wrote is looked at first. Where one of them restates a row (entity, event) that this run writes too, the
 * run's values are of an older history: it fails, and the next run computes them again.
 *
 * The watermark of a definition never falls, whoever commits last.
 */
import { countingIds } from '../../contract/definitions/definition-json.ts';
import { commit } from '../../project/delta/commit.ts';
import { checkpointIfDue } from '../../project/engine/duckdb/delta-checkpoint.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { historyEntry } from '../../project/history/history-entry.ts';
import type { NewFile } from '../../project/history/history-entry.ts';
import { historyFolder } from '../../project/history/history-folder.ts';
import { HistorySnapshot } from '../../project/history/history-snapshot.ts';
import { materializerError } from '../errors.ts';
import { leaseLost } from '../run/view-lease.ts';
import type { HistoryRun } from './computation.ts';

/** A run and the history as it read it; null: nothing was computed yet. */
interface CommittingRun {
  readonly run: Pick<HistoryRun, 'view' | 'entity' | 'runId' | 'duck' | 'logger' | 'lease'> & {
    readonly settings: Pick<HistoryRun['settings'], 'history'>;
  };
  readonly history: HistorySnapshot | null;
}

interface RunFiles {
  readonly files: readonly NewFile[];
  readonly createdUs: number;
  readonly watermarkUs: number;
}

/**
 * @returns the history with the entry
 * @throws  MAT_CONFLICT when another run has restated rows that this one writes, MAT_LEASE when another run has taken
 *          the view over; nothing is committed then
 */
export async function commitRows(
  computation: CommittingRun,
  { files, createdUs, watermarkUs }: RunFiles,
): Promise<HistorySnapshot> {
  const { run, history } = computation;
  const { view, entity, runId, settings } = run;
  const folder = historyFolder(settings.history, view);
  const ids = countingIds(view, entity.joinKeys);
  const read = history?.version ?? null;
  const state = await commit({
    table: folder,
    seen: history?.state ?? null,
    async actions(now) {
      const others = now === null ? null : new HistorySnapshot(folder, now);
      if (others !== null && others.version !== read) await refuseRestated(computation, others, files);
      await holdLease(computation, others);
      const mark = others?.mark(ids) ?? null;
      const facts = {
        runId,
        createdUs,
        read,
        watermarkUs: Math.max(watermarkUs, mark?.watermarkUs ?? 0),
        lease: run.lease?.number ?? null,
      };
      return historyEntry(now, {
        view,
        entity,
        files,
        commit: facts,
        nowMs: Math.floor(createdUs / 1_000),
      });
    },
  });
  const { duck, logger } = run;
  await checkpointIfDue({ duck, table: folder, state, logger, nowMs: Math.floor(createdUs / 1_000) });
  return new HistorySnapshot(folder, state);
}

/** A commit of a later lease says that this one is over, whatever the registry says. */
async function holdLease({ run, history }: CommittingRun, now: HistorySnapshot | null): Promise<void> {
  const { view, lease } = run;
  if (lease === null) return;
  await lease.hold();
  if (now !== null && now.newestLease(history?.version ?? -1) > lease.number) throw leaseLost(view.id);
}

async function refuseRestated(
  { run, history }: CommittingRun,
  now: HistorySnapshot,
  own: readonly NewFile[],
): Promise<void> {
  const read = history?.version ?? -1;
  const ids = countingIds(run.view, run.entity.joinKeys);
  const theirs = now.files(ids).filter(({ version }) => version > read);
  if (theirs.length === 0 || own.length === 0) return;
  const pair = [...run.entity.joinKeys.map(({ name }) => quoteName(name)), 'event_time'].join(', ');
  const rows = (files: readonly string[]): string =>
    `(SELECT ${pair} FROM read_parquet(${quotePaths(files)}, hive_partitioning = false))`;
  const [row] = await run.duck.rows(
    `SELECT count(*) AS n FROM ${rows(own.map(({ path }) => now.folder.fileOf(path)))}
     SEMI JOIN ${rows(theirs.map(({ file }) => file))} USING (${pair})`,
  );
  const n = Number(row!['n']);
  if (n === 0) return;
  const since = `entry ${read + 1} and later of ${now.folder.path}`;
  throw materializerError(
    'MAT_CONFLICT',
    `another run of ${run.view.id} has written ${n === 1 ? 'a row' : `${n} rows`} that this one would write too (${since})`,
  );
}
