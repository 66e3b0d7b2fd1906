/** Whether a view is fresh online, and how its last run went: from its run records. Pure. */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { spanText } from '../causes/evidence-text.ts';
import type { HealthCheck } from './health-check.ts';

/** @param runs  the view's, in order of their start */
export function viewHealth(view: FeatureView, runs: readonly RunRecord[], nowUs: number): HealthCheck[] {
  return [freshness(view, runs, nowUs), lastRun(view, runs, nowUs)];
}

function freshness(view: FeatureView, runs: readonly RunRecord[], nowUs: number): HealthCheck {
  const { id, freshnessUs, freshnessAlertUs } = view;
  const of = { check: 'freshness', of: id, unit: 'seconds', limit: freshnessAlertUs / 1e6 } as const;
  const marks = runs.filter(({ state }) => state === 'complete').map(({ watermarkUs }) => watermarkUs);
  if (marks.length === 0) {
    return { ...of, state: 'unknown', value: null, why: 'no run of it is complete yet: `plumb materialize`' };
  }
  const watermarkUs = marks.reduce((newest, us) => Math.max(newest, us));
  const ageUs = Math.max(0, nowUs - watermarkUs);
  const past =
    ageUs > freshnessAlertUs
      ? `, past its alert age of ${formatDuration(freshnessAlertUs)}`
      : ageUs > freshnessUs
        ? `, past its freshness of ${formatDuration(freshnessUs)}`
        : '';
  const why = `complete up to ${minute(watermarkUs)}, ${spanText(ageUs)} ago${past}`;
  return { ...of, state: ageUs > freshnessAlertUs ? 'bad' : 'good', value: ageUs / 1e6, why };
}

/**
 * A run that takes longer than the time to the next one falls behind; one that never ended was mostly killed. A
 * backfill takes as long as it takes: whether the view falls behind meanwhile is told by its freshness.
 */
function lastRun(view: FeatureView, runs: readonly RunRecord[], nowUs: number): HealthCheck {
  const last = runs.at(-1);
  const isBackfill = last?.kind === 'backfill';
  const limitUs = isBackfill ? null : (view.scheduleUs ?? view.freshnessAlertUs);
  const limit = limitUs === null ? null : limitUs / 1e6;
  const of = { check: 'last run', of: view.id, unit: 'seconds', limit } as const;
  if (last === undefined) return { ...of, state: 'unknown', value: null, why: 'it was never run' };
  const { state, startedUs, finishedUs, error } = last;
  const tookUs = (finishedUs ?? nowUs) - startedUs;
  const value = tookUs / 1e6;
  const began = `${isBackfill ? 'backfill' : 'run'} of ${minute(startedUs)}`;
  const isLong = limitUs !== null && tookUs > limitUs;
  if (state === 'failed') {
    return { ...of, state: 'bad', value, why: `the ${began} failed: ${error ?? 'it does not say why'}` };
  }
  if (state === 'running') {
    const why = `the ${began} has not ended after ${spanText(tookUs)}`;
    return { ...of, state: isLong ? 'bad' : 'good', value, why: isLong ? `${why}: was it killed?` : why };
  }
  const over = isLong ? `, more than ${formatDuration(limitUs)}` : '';
  const why = `the ${began} is complete, in ${spanText(tookUs)}${over}`;
  return { ...of, state: isLong ? 'bad' : 'good', value, why };
}

function minute(us: number): string {
  return formatTimestamp(us).slice(0, 16).replace('T', ' ');
}
