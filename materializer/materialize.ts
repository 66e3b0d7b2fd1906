/**
 * A materialization run of a view: history up to date, then the newest row of each entity online, then the markers,
 * then the run record. In this order, so that a run that dies or fails at any point has promised nothing that does
 * not hold: markers and bookmark still say what the last complete run achieved, and the next run does the rest.
 *
 *   lock, lease -> record 'running' -> compute (views with a history) -> the run has lasted -> history -> choose rows
 *        -> guarded writes -> markers -> record 'complete'
 *
 * Called by main.ts. A view's way through the files is told in view-run.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { hasHistory } from '../contract/model.ts';
import type { Bundle, FeatureView } from '../contract/model.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { emitLineage } from '../project/open-lineage/emit.ts';
import { viewDatasets } from '../project/open-lineage/run-event.ts';
import { SparkSession } from '../project/engine/spark/spark-session.ts';
import type { Project } from '../project/project.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { RunKind, RunRecord, Shard } from '../contract/run-record.ts';
import { materializerError } from './errors.ts';
import { broughtUpToDate } from './append-history.ts';
import type { OnlineWriter } from './online/online-writer.ts';
import { openOnlineWriter } from './online/open-online-writer.ts';
import { publishRows } from './online/publish-rows.ts';
import { heldRange } from './run-hold.ts';
import { moveMarkersOfSet } from './online/set-markers.ts';
import { writeRunMetrics } from './run/run-metrics.ts';
import { planRun } from './run/run-plan.ts';
import { beginRun, resultOf, silenceOf, stalenessOf, summaryOf } from './run/run-record.ts';
import { withEngine } from './run/view-run.ts';
import type { PlannedRun, RunJob, ViewRun } from './run/view-run.ts';
import { holdShard, holdView } from './run/view-hold.ts';
import type { ViewHold } from './run/view-hold.ts';
import { tendAfterRun } from './upkeep/tend-history.ts';

export interface MaterializeOptions {
  /** Ids of views; all of the bundle unless given. */
  readonly views?: readonly string[];
  /** Exclusive. A first run begins there; a later one repeats what lies after it, up to the bookmark. */
  readonly fromUs?: number | null;
  /** Inclusive; up to now unless given. */
  readonly toUs?: number | null;
  /** Ignores the bookmark. */
  readonly full?: boolean;
  readonly kind?: RunKind;
  /** Of one aggregated view: computes these features alone and keeps the values of the others. */
  readonly features?: readonly string[];
  /** Writes this part of the rows online; with the other parts it is a run of all of them. */
  readonly shard?: Shard;
  /** What makes the tiles of aggregated views: DuckDB unless given. */
  readonly engine?: 'duckdb' | 'spark';
  /** Goes past the guard: rows online are overwritten whatever they are. Implies `full`. */
  readonly replace?: boolean;
  /** Ends the run when it aborts: its reason says by what. */
  readonly signal?: AbortSignal;
}

const HOLD_EVERY_MS = 500;

/** A job, and what its views' runs share while they write. */
interface WritingJob extends RunJob {
  readonly writer: OnlineWriter;
  /** What is thrown in the end though the runs are complete. */
  readonly complaints: Error[];
}

/**
 * Materializes views one after the other. A view that fails does not keep the others from their run.
 *
 * @returns  the records of the runs, in the order of the views
 * @throws   what the first failed run threw, after all views were tried; its record says `failed` and why.
 *           MAT_STOPPED when it was told to stop before all of them. MAT_UNKNOWN_VIEW, MAT_RANGE, MAT_ONLINE before
 *           anything was done
 */
export async function runMaterialize(
  project: Project,
  bundle: Bundle,
  database: RegistryDatabase,
  options: MaterializeOptions = {},
): Promise<RunRecord[]> {
  const views = chosenViews(bundle, options.views);
  const writer = await openOnlineWriter(project.settings.online);
  const job: WritingJob = { ...runJob(project, bundle, database, options), writer, complaints: [] };
  const records: RunRecord[] = [];
  const failures: Error[] = [];
  try {
    const risk = await writer.evictions?.policyWarning();
    if (typeof risk === 'string') project.logger.warn(risk);
    for (const [i, view] of views.entries()) {
      if (job.signal?.aborted === true) {
        const stopped = endedBefore(job.signal, views.slice(i));
        // What failed before is what is thrown.
        if (failures.length > 0) project.logger.warn(stopped.message);
        failures.push(stopped);
        break;
      }
      try {
        records.push(await (job.options.shard === null ? runView(job, view) : runShard(job, view)));
      } catch (error) {
        // The first is thrown in the end; what else went wrong would be lost, unless it is the same.
        const { message } = error as Error;
        if (failures.length > 0 && failures[0]!.message !== message)
          project.logger.warn(`${view.id}: ${message}`);
        failures.push(error as Error);
      }
    }
  } finally {
    await job.spark?.close();
    await writer.close();
  }
  const { metrics } = project.settings.materialize;
  if (metrics !== null) await writeRunMetrics(metrics, bundle.views.values(), database);
  const [failure] = [...failures, ...job.complaints];
  if (failure !== undefined) throw failure;
  return records;
}

/** @returns the options of a command, with what holds where one is absent; its Spark is to be closed */
export function runJob(
  project: Project,
  bundle: Bundle,
  database: RegistryDatabase,
  options: MaterializeOptions,
): RunJob {
  const { fromUs = null, toUs = null, full = false, kind = null, replace = false, signal = null } = options;
  const { features = null, shard = null, engine = 'duckdb' } = options;
  return {
    project,
    bundle,
    database,
    options: { fromUs, toUs, full, kind, features, shard, replace },
    spark:
      engine === 'spark' ? new SparkSession(project.settings.spark, project.logger, 'materialize') : null,
    signal,
  };
}

/** @returns MAT_STOPPED for the views whose turn did not come */
function endedBefore({ reason }: AbortSignal, views: readonly FeatureView[]): Error {
  const names = views.map(({ id }) => id).join(', ');
  return materializerError('MAT_STOPPED', `ended by ${String(reason)}; views that were not run: ${names}`);
}

/** @throws MAT_UNKNOWN_VIEW */
export function chosenViews(bundle: Bundle, ids: readonly string[] | undefined): FeatureView[] {
  if (ids === undefined) return [...bundle.views.values()];
  return ids.map((id) => {
    const view = bundle.views.get(id);
    if (view !== undefined) return view;
    const known = [...bundle.views.keys()].join(', ') || 'none';
    throw materializerError('MAT_UNKNOWN_VIEW', `there is no view ${id}; applied are: ${known}`, {
      field: 'view',
    });
  });
}

async function runView(job: WritingJob, view: FeatureView): Promise<RunRecord> {
  const { database, project } = job;
  const hold = await holdView(project.settings.work, database, view);
  try {
    const planned = { ...(await planRun(job, view, true)), lease: hold.lease };
    const done = await recorded(job, planned, (run) => work(job, run));
    // A run that computed everything has taken long enough.
    if (!planned.range.full) await tendAfterRun({ ...project, database }, planned);
    return done;
  } finally {
    await hold.release();
  }
}

/** One of the runs that share a view's rows: see run/run-shard.ts. */
async function runShard(job: WritingJob, view: FeatureView): Promise<RunRecord> {
  const { database, project, writer } = job;
  const { work: folder } = project.settings;
  const part = await holdShard(folder, database, { view, shard: job.options.shard! });
  let whole: ViewHold | null = null;
  const release = async (): Promise<void> => {
    await whole?.release();
    whole = null;
  };
  try {
    whole = await untilHeld(job, view);
    const planned = { ...(await planRun(job, view, true)), lease: whole.lease };
    const done = await recorded(job, planned, (run) => work(job, run, release));
    await moveMarkersOfSet(database, writer, done);
    return done;
  } finally {
    await release();
    await part.release();
  }
}

/** The others of a set hold the view while they look at its history. */
async function untilHeld({ project, database, signal }: WritingJob, view: FeatureView): Promise<ViewHold> {
  for (let isTold = false; ; isTold = true) {
    try {
      return await holdView(project.settings.work, database, view);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'MAT_BUSY') throw error;
      if (signal?.aborted === true) throw endedBefore(signal, [view]);
      if (!isTold) project.logger.info(`${view.id} waits: ${message}`);
    }
    await sleep(HOLD_EVERY_MS);
  }
}

/** Does what a run is there for, between the two states of its record. */
async function recorded(
  { database, project }: WritingJob,
  planned: PlannedRun,
  does: (run: ViewRun) => Promise<Partial<RunRecord>>,
): Promise<RunRecord> {
  const { view, bundle } = planned;
  const { clock, logger, settings } = project;
  const begun = beginRun(planned);
  await database.startRun(begun);
  const tell = (ended: RunRecord): Promise<void> =>
    emitLineage(project, () => ({
      ...viewDatasets(settings, bundle, view),
      job: `materialize.${view.id}`,
      runId: ended.runId,
      endedAt: formatTimestamp(ended.finishedUs!),
      error: ended.error,
    }));
  try {
    const result = await withEngine(planned, does);
    const done: RunRecord = { ...begun, ...result, finishedUs: clock.nowUs(), state: 'complete' };
    await database.finishRun(done);
    for (const warning of [silenceOf(view, done), stalenessOf(view, done)])
      if (warning !== null) logger.warn(warning);
    logger.info(summaryOf(done));
    await tell(done);
    return done;
  } catch (error) {
    const { message } = error as Error;
    const failed: RunRecord = { ...begun, finishedUs: clock.nowUs(), state: 'failed', error: message };
    await database.finishRun(failed);
    await tell(failed);
    throw error;
  }
}

/** @returns what the run adds to its record */
async function work(
  { writer, complaints }: WritingJob,
  planned: ViewRun,
  historyIsDone = async (): Promise<void> => {},
): Promise<Partial<RunRecord>> {
  const run: ViewRun = { ...planned, range: await heldRange(planned) };
  const history = hasHistory(run.view) ? await broughtUpToDate(run) : null;
  await historyIsDone();
  const { complaint, ...online } = await publishRows(run, writer);
  if (complaint !== null) complaints.push(complaint);
  return resultOf(run, history, online);
}
