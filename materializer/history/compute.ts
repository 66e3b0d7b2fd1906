/**
 * Brings the history of an aggregated view up to date from its raw events.
 *
 *   check source -> judge what is new -> scope -> rows, bucket by bucket, aside -> publish: created time, days, watermark
 *
 * `prepareHistory` reads and computes; nobody sees anything of it. `publish` stamps the rows with the time at which
 * others can see them, moves them into the history and writes the watermark last. A run that dies in between has
 * changed no answer below the watermark, and the next one finds the same work.
 *
 * Three ways, chosen here:
 *   everything   `full`, a first run, a changed definition, or no bookmark to tell what was late
 *   increment    edges after the watermark, and the edges that late events touch
 *   range        `fromUs` given: edges after it, at least up to the watermark, since the rows behind a range hang on it
 *
 * Called by materialize.ts, one run of a view at a time. Which events count is decided in events.ts.
 */

import {
  completeHistory,
  readHistoryWatermark,
  writeHistoryWatermark,
} from '../../project/engine/duckdb/history.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { DAY_US, formatTimestamp } from '../../contract/std/timestamp.ts';
import { edgeAt } from '../../contract/windows.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { planAggregates } from '../aggregate/aggregate-plan.ts';
import type { Scope } from '../aggregate/aggregate-sql.ts';
import { aggregateSql, eventsSql } from '../aggregate/aggregate-sql.ts';
import { explained } from './compute-failure.ts';
import { materializerError } from '../errors.ts';
import type { EventSource } from './events.ts';
import { eventSource } from './events.ts';
import { EntityParts } from './entity-parts.ts';
import { StagedRows } from './history-append.ts';
import type { LostValues } from './history-append.ts';
import { historyFilesFrom, historyRowsSql } from './history-rows.ts';
import type { Judgement } from './refused-events.ts';
import { judgeEvents } from './refused-events.ts';
import { RunProgress, silentProgress } from '../run/run-progress.ts';
import { incrementScope, rangeScope } from './scope.ts';
import { checkSource } from './source-check.ts';

export interface ComputeRequest {
  /** Aggregated. */
  readonly view: FeatureView;
  readonly entity: Entity;
  /** The project's folder. */
  readonly folder: string;
  readonly historyRoot: string;
  readonly runId: string;
  /** Events created up to and including it are known; edges up to it are due (a delay holds nothing back here). */
  readonly cutoffUs: number;
  /** The cut-off of the last complete run of the view, or null when there was none. */
  readonly previousCutoffUs: number | null;
  /** Events created up to and including it count however late they were; null: there is no such time. */
  readonly horizonUs: number | null;
  /** The time at which the run started: see `EventLimits`. */
  readonly futureUs?: number | null;
  readonly full: boolean;
  /** Edges after it only, or null. The first edge after it has a row of every entity known by then. */
  readonly fromUs: number | null;
  /** Edges up to it only, or null: up to the cut-off. Never less than the history has already. */
  readonly toUs: number | null;
  readonly progress?: RunProgress;
  /** Whether the rows that do not count go to files; they do unless it is a dry run. */
  readonly keepsRejects?: boolean;
  /** Shares of the entities computed one after the other to bound memory; chosen by the amount of events if absent. */
  readonly buckets?: number;
}

export interface ComputeResult extends Judgement {
  readonly historyRows: number;
  /** The history's new files, sorted. */
  readonly files: readonly string[];
  /** Edges after this were computed, or null: all of them. */
  readonly fromUs: number | null;
  readonly watermarkUs: number;
  /** What is known now: the greater of the cut-off and the one before. The next run's `previousCutoffUs`. */
  readonly cutoffUs: number;
}

/** Rows that are computed and that nobody sees yet: publish or discard them. */
export interface PreparedHistory {
  /** Known before anything is published, so that the caller can refuse a run with too many rejects. */
  readonly judgement: Judgement;
  /** Rows to append. */
  readonly historyRows: number;
  /** How many entities have a row to append. */
  entities(): Promise<number>;
  /** Features that are null at some of their edges, since a value there cannot be held. */
  readonly lost: readonly LostValues[];
  /**
   * @param createdUs  the time the rows become visible at: their created time
   * @throws MAT_CREATED_TIME when rows that the run corrects were not created before that; nothing is written then
   */
  publish(createdUs: number): Promise<ComputeResult>;
  /** Forgets the rows. The reject file stays, for whoever wants to know why. */
  discard(): Promise<void>;
}

/** What a run computes. Edges are indexes; `fromEdge` is exclusive. */
interface Extent {
  readonly mode: 'everything' | 'increment' | 'range';
  readonly fromEdge: number;
  readonly toEdge: number;
  readonly knownUs: number;
}

/** Events times (windows and features of single values) that one bucket takes: about 400 MB. */
const BUCKET_LOAD = 1_000_000;
/** Rows that are sorted at a time when they are published: about 150 MB. */
const SPAN_ROWS = 600_000;

/**
 * @throws REG_SOURCE, MAT_SOURCE, MAT_AGGREGATION, MAT_OVERFLOW, MAT_RANGE; nothing stays behind but the
 *         reject file
 */
export async function prepareHistory(duck: DuckDb, request: ComputeRequest): Promise<PreparedHistory> {
  const { view, entity, folder, historyRoot, runId } = request;
  const events = await checkSource(duck, folder, view, entity);
  const plan = planAggregates(view, entity);
  const extent = extentOf(request);
  const { horizonUs, futureUs = null } = request;
  const limits = { knownUs: extent.knownUs, horizonUs, futureUs };
  const source = eventSource(plan, events, limits);
  const table = `scope of ${view.id} in ${runId}`;
  const staged = new StagedRows(duck, plan, historyRoot, runId);
  const progress = request.progress ?? silentProgress(view.id);
  const discard = async (): Promise<void> => {
    staged.discard();
    await duck.run(`DROP TABLE IF EXISTS ${quoteName(table)}`);
  };
  try {
    progress.step('judging what is new', 0, 1, 'scans');
    const judgement = await judgeEvents(duck, {
      plan,
      source,
      arrival: arrivalOf(request, extent),
      dueUs: extent.toEdge * view.hopUs,
      root: historyRoot,
      runId,
      keeps: request.keepsRejects ?? true,
    });
    const oldestEdge = edgeAt(judgement.oldestEventUs ?? 0, view.hopUs);
    await stageRows({ duck, request, plan, source, extent, table, staged, progress, oldestEdge });
    const { rows, replacedUs, lost } = await staged.summary();
    return {
      judgement,
      historyRows: rows,
      lost,
      entities: () => staged.entities(),
      discard,
      async publish(createdUs) {
        requireLater(view, createdUs, replacedUs);
        const files = rows === 0 ? [] : await staged.publish(createdUs, progress);
        const watermarkUs = extent.toEdge * view.hopUs;
        writeHistoryWatermark(historyRoot, view, { watermarkUs, runId, definitionId: view.definitionId });
        await discard();
        const fromUs = extent.mode === 'everything' ? null : extent.fromEdge * view.hopUs;
        return { ...judgement, historyRows: rows, files, fromUs, watermarkUs, cutoffUs: extent.knownUs };
      },
    };
  } catch (error) {
    await discard();
    throw progress.explain(await explained(duck, plan, source, error));
  }
}

function extentOf(request: ComputeRequest): Extent {
  const { view, cutoffUs, previousCutoffUs, fromUs, toUs } = request;
  const mark = readHistoryWatermark(request.historyRoot, view);
  const markEdge = mark === null ? null : edgeAt(mark.watermarkUs, view.hopUs);
  const dueEdge = Math.max(0, edgeAt(Math.min(cutoffUs, toUs ?? cutoffUs), view.hopUs));
  // The history never forgets: neither edges nor events that it knew of already.
  const toEdge = Math.max(dueEdge, markEdge ?? 0);
  const knownUs = Math.max(cutoffUs, previousCutoffUs ?? cutoffUs);
  // Without created times nothing tells which events before the watermark are new: the lateness is gone over again.
  const repeated = view.source.createdTime === null ? Math.ceil(view.latenessUs / view.hopUs) : 0;
  const settled = completeHistory(request.historyRoot, view, request.entity) !== null;
  const settledEdge = markEdge === null || !settled ? null : Math.max(0, markEdge - repeated);
  // Of a definition whose rows are not there yet no part can be repeated: what lies before the part is of another one.
  if (fromUs !== null && (settled || markEdge === null)) {
    const fromEdge = Math.max(0, Math.min(edgeAt(fromUs, view.hopUs), settledEdge ?? Infinity));
    if (fromEdge >= toEdge && markEdge === null) {
      const range = `after ${formatTimestamp(fromUs)} and up to ${formatTimestamp(toEdge * view.hopUs)}`;
      throw materializerError('MAT_RANGE', `view ${view.id} has no edge ${range}`, { field: 'from' });
    }
    return { mode: 'range', fromEdge, toEdge, knownUs };
  }
  const bookmarked = previousCutoffUs !== null || view.source.createdTime === null;
  if (request.full || settledEdge === null || !bookmarked) {
    return { mode: 'everything', fromEdge: 0, toEdge, knownUs };
  }
  return { mode: 'increment', fromEdge: settledEdge, toEdge, knownUs };
}

/** An increment judges what is new to it, every other run all there is. */
function arrivalOf(request: ComputeRequest, extent: Extent) {
  const { knownUs } = extent;
  if (extent.mode !== 'increment') return { afterUs: null, knownUs };
  const created = request.view.source.createdTime !== null;
  return { afterUs: created ? request.previousCutoffUs : extent.fromEdge * request.view.hopUs, knownUs };
}

/** What computing the rows of a run works with. */
interface Staging {
  readonly duck: DuckDb;
  readonly request: ComputeRequest;
  readonly plan: AggregatePlan;
  readonly source: EventSource;
  readonly extent: Extent;
  /** The name of the table of the scope. */
  readonly table: string;
  readonly staged: StagedRows;
  readonly progress: RunProgress;
  /** Of the events that were judged. */
  readonly oldestEdge: number;
}

/** Reads the source and the history once, then computes one bucket of entities after the other. */
async function stageRows(staging: Staging): Promise<void> {
  const { duck, request, plan, source, extent, staged, progress } = staging;
  const { toEdge } = extent;
  let scope: Scope | null = null;
  let since: number | null = null;
  if (extent.mode !== 'everything') {
    const old = historyRowsSql(plan, historyFilesFrom(request.historyRoot, plan, sinceUs(plan, extent)));
    const wholeHistory = (): string | null =>
      historyRowsSql(plan, historyFilesFrom(request.historyRoot, plan, null));
    const asked = { plan, source, ...extent, previousUs: request.previousCutoffUs, old, wholeHistory };
    scope = await (extent.mode === 'increment' ? incrementScope : rangeScope)(duck, staging.table, asked);
    since = sinceUs(plan, { mode: extent.mode, fromEdge: scope.fromEdge });
  }
  const old = historyRowsSql(plan, historyFilesFrom(request.historyRoot, plan, since));
  const events = inScope(plan, eventsSql(plan, source, scope, toEdge), scope);
  const number = await countEvents(duck, source, scope, events);
  const count = request.buckets ?? Math.max(1, Math.ceil((number * loadOf(plan)) / BUCKET_LOAD));
  const parts = new EntityParts(duck, plan, staged.folder, count);
  progress.step('reading the source', 0, 1, 'scans');
  await parts.lay('events', events);
  if (old !== null) await parts.lay('history', inScope(plan, old, scope));
  const days = ((toEdge - (scope?.fromEdge ?? staging.oldestEdge)) * plan.hopUs) / DAY_US;
  staged.span((SPAN_ROWS * Math.max(1, days)) / Math.max(1, number * (1 + plan.windows.length)));
  for (let index = 0; index < count; index++) {
    progress.step('computing', index, count, 'buckets of entities');
    const bucket = { index, count };
    const kept = old === null ? null : parts.select('history', index);
    const sql = { plan, events: parts.select('events', index), toEdge, scope, bucket, old: kept };
    await staged.add(aggregateSql(sql));
  }
  progress.step('computing', count, count, 'buckets of entities');
}

function inScope(plan: AggregatePlan, sql: string, scope: Scope | null): string {
  return scope === null ? sql : `SELECT * FROM (${sql}) SEMI JOIN ${scope.table} USING (${plan.keyList})`;
}

/** What an event costs: a share of each window, and of each feature that looks at single values. */
function loadOf(plan: AggregatePlan): number {
  const values = plan.features.filter((f) =>
    ['countDistinct', 'mostFrequent'].includes(f.aggregation.function),
  );
  return 1 + plan.windows.length + values.length;
}

/** Known from the footers; only when that could be too much is it worth counting the events of the scope. */
async function countEvents(
  duck: DuckDb,
  source: EventSource,
  scope: Scope | null,
  events: string,
): Promise<number> {
  const all = await countRows(duck, `SELECT count(*) AS n FROM ${source.from}`);
  if (scope === null || scope.seeds === 'history' || all <= BUCKET_LOAD / 5) return all;
  return countRows(duck, `SELECT count(*) AS n FROM (${events})`);
}

/** An increment needs the history's rows after its first edge only; a range also what held before it. */
function sinceUs(plan: AggregatePlan, extent: Pick<Extent, 'mode' | 'fromEdge'>): number | null {
  return extent.mode === 'increment' ? (extent.fromEdge + 1) * plan.hopUs : null;
}

async function countRows(duck: DuckDb, sql: string): Promise<number> {
  const [row] = await duck.rows(sql);
  return Number(row!['n']);
}

function requireLater(view: FeatureView, createdUs: number, replacedUs: number | null): void {
  if (replacedUs === null || createdUs > replacedUs) return;
  throw materializerError(
    'MAT_CREATED_TIME',
    `the run would correct rows of ${view.id} created at ${formatTimestamp(replacedUs)}, but its own time is ` +
      `${formatTimestamp(createdUs)}, which is no later: readers would keep the old values`,
  );
}
