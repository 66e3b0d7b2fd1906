/**
 * What the computation of a view's history works with: the run, the view's plan and events, and the edges to compute.
 *
 *   everything   `full`, a first run, a changed definition, or no bookmark to tell what was late
 *   increment    edges after the watermark, and the edges that late events touch
 *   range        `fromUs` given: edges after it, at least up to the watermark, since the rows behind a range hang on it
 */
import { countingIds } from '../../contract/definitions/definition-json.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import { seenHistory } from '../../project/history/history-place.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { HistorySnapshot } from '../../project/history/history-snapshot.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { edgeAt } from '../../contract/windows.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { planAggregates } from '../aggregate/aggregate-plan.ts';
import { materializerError } from '../errors.ts';
import type { RunPlan } from '../run/run-range.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { newFilesSql } from '../../project/engine/duckdb/sources/new-files.ts';
import type { ViewRun } from '../run/view-run.ts';
import { eventSource } from './events.ts';
import type { EventSource } from './events.ts';
import { keptFeatures, planFeatures } from './kept-features.ts';
import type { KeptFeatures } from './kept-features.ts';
import { checkSource } from './source-check.ts';

/** What the history's rows hang on of a run. The view is aggregated. */
export interface HistoryRun extends Pick<
  ViewRun,
  | 'view'
  | 'entity'
  | 'runId'
  | 'duck'
  | 'spark'
  | 'logger'
  | 'progress'
  | 'staging'
  | 'keepsRejects'
  | 'lease'
> {
  readonly settings: HistoryPlace & Pick<Settings, 'work'>;
  readonly range: HistoryRange;
}

export interface HistoryRange extends Pick<
  RunPlan,
  'kind' | 'full' | 'fromUs' | 'cutoffUs' | 'dueUs' | 'historyCutoffUs' | 'horizonUs' | 'futureUs'
> {
  readonly previous: Pick<RunRecord, 'definitionId' | 'snapshot'> | null;
  /** Of a backfill of single features their names; null: all features are computed. */
  readonly features: readonly string[] | null;
}

export interface Computation {
  readonly run: HistoryRun;
  /** Of what is computed. */
  readonly plan: AggregatePlan;
  /** What is not computed and taken from the history; null: everything is computed. */
  readonly kept: KeptFeatures | null;
  readonly source: EventSource;
  readonly extent: Extent;
  /** As the run reads it; null: nothing was computed yet. */
  readonly history: HistorySnapshot | null;
}

/** What is computed. Edges are indexes; `fromEdge` is exclusive. */
interface Extent {
  readonly mode: 'everything' | 'increment' | 'range';
  readonly fromEdge: number;
  readonly toEdge: number;
  /** Events created up to and including it are known. */
  readonly knownUs: number;
  /** The same of the runs before under this definition; null: there were none. */
  readonly knownBeforeUs: number | null;
}

/** @throws REG_SOURCE, MAT_SOURCE, MAT_AGGREGATION, MAT_RANGE */
export async function beginComputation(run: HistoryRun): Promise<Computation> {
  const events = await checkSource(run.duck, run.settings.folder, run.view, run.entity);
  const whole = planAggregates(run.view, run.entity);
  const history = await seenHistory(run.settings, run.view);
  await openHistoryStorage(run.duck, run.settings.history);
  const { horizonUs, futureUs, features, previous } = run.range;
  const { table } = events.files;
  const isNewFile = table === null ? null : await newFilesSql(run.duck, table, previous?.snapshot ?? null);
  const extent = extentOf(run, history, table === null || isNewFile !== null);
  const part = features === null ? whole : planFeatures(whole, features);
  return {
    run,
    plan: part,
    kept: features === null ? null : keptFeatures(run, { whole, part }, history),
    extent,
    history,
    // Which events count does not hang on which features are computed of them.
    source: eventSource(whole, events, { knownUs: extent.knownUs, horizonUs, futureUs, isNewFile }),
  };
}

/** @param isTold  of a table: whether it is known which of its files are new */
function extentOf(
  { view, entity, range }: HistoryRun,
  history: HistorySnapshot | null,
  isTold: boolean,
): Extent {
  const { fromUs, cutoffUs, historyCutoffUs } = range;
  const mark = history?.lastMark() ?? null;
  const markEdge = mark === null ? null : edgeAt(mark.watermarkUs, view.hopUs);
  const dueEdge = Math.max(0, edgeAt(Math.min(cutoffUs, range.dueUs), view.hopUs));
  // The history never forgets: neither edges nor events that it knew of, not even when the online store is taken back.
  const toEdge = Math.max(dueEdge, markEdge ?? 0);
  const knownUs = Math.max(cutoffUs, historyCutoffUs ?? cutoffUs);
  const knownBeforeUs = range.previous?.definitionId === view.definitionId ? historyCutoffUs : null;
  const known = { toEdge, knownUs, knownBeforeUs };
  // Without created times nothing tells which events before the watermark are new: the lateness is gone over again.
  const repeated = view.source.createdTime === null ? Math.ceil(view.latenessUs / view.hopUs) : 0;
  // What another definition has computed since knew of events that this one has not seen.
  const settled = mark !== null && countingIds(view, entity.joinKeys).includes(mark.definitionId);
  const settledEdge = markEdge === null || !settled ? null : Math.max(0, markEdge - repeated);
  // Of a definition whose rows are not there yet no part can be repeated: what lies before the part is of another one.
  if (fromUs !== null && (settled || markEdge === null)) {
    const fromEdge = Math.max(0, Math.min(edgeAt(fromUs, view.hopUs), settledEdge ?? Infinity));
    if (fromEdge >= toEdge && markEdge === null) {
      const part = `after ${formatTimestamp(fromUs)} and up to ${formatTimestamp(toEdge * view.hopUs)}`;
      throw materializerError('MAT_RANGE', `view ${view.id} has no edge ${part}`, { field: 'from' });
    }
    return { mode: 'range', fromEdge, ...known };
  }
  const bookmarked = (knownBeforeUs !== null && isTold) || view.source.createdTime === null;
  if (range.full || settledEdge === null || !bookmarked) return { mode: 'everything', fromEdge: 0, ...known };
  return { mode: 'increment', fromEdge: settledEdge, ...known };
}
