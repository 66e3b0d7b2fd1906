/** A run's record: as it begins, and as one line when it has ended. */
import { randomBytes } from 'node:crypto';
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Judgement } from '../history/refused-events.ts';
import { allowanceText, reasonsText } from './left-out.ts';
import { noWrites } from '../online/guard-outcome.ts';
import type { RunPlan } from './run-plan.ts';

/** What a run finds out before its record is closed. */
export type RunResult = Pick<
  RunRecord,
  | 'fromUs'
  | 'watermarkUs'
  | 'newestEventUs'
  | 'newestCreatedUs'
  | 'read'
  | 'counted'
  | 'excluded'
  | 'waiting'
  | 'historyRows'
  | 'written'
  | 'older'
  | 'equal'
  | 'conflict'
  | 'superseded'
  | 'rejected'
  | 'rejectReasons'
  | 'lateEvents'
  | 'latenessNeededUs'
>;

/** What the judgement of a run's events says in its record. */
export type JudgedResult = Pick<
  RunResult,
  | 'newestEventUs'
  | 'newestCreatedUs'
  | 'read'
  | 'counted'
  | 'excluded'
  | 'waiting'
  | 'rejected'
  | 'rejectReasons'
  | 'lateEvents'
  | 'latenessNeededUs'
>;

export function judgedResult(
  found: Pick<Judgement, 'judged' | 'rejected' | 'reasons' | 'newestEventUs' | 'newestCreatedUs'> &
    Partial<Pick<Judgement, 'excluded' | 'lateEvents' | 'latenessNeededUs' | 'waiting'>>,
): JudgedResult {
  const { judged, rejected, reasons, newestEventUs, newestCreatedUs } = found;
  const { excluded = 0, lateEvents = 0, latenessNeededUs = null, waiting = 0 } = found;
  return {
    newestEventUs,
    newestCreatedUs,
    read: judged,
    counted: judged - rejected - lateEvents - waiting,
    excluded,
    waiting,
    rejected,
    rejectReasons: Object.fromEntries(reasons),
    lateEvents,
    latenessNeededUs,
  };
}

/** The record of a run that begins at `startedUs`. */
export function beginRun(view: FeatureView, plan: RunPlan, bundle: string, startedUs: number): RunRecord {
  const { range, horizonUs } = plan;
  return {
    runId: `${formatTimestamp(startedUs).replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`,
    view: view.id,
    kind: range.kind,
    definitionId: view.definitionId,
    engine: 'duckdb',
    bundle,
    toUs: range.recordToUs,
    horizonUs,
    latenessUs: view.latenessUs,
    ttlUs: view.ttlUs,
    ...noWrites(),
    fromUs: range.fromUs,
    watermarkUs: range.watermarkUs,
    historyRows: 0,
    ...judgedResult({
      judged: 0,
      rejected: 0,
      reasons: new Map(),
      newestEventUs: null,
      newestCreatedUs: null,
    }),
    startedUs,
    finishedUs: null,
    state: 'running',
    error: null,
  };
}

/** @returns `orders: 3 rows to the history, 2 written, 1 rejected: 1 customer_id is null; complete up to ...` */
export function summaryOf(run: RunRecord): string {
  const parts = (['written', 'equal', 'older', 'conflict', 'superseded'] as const)
    .filter((name) => run[name] > 0)
    .map((name) => `${run[name]} ${name}`);
  if (run.historyRows > 0) parts.unshift(`${run.historyRows} rows to the history`);
  if (run.excluded > 0) parts.push(`${run.excluded} excluded by where`);
  if (run.waiting > 0) parts.push(`${run.waiting} waiting for their time`);
  if (run.lateEvents > 0) {
    const allowance = allowanceText(run.latenessNeededUs!);
    parts.push(
      `${run.lateEvents} ${run.lateEvents === 1 ? 'event' : 'events'} too late (lateness: ${allowance})`,
    );
  }
  if (run.rejected > 0) {
    parts.push(`${run.rejected} rejected: ${reasonsText(new Map(Object.entries(run.rejectReasons)))}`);
  }
  return `${run.view}: ${parts.join(', ') || 'nothing new'}; complete up to ${formatTimestamp(run.watermarkUs)}`;
}

/** @returns that the source has stopped, where its newest event is older than its freshness allows; else null */
export function silenceOf(
  view: Pick<FeatureView, 'id' | 'kind' | 'source' | 'sourceFreshnessUs'>,
  run: Pick<RunRecord, 'newestEventUs' | 'toUs'>,
): string | null {
  const { newestEventUs, toUs } = run;
  if (newestEventUs !== null && toUs - newestEventUs <= view.sourceFreshnessUs) return null;
  const what =
    newestEventUs === null ? 'has no event' : `has had no event since ${formatTimestamp(newestEventUs)}`;
  const limit = `its sourceFreshness is ${formatDuration(view.sourceFreshnessUs)}`;
  const served = view.kind === 'aggregated' ? '; its windows run empty and are served as such' : '';
  return `${view.id}: its source ${view.source.path} ${what}; ${limit}${served}`;
}

/** @returns that the view is older than its alert age though the run has just ended, else null */
export function stalenessOf(
  view: Pick<FeatureView, 'id' | 'freshnessAlertUs'>,
  { watermarkUs, toUs }: Pick<RunRecord, 'watermarkUs' | 'toUs'>,
): string | null {
  const ageUs = toUs - watermarkUs;
  if (ageUs <= view.freshnessAlertUs) return null;
  const since = watermarkUs === 0 ? 'up to no time' : `up to ${formatTimestamp(watermarkUs)}`;
  const limit = formatDuration(view.freshnessAlertUs);
  return `${view.id}: it is complete ${since} only, past its alert age of ${limit} (freshness.alert)`;
}

/** Adds up reasons of two kinds of rows. */
export function addReasons(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a };
  for (const [reason, rows] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + rows;
  return sum;
}

/** @returns the later of two times that may be unknown */
export function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
