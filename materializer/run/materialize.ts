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
import { rmSync } from 'node:fs';
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Bundle, FeatureView } from '../../contract/model.ts';
import type { Project } from '../../project/project.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { RunKind, RunRecord } from '../../contract/run-record.ts';
import { prepareHistory } from '../history/compute.ts';
import { materializerError } from '../errors.ts';
import { clearStaged, spillFolder, stagedFolder } from '../history/history-append.ts';
import type { RowSelection } from '../online/latest-rows.ts';
import { addWrites, noWrites } from '../online/guard-outcome.ts';
import type { WriteCounts } from '../online/guard-outcome.ts';
import type { OnlineWriter } from '../online/online-writer.ts';
import { openOnlineWriter } from '../online/open-online-writer.ts';
import { findLoss } from '../online/store-loss.ts';
import { checkLate, checkRejected, leftOutWarnings, lostWarnings } from './left-out.ts';
import { rejectFile } from './reject-file.ts';
import {
  addReasons,
  beginRun,
  judgedResult,
  later,
  silenceOf,
  stalenessOf,
  summaryOf,
} from './run-outcome.ts';
import type { JudgedResult, RunResult } from './run-outcome.ts';
import { heldPlan } from './run-hold.ts';
import { writeRunMetrics } from './run-metrics.ts';
import { planRun } from './run-plan.ts';
import { RunProgress } from './run-progress.ts';
import { historyRequest, rowSelection } from './run-selection.ts';
import type { RunPlan } from './run-plan.ts';
import type { RangeOptions } from './run-range.ts';
import { chooseRows, writeChosen } from '../online/publish-rows.ts';
import type { ServeTarget } from '../online/publish-rows.ts';
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
  /** Ends the run when it aborts: its reason says by what. */
  readonly signal?: AbortSignal;
}

interface RunContext {
  readonly project: Project;
  readonly bundle: Bundle;
  readonly database: RegistryDatabase;
  readonly writer: OnlineWriter;
  readonly options: RangeOptions;
  readonly signal: AbortSignal | null;
  /** What is thrown in the end though the runs are complete. */
  readonly complaints: Error[];
}

/**
 * Materializes views one after the other. A view that fails does not keep the others from their run.
 *
 * @returns  the records of the runs, in the order of the views
 * @throws   what the first failed run threw, after all views were tried; its record says `failed` and why.
 *           MAT_STOPPED when it was asked to stop before all of them. MAT_UNKNOWN_VIEW, MAT_RANGE, MAT_ONLINE before anything was done
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
    signal: options.signal ?? null,
    complaints: [],
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
    const risk = await writer.evictions?.policyWarning();
    if (typeof risk === 'string') project.logger.warn(risk);
    for (const [i, view] of views.entries()) {
      if (context.signal?.aborted === true) {
        const stopped = endedBefore(context.signal, views.slice(i));
        // What failed before is what is thrown.
        if (failures.length > 0) project.logger.warn(stopped.message);
        failures.push(stopped);
        break;
      }
      try {
        records.push(await runView(context, view));
      } catch (error) {
        // The first is thrown in the end; what else went wrong would be lost, unless it is the same.
        const { message } = error as Error;
        if (failures.length > 0 && failures[0]!.message !== message)
          project.logger.warn(`${view.id}: ${message}`);
        failures.push(error as Error);
      }
    }
  } finally {
    await writer.close();
  }
  const { metrics } = project.settings.materialize;
  if (metrics !== null) await writeRunMetrics(metrics, bundle.views.values(), database);
  const [failure] = [...failures, ...context.complaints];
  if (failure !== undefined) throw failure;
  return records;
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

async function runView(context: RunContext, view: FeatureView): Promise<RunRecord> {
  const { project, bundle, database, options } = context;
  const { clock, settings, logger } = project;
  const release = lockView(settings.history, view);
  try {
    const startedUs = clock.nowUs();
    const plan = await planRun(database, settings.history, view, options, startedUs);
    const run = beginRun(view, plan, bundle.hash, startedUs);
    await database.startRun(run);
    try {
      const result = await work(context, view, plan, run);
      const done: RunRecord = { ...run, ...result, finishedUs: clock.nowUs(), state: 'complete' };
      await database.finishRun(done);
      const silence = silenceOf(view, done);
      if (silence !== null) logger.warn(silence);
      const staleness = stalenessOf(view, done);
      if (staleness !== null) logger.warn(staleness);
      logger.info(summaryOf(done));
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

async function work(
  context: RunContext,
  view: FeatureView,
  plan: RunPlan,
  run: RunRecord,
): Promise<RunResult> {
  const { project, bundle, writer } = context;
  const { clock, settings } = project;
  clearStaged(settings.history, view, run.runId);
  const tempFolder = spillFolder(settings.history, view, run.runId);
  const memoryLimit = `${settings.materialize.memory}B`;
  const duck = await DuckDb.open({ tempFolder, memoryLimit, memorySetting: 'materialize.memory' });
  const progress = new RunProgress(project.logger, view.id, context.signal);
  const interrupt = (): void => duck.interrupt();
  context.signal?.addEventListener('abort', interrupt);
  try {
    const target: ServeTarget = {
      duck,
      writer,
      clock,
      logger: project.logger,
      progress,
      bundle,
      keyPrefix: settings.online.keyPrefix,
      maxRejectedShare: settings.materialize.maxRejectedShare,
      rejectFile: rejectFile(settings.history, view, run.runId),
      replace: context.options.replace,
      complaints: context.complaints,
    };
    const asked = rowSelection(project, bundle, view, plan, run.startedUs);
    const held = await heldPlan(duck, asked, plan, context.options.replace);
    const { range } = held;
    const selection = { ...asked, range };
    const { maxLateShare } = settings.materialize;
    const history =
      view.kind === 'stored' ? null : await appendHistory(target, selection, held, run, maxLateShare);
    const online = await serve(target, selection, run);
    const seen = history ?? online;
    const carried = range.full ? null : range.previous;
    return {
      ...online,
      ...history,
      rejected: (history?.rejected ?? 0) + online.rejected,
      rejectReasons: addReasons(history?.rejectReasons ?? {}, online.rejectReasons),
      newestEventUs: later(seen.newestEventUs, carried?.newestEventUs ?? null),
      newestCreatedUs: later(seen.newestCreatedUs, carried?.newestCreatedUs ?? null),
      historyRows: history?.historyRows ?? 0,
      fromUs: run.kind === 'backfill' ? range.fromUs : (history?.fromUs ?? range.fromUs),
      watermarkUs: range.watermarkUs,
    };
  } catch (error) {
    throw progress.explain(error);
  } finally {
    context.signal?.removeEventListener('abort', interrupt);
    duck.close();
    const left = [stagedFolder(settings.history, view, run.runId), tempFolder];
    for (const folder of left) rmSync(folder, { recursive: true, force: true });
  }
}

/** Computes what the history of an aggregated view lacks, waits until the run has lasted, and appends it. */
async function appendHistory(
  target: ServeTarget,
  selection: RowSelection,
  plan: RunPlan,
  run: RunRecord,
  maxLateShare: number,
): Promise<JudgedResult & Pick<RunRecord, 'historyRows' | 'fromUs'>> {
  const { duck, clock, logger, progress } = target;
  const { view } = selection;
  const prepared = await prepareHistory(duck, historyRequest(selection, plan, run, progress));
  try {
    const { judgement } = prepared;
    checkRejected(target.maxRejectedShare, view.id, judgement);
    checkLate(maxLateShare, view, judgement);
    await clock.runLasted(run.startedUs);
    const { historyRows, fromUs } = await prepared.publish(clock.nowUs());
    const warnings = judgement.warnings.map((warning) => `${view.id}: ${warning}`);
    warnings.push(...lostWarnings(view.id, prepared.lost));
    for (const warning of [...leftOutWarnings(view, judgement), ...warnings]) logger.warn(warning);
    return { ...judgedResult(judgement), historyRows, fromUs };
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
): Promise<WriteCounts & JudgedResult> {
  const { writer, clock, bundle, logger } = target;
  const { view, range } = selection;
  const loss = await findLoss(writer, view.id, range, Math.floor(clock.nowUs() / 1_000));
  const lost = loss.groups;
  if (loss.warning !== null) logger.warn(loss.warning);
  if (loss.complaint !== null) target.complaints.push(loss.complaint);
  const isLost = (key: string): boolean => lost.length > 0 && lost[writer.markerGroupOf(key)]!;
  const news = await chooseRows(target, selection, 'news');
  const whole = { ...selection, range: { ...range, full: true } };
  const all = lost.includes(true) ? await chooseRows(target, whole, 'all_rows') : null;
  // A stored view has nothing else to wait for; an aggregated one has waited before it appended its history.
  await clock.runLasted(run.startedUs);
  await writer.publishSchemas(bundle.schemas.get(view.id) ?? [rowSchemaOf(view, selection.entity)]);
  const judged = { ...news, judged: news.read };
  const total = { ...noWrites(), ...judgedResult(judged) };
  const parts = [await writeChosen(target, selection, news, (key) => !isLost(key))];
  if (all !== null) parts.push(await writeChosen(target, whole, all, isLost));
  let misfits = 0;
  for (const part of parts) {
    addWrites(total, part);
    misfits += part.rejected;
  }
  const left = { rejectFile: target.rejectFile, lateEvents: 0, latenessNeededUs: null, lateFile: null };
  for (const warning of leftOutWarnings(view, { ...judged, ...left })) logger.warn(warning);
  if (range.moves) {
    await writer.writeMarkers(view.id, range.watermarkUs);
    await writer.evictions?.keep(view.id, loss.marks);
  }
  const largest = writer.largestRow();
  const costly = range.full ? await writer.evictions?.listpackWarning(view.id, largest) : null;
  if (typeof costly === 'string') logger.warn(costly);
  if (misfits === 0) return total;
  const rejectReasons = addReasons(total.rejectReasons, { 'it does not fit its definition': misfits });
  return { ...total, rejected: total.rejected + misfits, counted: total.counted - misfits, rejectReasons };
}
