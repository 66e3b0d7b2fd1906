/**
 * A materialization run of a view: history up to date, then the newest row of each entity online, then the markers,
 * then the run record. In this order, so that a run that dies or fails at any point has promised nothing that does
 * not hold: markers and bookmark still say what the last complete run achieved, and the next run does the rest.
 *
 *   lock -> record 'running' -> compute (aggregated) -> the run has lasted -> history -> judge and choose rows
 *        -> guarded writes -> markers -> record 'complete'
 *
 * Called by main.ts.
 */
import { randomBytes } from 'node:crypto';
import { rowSchemaOf } from '../registry/definition-json.ts';
import { DuckDb } from '../registry/duckdb.ts';
import type { Bundle, FeatureView } from '../registry/model.ts';
import type { Project } from '../registry/project.ts';
import type { RegistryDatabase } from '../registry/registry-database.ts';
import type { RunKind, RunRecord } from '../registry/run-record.ts';
import { formatTimestamp } from '../registry/std/timestamp.ts';
import { prepareHistory } from './compute.ts';
import { materializerError } from './errors.ts';
import type { RowSelection } from './latest-rows.ts';
import { addWrites, noWrites } from './online/guard-outcome.ts';
import type { WriteCounts } from './online/guard-outcome.ts';
import type { OnlineWriter } from './online/online-writer.ts';
import { openOnlineWriter } from './online/open-online-writer.ts';
import { rejectFile } from './reject-file.ts';
import { movesBookmark, planRange } from './run-range.ts';
import type { RangeOptions, RunRange } from './run-range.ts';
import { checkRejected, chooseRows, writeChosen } from './serve-rows.ts';
import type { ServeTarget } from './serve-rows.ts';
import { lockView } from './view-lock.ts';

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
  /** Goes past the guard: rows online are overwritten whatever they are. Implies `full`. */
  readonly replace?: boolean;
}

interface RunContext {
  readonly project: Project;
  readonly bundle: Bundle;
  readonly database: RegistryDatabase;
  readonly writer: OnlineWriter;
  readonly options: RangeOptions;
}

/** What a run found out before its record is closed. */
type RunResult = Pick<
  RunRecord,
  | 'fromUs'
  | 'watermarkUs'
  | 'historyRows'
  | 'written'
  | 'older'
  | 'equal'
  | 'conflict'
  | 'superseded'
  | 'rejected'
  | 'lateEvents'
>;

/**
 * Materializes views one after the other. A view that fails does not keep the others from their run.
 *
 * @returns  the records of the runs, in the order of the views
 * @throws   what the first failed run threw, after all views were tried; its record says `failed` and why.
 *           MAT_UNKNOWN_VIEW, MAT_RANGE, MAT_ONLINE before anything was done
 */
export async function runMaterialize(
  project: Project,
  bundle: Bundle,
  database: RegistryDatabase,
  options: MaterializeOptions = {},
): Promise<RunRecord[]> {
  const views = chosenViews(bundle, options.views);
  const writer = await openOnlineWriter(project.settings.online);
  const context: RunContext = {
    project,
    bundle,
    database,
    writer,
    options: {
      fromUs: options.fromUs ?? null,
      toUs: options.toUs ?? null,
      full: options.full ?? false,
      kind: options.kind ?? null,
      replace: options.replace ?? false,
    },
  };
  const records: RunRecord[] = [];
  const failures: Error[] = [];
  try {
    for (const view of views) {
      try {
        records.push(await runView(context, view));
      } catch (error) {
        // The first is thrown in the end; what else went wrong would be lost, unless it is the same.
        const { message } = error as Error;
        if (failures.length > 0 && failures[0]!.message !== message)
          project.talk.warn(`${view.id}: ${message}`);
        failures.push(error as Error);
      }
    }
  } finally {
    await writer.close();
  }
  if (failures.length > 0) throw failures[0];
  return records;
}

function chosenViews(bundle: Bundle, ids: readonly string[] | undefined): FeatureView[] {
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

async function runView(context: RunContext, view: FeatureView): Promise<RunRecord> {
  const { project, database, options } = context;
  const { clock, settings, talk } = project;
  const release = lockView(settings.history, view);
  try {
    const startedUs = clock.nowUs();
    const plan = await planRun(database, view, options, startedUs);
    const { range } = plan;
    const run: RunRecord = {
      runId: newRunId(startedUs),
      view: view.id,
      kind: range.kind,
      definitionId: view.definitionId,
      toUs: range.recordToUs,
      ...emptyResult(range),
      startedUs,
      finishedUs: null,
      state: 'running',
      error: null,
    };
    await database.startRun(run);
    try {
      const result = await work(context, view, plan, run);
      const done: RunRecord = { ...run, ...result, finishedUs: clock.nowUs(), state: 'complete' };
      await database.finishRun(done);
      talk.say(summary(done));
      return done;
    } catch (error) {
      const { message } = error as Error;
      await database.finishRun({ ...run, finishedUs: clock.nowUs(), state: 'failed', error: message });
      throw error;
    }
  } finally {
    release();
  }
}

interface RunPlan {
  readonly range: RunRange;
  /** How far any complete run has read the source of the history; null: none. */
  readonly historyCutoffUs: number | null;
}

/**
 * Plans a run from the records of those before it. The lock is held: one that still says `running` has lost its
 * process, and is closed as failed.
 */
async function planRun(
  database: RegistryDatabase,
  view: FeatureView,
  options: RangeOptions,
  nowUs: number,
): Promise<RunPlan> {
  let previous: RunRecord | null = null;
  let historyCutoffUs: number | null = null;
  for (const run of await database.runs({ view: view.id })) {
    if (run.kind === 'stream') continue;
    if (run.state === 'running') {
      const error = 'its process ended before the run did';
      await database.finishRun({ ...run, state: 'failed', finishedUs: nowUs, error });
    }
    if (run.state !== 'complete' || !movesBookmark(run)) continue;
    previous = run;
    historyCutoffUs = Math.max(historyCutoffUs ?? 0, run.toUs);
  }
  return { range: planRange(view, options, previous, nowUs), historyCutoffUs };
}

async function work(
  context: RunContext,
  view: FeatureView,
  { range, historyCutoffUs }: RunPlan,
  run: RunRecord,
): Promise<RunResult> {
  const { project, bundle, writer } = context;
  const { clock, settings } = project;
  const duck = await DuckDb.open();
  try {
    const target: ServeTarget = {
      duck,
      writer,
      clock,
      talk: project.talk,
      bundle,
      keyPrefix: settings.online.keyPrefix,
      maxRejectedShare: settings.materialize.maxRejectedShare,
      rejectFile: rejectFile(settings.history, view, run.runId),
      replace: context.options.replace,
    };
    const selection: RowSelection = {
      view,
      entity: bundle.entities.get(view.entity)!,
      folder: settings.folder,
      historyRoot: settings.history,
      range,
      futureUs: clock.rehearsal !== null && view.source.createdTime === null ? null : run.startedUs,
    };
    const history =
      view.kind === 'stored' ? null : await appendHistory(target, selection, historyCutoffUs, run);
    const online = await serve(target, selection, run);
    return {
      ...online,
      historyRows: history?.historyRows ?? 0,
      lateEvents: history?.lateEvents ?? 0,
      rejected: (history?.rejected ?? 0) + online.rejected,
      fromUs: run.kind === 'backfill' ? range.fromUs : (history?.fromUs ?? range.fromUs),
      watermarkUs: range.watermarkUs,
    };
  } finally {
    duck.close();
  }
}

/** Computes what the history of an aggregated view lacks, waits until the run has lasted, and appends it. */
async function appendHistory(
  target: ServeTarget,
  { view, entity, folder, historyRoot, range }: RowSelection,
  historyCutoffUs: number | null,
  run: RunRecord,
): Promise<Pick<RunRecord, 'historyRows' | 'lateEvents' | 'rejected' | 'fromUs'>> {
  const { duck, clock, talk } = target;
  const prepared = await prepareHistory(duck, {
    view,
    entity,
    folder,
    historyRoot,
    runId: run.runId,
    // The history never goes back, not even when the online store is taken back.
    cutoffUs: Math.max(range.cutoffUs, historyCutoffUs ?? range.cutoffUs),
    previousCutoffUs: range.previous?.definitionId === view.definitionId ? historyCutoffUs : null,
    full: range.full,
    fromUs: range.fromUs,
    toUs: range.dueUs,
  });
  try {
    checkRejected(target, view.id, prepared.judgement);
    await clock.runLasted(run.startedUs);
    const published = await prepared.publish(clock.nowUs());
    for (const warning of published.warnings) talk.warn(`${view.id}: ${warning}`);
    return published;
  } catch (error) {
    await prepared.discard();
    throw error;
  }
}

/** Judges, chooses and writes the rows of a run, then the markers that vouch for them. */
async function serve(
  target: ServeTarget,
  selection: RowSelection,
  run: RunRecord,
): Promise<WriteCounts & { rejected: number }> {
  const { writer, clock, bundle } = target;
  const { view, range } = selection;
  const lost = range.full ? [] : await lostGroups(writer, view.id, range);
  const isLost = (key: string): boolean => lost.length > 0 && lost[writer.markerGroupOf(key)]!;
  const news = await chooseRows(target, selection, 'news');
  const whole = { ...selection, range: { ...range, full: true } };
  const all = lost.includes(true) ? await chooseRows(target, whole, 'all_rows') : null;
  // A stored view has nothing else to wait for; an aggregated one has waited before it appended its history.
  await clock.runLasted(run.startedUs);
  await writer.publishSchemas(bundle.schemas.get(view.id) ?? [rowSchemaOf(view)]);
  const total = { ...noWrites(), rejected: news.rejected };
  const parts = [await writeChosen(target, selection, news, (key) => !isLost(key))];
  if (all !== null) parts.push(await writeChosen(target, whole, all, isLost));
  for (const part of parts) {
    addWrites(total, part);
    total.rejected += part.rejected;
  }
  if (range.moves) await writer.writeMarkers(view.id, range.watermarkUs);
  return total;
}

/**
 * @returns  for each marker group whether its marker is missing or behind the last complete run: a node has lost rows,
 *           so that all of them are written again; empty when all is well
 */
async function lostGroups(writer: OnlineWriter, view: string, { previous }: RunRange): Promise<boolean[]> {
  const { watermarksUs } = await writer.readMarkers(view);
  const lost = watermarksUs.map((us) => us === null || us < previous!.watermarkUs);
  if (!lost.includes(true)) return [];
  // Where two nodes share a group its marker lies on one of them: the neighbours of a lost group are suspect too.
  return lost.map((is, i) => is || (lost[i - 1] ?? false) || (lost[i + 1] ?? false));
}

function newRunId(startedUs: number): string {
  return `${formatTimestamp(startedUs).replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
}

function emptyResult(range: RunRange): RunResult {
  const { fromUs, watermarkUs } = range;
  return { ...noWrites(), fromUs, watermarkUs, historyRows: 0, rejected: 0, lateEvents: 0 };
}

function summary(run: RunRecord): string {
  const parts = (['written', 'equal', 'older', 'conflict', 'superseded', 'rejected'] as const)
    .filter((name) => run[name] > 0)
    .map((name) => `${run[name]} ${name}`);
  if (run.historyRows > 0) parts.unshift(`${run.historyRows} rows to the history`);
  if (run.lateEvents > 0) parts.push(`${run.lateEvents} events too late`);
  return `${run.view}: ${parts.join(', ') || 'nothing new'}; complete up to ${formatTimestamp(run.watermarkUs)}`;
}
