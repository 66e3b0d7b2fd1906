/**
 * What a run is to do, from the records of those before it and from what stands in the history.
 *
 * The horizon is decided here: events created up to it count however late they were. It is the cut-off of the view's
 * first run, and `--full` and a whole backfill move it to their own. The one in force is that of the run that last
 * wrote the history, so that a run that failed after it had appended its rows is not contradicted by the next.
 *
 * Called by materialize.ts with the view's lock held.
 */
import { randomBytes } from 'node:crypto';
import { HistoriesSeen, seenHistory } from '../../project/history/history-place.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord, Shard } from '../../contract/run-record.ts';
import { shardText, wholeRuns } from '../../contract/run-set.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { materializerError } from '../errors.ts';
import { checkFeatures } from './run-features.ts';
import { movesBookmark, planRange } from './run-range.ts';
import type { RangeOptions, RunPlan } from './run-range.ts';
import { joinSet, shardFolder } from './run-shard.ts';
import { isShardHeld } from './view-hold.ts';
import type { PlannedRun, RunJob } from './view-run.ts';

const DIED = 'its process ended before the run did';

/**
 * Plans the run of a view that begins now. A record that still says `running` has lost its process, since the lock is
 * held: it is closed, in the registry where the run is to write.
 * @throws MAT_RANGE
 */
export async function planRun(job: RunJob, view: FeatureView, writes: boolean): Promise<PlannedRun> {
  const { project, bundle, database, options, signal } = job;
  const { clock, logger } = project;
  const settings = { ...project.settings, seen: new HistoriesSeen() };
  const startedUs = clock.nowUs();
  if (options.features !== null) checkFeatures(view, options.features);
  if (view.kind === 'snapshot' && options.fromUs !== null)
    throw materializerError(
      'MAT_RANGE',
      `the source of ${view.id} is a whole snapshot each time (absent: delete): no part of it can be computed by itself`,
      { field: 'from', help: 'Run without --from.' },
    );
  const all = await closedRuns(database, { view, startedUs, shard: options.shard, writes });
  const runId = `${formatTimestamp(startedUs).replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  const own = all.filter((run) => run.kind !== 'stream');
  const { shard, toUs } = joinSet(own, { view, runId, startedUs, options });
  const asked = { ...job, options: shard === null ? options : { ...options, toUs, full: shard.full } };
  const planned = await rangeAfter(wholeRuns(own), asked, view, { startedUs, place: settings });
  const range = { ...planned, horizonUs: sharedHorizon(all, asked, view) ?? planned.horizonUs };
  return {
    view,
    entity: bundle.entities.get(view.entity)!,
    bundle,
    settings,
    clock,
    logger,
    signal,
    runId,
    startedUs,
    range,
    replace: options.replace,
    spark: job.spark,
    lease: null,
    shard,
    staging: shard === null ? settings.work : shardFolder(settings.work, shard),
    keepsRejects: true,
  };
}

/** A stream and the runs over its archive have one horizon: of whichever came first, or was last told to move it. */
function sharedHorizon(
  all: readonly RunRecord[],
  { options }: Pick<RunJob, 'options'>,
  { source }: FeatureView,
): number | null {
  if (source.stream === undefined || isWhole(options)) return null;
  return all.findLast((run) => run.horizonUs !== null)?.horizonUs ?? null;
}

/** Whether a run was told to compute all of the view again: it moves the horizon. */
function isWhole({ fromUs, features, full, kind }: RangeOptions): boolean {
  return fromUs === null && features === null && (full || kind === 'backfill');
}

interface Planning {
  readonly view: FeatureView;
  readonly startedUs: number;
  readonly shard: Shard | null;
  readonly writes: boolean;
}

/** @returns the records of the view, oldest first, with those of runs closed whose process is gone */
async function closedRuns(
  database: RegistryDatabase,
  { view, startedUs, shard, writes }: Planning,
): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  for (const run of await database.runParts({ view: view.id })) {
    if (run.kind === 'stream' || run.state !== 'running' || (await livesOn(database, run, shard)))
      runs.push(run);
    else {
      runs.push(endedBy(run, startedUs));
      if (writes) await database.finishRun(runs.at(-1)!);
    }
  }
  return runs;
}

/** A run of another part goes on without the view's lock once the history is written. */
async function livesOn(database: RegistryDatabase, run: RunRecord, own: Shard | null): Promise<boolean> {
  if (run.shard === undefined) return false;
  if (own !== null && shardText(own) === shardText(run.shard)) return false;
  return isShardHeld(database, { view: run.view, shard: run.shard });
}

/** @param runs  all of the view that are no stream's, oldest first */
async function rangeAfter(
  runs: readonly RunRecord[],
  { options, project }: RunJob,
  view: FeatureView,
  { startedUs, place }: { readonly startedUs: number; readonly place: HistoryPlace },
): Promise<RunPlan> {
  const complete = runs.filter((run) => run.state === 'complete' && movesBookmark(run));
  const previous = complete.at(-1) ?? null;
  // A view may have more runs than a call takes arguments.
  const historyCutoffUs = complete.reduce<number | null>(
    (most, { toUs }) => Math.max(most ?? toUs, toUs),
    null,
  );
  const looksAtLateness = view.kind === 'aggregated' && view.source.createdTime !== null;
  const owed = looksAtLateness && previous !== null && isOwed(runs, previous);
  const again = looksAtLateness && previous !== null && previous.latenessUs !== view.latenessUs;
  const longer = previous !== null && keepsLonger(view, previous);
  // Rows of an archive come to it in any order of their created times: no bookmark tells which are new.
  const isArchive = view.source.stream !== undefined;
  const full = options.full || owed || again || longer || isArchive;
  if (options.features !== null) refuseStale(view, owed || again);
  const range = planRange(view, { ...options, full }, previous, startedUs);
  const hasAllRows = project.clock.sourcesRunAhead && view.source.createdTime === null;
  const { features } = options;
  const known = { ...range, historyCutoffUs, features, futureUs: hasAllRows ? null : startedUs };
  if (!looksAtLateness) return { ...known, horizonUs: null };
  const whole = isWhole(options);
  const horizonUs =
    previous === null || whole || owed
      ? Math.max(range.cutoffUs, historyCutoffUs ?? range.cutoffUs)
      : await horizonOfHistory(place, view, runs, previous);
  return { ...known, horizonUs };
}

/** Rows of which other events count by now cannot be kept. */
function refuseStale({ id }: FeatureView, isStale: boolean): void {
  if (!isStale) return;
  throw materializerError(
    'MAT_FEATURE',
    `the lateness or the horizon of ${id} has changed since its rows were computed, so that all features are due`,
  );
}

/**
 * Whether rows count longer by now than they did in the last run: the keys that are online would expire too early by
 * then, or have. A whole run raises the expiry of those that are there, whose rows are equal, and writes the others.
 */
function keepsLonger(view: FeatureView, previous: RunRecord): boolean {
  const { ttlUs = null } = previous;
  return ttlUs !== null && (view.ttlUs === null || view.ttlUs > ttlUs);
}

function endedBy(run: RunRecord, nowUs: number): RunRecord {
  return { ...run, state: 'failed', finishedUs: nowUs, error: DIED };
}

/** Whether a run that was to move the horizon died, and nobody knows how much of the history it had written. */
function isOwed(runs: readonly RunRecord[], previous: RunRecord): boolean {
  const since = runs.slice(runs.findIndex(({ runId }) => runId === previous.runId) + 1);
  return since.some((run) => run.error === DIED && run.horizonUs !== previous.horizonUs);
}

async function horizonOfHistory(
  place: HistoryPlace,
  view: FeatureView,
  runs: readonly RunRecord[],
  previous: RunRecord,
): Promise<number | null> {
  const mark = (await seenHistory(place, view))?.lastMark();
  const writer = runs.find(({ runId }) => runId === mark?.runId);
  return (writer ?? previous).horizonUs;
}
