/**
 * `plumb materialize --dry-run`: everything that a run reads, judges and computes, and nothing that it writes. Neither
 * history, online store, markers nor records change, and no reject file is kept; what would fail a run fails this too.
 */
import { rmSync } from 'node:fs';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Bundle, FeatureView } from '../../contract/model.ts';
import type { Project } from '../../project/project.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { prepareHistory } from '../history/compute.ts';
import type { ComputeRequest } from '../history/compute.ts';
import { clearStaged, spillFolder, stagedFolder } from '../history/history-append.ts';
import type { RowSelection } from '../online/latest-rows.ts';
import { checkLate, checkRejected, leftOutWarnings, lostWarnings } from './left-out.ts';
import { beginRun, judgedResult } from './run-outcome.ts';
import type { JudgedResult } from './run-outcome.ts';
import { heldPlan } from './run-hold.ts';
import { planRun } from './run-plan.ts';
import { RunProgress } from './run-progress.ts';
import type { RangeOptions } from './run-range.ts';
import { historyRequest, rowSelection } from './run-selection.ts';
import { chooseRows } from '../online/publish-rows.ts';
import { lockView } from './view-lock.ts';

export interface DryRun extends JudgedResult {
  readonly view: string;
  /** Whether everything would be computed and written, or what is new. */
  readonly full: boolean;
  /** Event times after this, or null: from the beginning. */
  readonly fromUs: number | null;
  readonly watermarkUs: number;
  /** Rows that would be appended. */
  readonly historyRows: number;
  /** Entities whose row would be sent to the online store. */
  readonly entities: number;
}

/** @throws what a run would throw before it wrote anything */
export async function dryRun(
  project: Project,
  bundle: Bundle,
  database: RegistryDatabase,
  view: FeatureView,
  options: RangeOptions,
  signal: AbortSignal | null,
): Promise<DryRun> {
  const { settings, clock, logger } = project;
  const release = lockView(settings.history, view);
  try {
    const startedUs = clock.nowUs();
    const plan = await planRun(database, settings.history, view, options, startedUs);
    const run = beginRun(view, plan, bundle.hash, startedUs);
    clearStaged(settings.history, view, run.runId);
    const tempFolder = spillFolder(settings.history, view, run.runId);
    const memoryLimit = `${settings.materialize.memory}B`;
    const duck = await DuckDb.open({ tempFolder, memoryLimit, memorySetting: 'materialize.memory' });
    const progress = new RunProgress(logger, view.id, signal);
    const interrupt = (): void => duck.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      const asked = rowSelection(project, bundle, view, plan, startedUs);
      const held = await heldPlan(duck, asked, plan, options.replace);
      const selection = { ...asked, range: held.range };
      const { full, fromUs, watermarkUs } = held.range;
      const found =
        view.kind === 'stored'
          ? await ofStored(duck, project, selection)
          : await ofAggregated(duck, project, selection, historyRequest(selection, held, run, progress));
      return { view: view.id, full, fromUs, watermarkUs, ...found };
    } catch (error) {
      throw progress.explain(error);
    } finally {
      signal?.removeEventListener('abort', interrupt);
      duck.close();
      const left = [stagedFolder(settings.history, view, run.runId), tempFolder];
      for (const folder of left) rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    release();
  }
}

type Found = JudgedResult & Pick<DryRun, 'historyRows' | 'entities'>;

async function ofStored(
  duck: DuckDb,
  { settings, logger }: Project,
  selection: RowSelection,
): Promise<Found> {
  const { maxRejectedShare } = settings.materialize;
  const target = { duck, logger, maxRejectedShare, rejectFile: null };
  const chosen = await chooseRows(target, selection, 'news');
  const judged = { ...chosen, judged: chosen.read };
  const none = { rejectFile: null, lateEvents: 0, latenessNeededUs: null, lateFile: null };
  for (const warning of leftOutWarnings(selection.view, { ...judged, ...none })) logger.warn(warning);
  return { ...judgedResult(judged), historyRows: 0, entities: chosen.entities };
}

async function ofAggregated(
  duck: DuckDb,
  { settings, logger }: Project,
  { view }: RowSelection,
  request: ComputeRequest,
): Promise<Found> {
  const prepared = await prepareHistory(duck, { ...request, keepsRejects: false });
  const { judgement, historyRows, lost } = prepared;
  checkRejected(settings.materialize.maxRejectedShare, view.id, judgement);
  checkLate(settings.materialize.maxLateShare, view, judgement);
  const warnings = judgement.warnings.map((warning) => `${view.id}: ${warning}`);
  warnings.push(...lostWarnings(view.id, lost), ...leftOutWarnings(view, judgement));
  for (const warning of warnings) logger.warn(warning);
  return { ...judgedResult(judgement), historyRows, entities: await prepared.entities() };
}
