/** A run's record: as it begins, what it says when the run is complete, and the same in words. */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { shardText } from '../../contract/run-set.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { allowanceText, reasonsText } from './left-out.ts';
import { addReasons, later, NO_ROWS, recordedCounts } from './row-counts.ts';
import type { RecordedCounts } from './row-counts.ts';
import type { PlannedRun } from './view-run.ts';

/** The record of a run that begins. */
export function beginRun(
  run: Pick<PlannedRun, 'view' | 'bundle' | 'runId' | 'startedUs' | 'range' | 'shard'>,
): RunRecord {
  const { view, range, startedUs } = run;
  return {
    runId: run.runId,
    view: view.id,
    kind: range.kind,
    definitionId: view.definitionId,
    engine: 'duckdb',
    bundle: run.bundle.hash,
    toUs: range.recordToUs,
    horizonUs: range.horizonUs,
    latenessUs: view.latenessUs,
    ttlUs: view.ttlUs,
    written: 0,
    older: 0,
    equal: 0,
    conflict: 0,
    superseded: 0,
    fromUs: range.fromUs,
    watermarkUs: range.watermarkUs,
    historyRows: 0,
    ...recordedCounts(NO_ROWS),
    ...(run.shard === null ? {} : { shard: run.shard }),
    startedUs,
    finishedUs: null,
    state: 'running',
    error: null,
  };
}

/** What the record says of a history's events, and of the rows that were appended. */
export type AppendedHistory = RecordedCounts & Pick<RunRecord, 'historyRows' | 'fromUs'>;

/** What it says of the rows that were chosen and written online. */
export type PublishedRows = RecordedCounts &
  Pick<RunRecord, 'written' | 'older' | 'equal' | 'conflict' | 'superseded' | 'resumed'>;

/**
 * What a run found out.
 * @param history  null of a stored view, whose rows are counted when they are published
 */
export function resultOf(
  { range }: Pick<PlannedRun, 'range'>,
  history: AppendedHistory | null,
  online: PublishedRows,
): Partial<RunRecord> {
  const seen = history ?? online;
  const carried = range.full ? null : range.previous;
  return {
    ...online,
    ...history,
    rejected: (history?.rejected ?? 0) + online.rejected,
    rejectReasons: addReasons(history?.rejectReasons ?? {}, online.rejectReasons),
    newestEventUs: later(seen.newestEventUs, carried?.newestEventUs ?? null),
    newestCreatedUs: later(seen.newestCreatedUs, carried?.newestCreatedUs ?? null),
    snapshot: seen.snapshot ?? null,
    fromUs: range.kind === 'backfill' ? range.fromUs : (history?.fromUs ?? range.fromUs),
    watermarkUs: range.watermarkUs,
  };
}

/** @returns `orders: 3 rows to the history, 2 written, 1 rejected: 1 customer_id is null; complete up to ...` */
export function summaryOf(run: RunRecord): string {
  const parts = (['written', 'equal', 'older', 'conflict', 'superseded'] as const)
    .filter((name) => run[name] > 0)
    .map((name) => `${run[name]} ${name}`);
  if (run.resumed !== undefined && run.resumed > 0) parts.push(`${run.resumed} online already`);
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
  const part = run.shard === undefined ? '' : `, shard ${shardText(run.shard)}`;
  return `${run.view}${part}: ${parts.join(', ') || 'nothing new'}; complete up to ${formatTimestamp(run.watermarkUs)}`;
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
