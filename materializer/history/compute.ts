/**
 * Computes the rows that the history of an aggregated view lacks, from its raw events.
 *
 *   check source -> check what is new -> scope -> rows aside, bucket by bucket
 *                -> publish: created time, files by day, one entry of the log
 *
 * `prepareHistory` reads and computes; nobody sees anything of it. `publish` stamps the rows with the time at which
 * others can see them, moves their files into the history's folder and commits them. A run that dies in between has
 * changed nothing that anybody reads, and the next one finds the same work.
 *
 * Which edges are computed is decided in computation.ts, which events count in events.ts.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { NewFile } from '../../project/history/history-entry.ts';
import type { AggregateFunction, FeatureView } from '../../contract/model.ts';
import { DAY_US, formatTimestamp } from '../../contract/std/timestamp.ts';
import { edgeAt } from '../../contract/windows.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import type { Scope } from '../aggregate/aggregate-sql.ts';
import { aggregateSql } from '../aggregate/aggregate-sql.ts';
import { materializerError } from '../errors.ts';
import type { LostValues } from '../run/left-out.ts';
import { MadeTiles } from './spark/made-tiles.ts';
import { commitRows } from './commit-rows.ts';
import { beginComputation } from './computation.ts';
import type { Computation, HistoryRun } from './computation.ts';
import { explained } from './compute-failure.ts';
import { EntityParts } from './entity-parts.ts';
import { eventsSql } from './events.ts';
import { historyRowsSql } from './history-rows.ts';
import { withKeptSql } from './kept-features.ts';
import type { EventCounts } from './refused-events.ts';
import { checkEvents } from './refused-events.ts';
import { dropScope, makeScope, rowsFromUs } from './scope.ts';
import { StagedRows } from './staged-rows.ts';

export interface ComputeResult {
  readonly historyRows: number;
  /** The history's new files, by day. */
  readonly files: readonly NewFile[];
  /** Edges after this were computed, or null: all of them. */
  readonly fromUs: number | null;
  readonly watermarkUs: number;
  /** Events created up to and including it are known now. */
  readonly knownUs: number;
}

/** Rows that are computed and that nobody sees yet: publish or discard them. */
export interface PreparedHistory {
  /** Known before anything is published, so that the caller can refuse a run with too many rejects. */
  readonly counts: EventCounts;
  /** Rows to append. */
  readonly historyRows: number;
  /** How many entities have a row to append. */
  entities(): Promise<number>;
  /** Features that are null at some of their edges, since a value there cannot be held. */
  readonly lost: readonly LostValues[];
  /**
   * @param createdUs  the time the rows become visible at: their created time
   * @throws MAT_CREATED_TIME when rows that the run corrects were not created before that; MAT_CONFLICT when another
   *         run has written some of its rows meanwhile; nothing is committed then
   */
  publish(createdUs: number): Promise<ComputeResult>;
  /** Forgets the rows. The reject file stays, for whoever wants to know why. */
  discard(): Promise<void>;
}

/**
 * One bucket of entities takes at most so much: events, times one and the number of windows and of features that look
 * at single values. A bucket needs about 400 MB.
 */
const BUCKET_LOAD = 1_000_000;
/** Rows that are sorted at a time when they are published: about 150 MB. */
const SPAN_ROWS = 600_000;

/**
 * @param buckets  shares of the entities computed one after the other to bound memory; the number of events decides
 *                 unless it is given
 * @throws REG_SOURCE, MAT_SOURCE, MAT_AGGREGATION, MAT_OVERFLOW, MAT_RANGE; nothing stays behind but the
 *         reject file
 */
export async function prepareHistory(run: HistoryRun, buckets?: number): Promise<PreparedHistory> {
  const { view, duck, settings, progress, spark } = run;
  const computation = await beginComputation(run);
  const { plan, extent, kept } = computation;
  // What Spark lacks is said before anything is read.
  const tiles = spark === null ? null : new MadeTiles(computation, spark);
  const staged = new StagedRows(kept?.whole ?? plan, run);
  const discard = async (): Promise<void> => {
    staged.discard();
    await duck.run(dropScope(run));
    tiles?.close();
  };
  try {
    progress.step('checking what is new', 0, 1, 'scans');
    const counts = await checkEvents(computation);
    const firstEdge = edgeAt(counts.oldestEventUs ?? 0, view.hopUs);
    await stageRows(computation, staged, tiles, { firstEdge, buckets });
    await checkAccount(computation, counts, tiles);
    tiles?.close();
    const { rows, replacedUs, lost } = await staged.summary();
    return {
      counts,
      historyRows: rows,
      lost,
      entities: () => staged.entities(),
      discard,
      async publish(createdUs) {
        requireLater(view, createdUs, replacedUs);
        const files = rows === 0 ? [] : await staged.publish(createdUs);
        const watermarkUs = extent.toEdge * view.hopUs;
        const history = await commitRows(computation, { files, createdUs, watermarkUs });
        settings.seen?.set(settings.history, view, history);
        await discard();
        const fromUs = extent.mode === 'everything' ? null : extent.fromEdge * view.hopUs;
        return { historyRows: rows, files, fromUs, watermarkUs, knownUs: extent.knownUs };
      },
    };
  } catch (error) {
    await discard();
    throw progress.explain(await explained(computation, error));
  }
}

interface StagingLimits {
  /** Of the events that are new. */
  readonly firstEdge: number;
  readonly buckets: number | undefined;
}

/**
 * Reads the source and the history once, then computes one bucket of entities after the other.
 * @param tiles  makes in the source's place what is read; null: nothing does
 */
async function stageRows(
  computation: Computation,
  staged: StagedRows,
  tiles: MadeTiles | null,
  { firstEdge, buckets }: StagingLimits,
): Promise<void> {
  const { run, source, extent, kept } = computation;
  const plan = tiles?.plan ?? computation.plan;
  const { duck, progress } = run;
  const { toEdge } = extent;
  const scope = await makeScope(computation);
  const old = historyRowsSql(computation, scope === null ? null : rowsFromUs(computation, scope.fromEdge));
  const read = tiles === null ? eventsSql(plan, source, scope, toEdge) : await tiles.make(scope);
  const events = inScope(plan, read, scope);
  const number =
    tiles === null
      ? await countEvents(computation, scope, events)
      : await countRows(duck, `SELECT count(*) AS n FROM (${events})`);
  const count = buckets ?? Math.max(1, Math.ceil((number * loadOf(plan)) / BUCKET_LOAD));
  const parts = new EntityParts(duck, plan, staged.folder, count);
  progress.step('reading the source', 0, 1, 'scans');
  await parts.lay('events', events);
  if (old !== null) await parts.lay('history', inScope(plan, old, scope));
  const days = ((toEdge - (scope?.fromEdge ?? firstEdge)) * plan.hopUs) / DAY_US;
  staged.span((SPAN_ROWS * Math.max(1, days)) / Math.max(1, number * (1 + plan.windows.length)));
  for (let index = 0; index < count; index++) {
    progress.step('computing', index, count, 'buckets of entities');
    const bucket = { index, count };
    const rows = old === null ? null : parts.select('history', index);
    const sql = aggregateSql({
      plan,
      events: parts.select('events', index),
      toEdge,
      scope,
      bucket,
      old: rows,
    });
    await staged.add(kept === null || rows === null ? sql : withKeptSql(kept, sql, rows));
  }
  progress.step('computing', count, count, 'buckets of entities');
}

function inScope(plan: AggregatePlan, sql: string, scope: Scope | null): string {
  return scope === null ? sql : `SELECT * FROM (${sql}) SEMI JOIN ${scope.table} USING (${plan.keyList})`;
}

/** What one feature's values cost beside a window. */
const LOADS: Readonly<Partial<Record<AggregateFunction, number>>> = {
  countDistinct: 1,
  mostFrequent: 1,
  approxCountDistinct: 1,
  approxPercentile: 8,
};

/** What an event costs: a share of each window, and of each feature that looks at single values. */
function loadOf(plan: AggregatePlan): number {
  const values = plan.features.map(({ aggregation }) => {
    if (aggregation.function === 'lastN') return 1 + aggregation.n / 10;
    return LOADS[aggregation.function] ?? 0;
  });
  return values.reduce((sum, cost) => sum + cost, 1 + plan.windows.length);
}

/** Known from the footers; only when that could be too much is it worth counting the events of the scope. */
async function countEvents(
  { run, source }: Computation,
  scope: Scope | null,
  events: string,
): Promise<number> {
  const all = await countRows(run.duck, `SELECT count(*) AS n FROM ${source.from}`);
  if (scope === null || scope.seeds === 'history' || all <= BUCKET_LOAD / 5) return all;
  return countRows(run.duck, `SELECT count(*) AS n FROM (${events})`);
}

async function countRows(duck: DuckDb, sql: string): Promise<number> {
  const [row] = await duck.rows(sql);
  return Number(row!['n']);
}

/**
 * Of a backfill of everything, and of all that Spark computes: each row that was read is counted, too late, rejected or
 * waiting. Counted are those that the computation reads, which knows nothing of the others.
 * @throws MAT_ACCOUNT when they do not add up: the source has changed while it was read
 */
async function checkAccount(
  { run, plan, source, extent }: Computation,
  counts: EventCounts,
  tiles: MadeTiles | null,
): Promise<void> {
  if (extent.mode !== 'everything' || (run.range.kind !== 'backfill' && tiles === null)) return;
  // One that came twice, or was taken back, is read as often as it stands there.
  const events = eventsSql(plan, { ...source, once: '' }, null, extent.toEdge);
  const found =
    tiles === null
      ? await countRows(run.duck, `SELECT count(*) AS n FROM (${events})`)
      : await tiles.countEvents();
  const counted = found - counts.idle;
  const { read, lateEvents, rejected, waiting } = counts;
  if (read === counted + lateEvents + rejected + waiting) return;
  throw materializerError(
    'MAT_ACCOUNT',
    `${read} events of ${run.view.id} were read, and ${counted} counted, ${lateEvents} too late, ${rejected} rejected, ` +
      `${waiting} waiting: that is not the same`,
  );
}

/** @throws MAT_CREATED_TIME */
export function requireLater(view: FeatureView, createdUs: number, replacedUs: number | null): void {
  if (replacedUs === null || createdUs > replacedUs) return;
  throw materializerError(
    'MAT_CREATED_TIME',
    `the run would correct rows of ${view.id} created at ${formatTimestamp(replacedUs)}, but its own time is ` +
      `${formatTimestamp(createdUs)}, which is no later: readers would keep the old values`,
  );
}
