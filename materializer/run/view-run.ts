/**
 * One run of one view: the record that goes through all of the materializer, and the engine that the run works with.
 *
 * A view's way through a run, in the order of the work:
 *
 *   materialize.ts                   one view after the other; of each: lock, plan, record, work, record
 *   run/view-lock.ts, view-lease.ts  one run of a view at a time
 *   run/run-plan.ts                  what it reads and may promise, from earlier records (the rules are run-range.ts)
 *   run/view-run.ts                  folders, DuckDB, progress
 *   run-hold.ts                      how far the view can be complete, where its events decide that
 *   append-history.ts                of a view with a history: prepare, check, append
 *   snapshot/snapshot-rows.ts        of a snapshot view: its source's rows set against the history's
 *   history/compute.ts               of an aggregated one: computes rows aside (source-check.ts, refused-events.ts,
 *                                    scope.ts, ../aggregate/)
 *   history/staged-rows.ts           moves them into the history
 *   online/publish-rows.ts           choose, write, then the markers
 *   online/choose-rows.ts            the newest good row of each entity (latest-rows.ts says which that is)
 *   online/redis/guarded-writes.ts   writes it unless a newer one is there
 *   run/run-record.ts                what the run found, for the registry and in one line
 */
import { rmSync } from 'node:fs';
import type { Bundle, Entity, FeatureView } from '../../contract/model.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { ShardOfSet } from '../../contract/run-record.ts';
import type { ProjectClock } from '../../project/clock.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { Project } from '../../project/project.ts';
import type { SparkSession } from '../../project/engine/spark/spark-session.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { clearStaged, spillFolder } from './run-folders.ts';
import { RunProgress } from './run-progress.ts';
import type { RangeOptions, RunPlan } from './run-range.ts';

/** What the runs of one command have in common. */
export interface RunJob {
  readonly project: Project;
  readonly bundle: Bundle;
  readonly database: RegistryDatabase;
  readonly options: RangeOptions;
  /** Makes the tiles of aggregated views, with one start for all of them; null: DuckDB does. */
  readonly spark: SparkSession | null;
  /** Ends the run that is under way; null: nothing does. */
  readonly signal: AbortSignal | null;
}

/** What lets a run write its view's history, as long as it lasts. */
export interface RunLease {
  readonly number: number;
  /** @throws MAT_LEASE when another run has taken over */
  hold(): Promise<void>;
}

/** A run of a view before its engine is there. */
export interface PlannedRun {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly bundle: Bundle;
  /** With what the run has seen of histories: it reads each of them at one entry, until it has made its own. */
  readonly settings: Settings & Pick<HistoryPlace, 'seen'>;
  readonly clock: ProjectClock;
  readonly logger: Logger;
  readonly signal: AbortSignal | null;
  readonly runId: string;
  readonly startedUs: number;
  readonly range: RunPlan;
  /** Under which it commits; null: it commits nothing. */
  readonly lease: RunLease | null;
  /** Makes the tiles of an aggregated view; null: DuckDB does. */
  readonly spark: SparkSession | null;
  /** Which part of the rows it writes online, and with whom; null: all of them. */
  readonly shard: ShardOfSet | null;
  /** Whether rows online are overwritten whatever they are. */
  readonly replace: boolean;
  /** Where it stages rows: the histories' folder, in a dry run a folder of its own. */
  readonly staging: string;
  /** Whether the rows that do not count go to files; they do not in a dry run. */
  readonly keepsRejects: boolean;
}

export interface ViewRun extends PlannedRun {
  readonly duck: DuckDb;
  readonly progress: RunProgress;
}

/**
 * Opens what a run works with, and leaves nothing of it behind.
 * @throws what `work` throws; MAT_STOPPED in its place when the run has been told to stop
 */
export async function withEngine<T>(planned: PlannedRun, work: (run: ViewRun) => Promise<T>): Promise<T> {
  const { view, settings, staging, logger, signal, runId } = planned;
  const staged = clearStaged(staging, view, runId);
  const tempFolder = spillFolder(staging, view, runId);
  const memoryLimit = `${settings.materialize.memory}B`;
  const settingsOf = { memorySetting: 'materialize.memory', scratchSetting: 'history' };
  const duck = await DuckDb.open({
    tempFolder,
    memoryLimit,
    ...settingsOf,
    elsewhere: settings.elsewhere,
  });
  const progress = new RunProgress(logger, view.id, signal);
  const interrupt = (): void => duck.interrupt();
  signal?.addEventListener('abort', interrupt);
  try {
    return await work({ ...planned, duck, progress });
  } catch (error) {
    throw progress.explain(error);
  } finally {
    signal?.removeEventListener('abort', interrupt);
    duck.close();
    for (const folder of [staged, tempFolder]) rmSync(folder, { recursive: true, force: true });
  }
}
