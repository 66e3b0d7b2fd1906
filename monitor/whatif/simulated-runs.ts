/**
 * Runs that keep to an interval: when they would have brought each row, and how far the view would have been.
 *
 *   phase       phase + interval
 *   | run |     | run |          a row is online from the end of the first run that begins when it is known, or later
 *
 * They take as long as the day's runs usually did, begin as long after the whole multiples of their interval as these
 * began after those of the schedule, and never fail.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { AskedSpan } from './asked-rows.ts';
import { MARKS, endedRuns } from './published-rows.ts';

/** How runs would go: as they went, or one every so often. */
export type Schedule = {
  readonly everyUs: number;
  readonly phaseUs: number;
  readonly durationUs: number;
} | null;

/** What is usual of the day's ordinary runs, or of all where the day has none: the middle one of each. */
interface UsualRun {
  readonly durationUs: number;
  /** How long after the whole multiple of the schedule they begin; 0 without a schedule. */
  readonly phaseUs: number;
}

export function usualRun(
  runs: readonly RunRecord[],
  scheduleUs: number | null,
  { fromUs, toUs }: Pick<AskedSpan, 'fromUs' | 'toUs'>,
): UsualRun {
  const ordinary = endedRuns(runs).filter(({ kind }) => kind !== 'backfill');
  const ofDay = ordinary.filter(({ startedUs, finishedUs }) => finishedUs >= fromUs && startedUs <= toUs);
  const usual = ofDay.length > 0 ? ofDay : ordinary;
  const phases = scheduleUs === null ? [] : usual.map(({ startedUs }) => startedUs % scheduleUs);
  return {
    durationUs: middleOf(usual.map(({ startedUs, finishedUs }) => finishedUs - startedUs)),
    phaseUs: middleOf(phases),
  };
}

/** @returns how long after the usual time of its interval a run began; 0: before it, or there is no schedule */
export function lateStartUs(startedUs: number, scheduleUs: number | null, { phaseUs }: UsualRun): number {
  if (scheduleUs === null) return 0;
  const afterUs = (((startedUs - phaseUs) % scheduleUs) + scheduleUs) % scheduleUs;
  return afterUs < scheduleUs / 2 ? afterUs : 0;
}

/** @returns the lower one of two in the middle; 0 of none */
function middleOf(all: readonly number[]): number {
  const sorted = all.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

/** @param askedUs  the interval; the next run begins when the one before has ended, so that it is a multiple of this */
export function scheduleOf(askedUs: number, { durationUs, phaseUs }: UsualRun): NonNullable<Schedule> {
  const everyUs = Math.max(1, Math.ceil(durationUs / askedUs)) * askedUs;
  return { everyUs, durationUs, phaseUs: phaseUs % everyUs };
}

/** @returns SQL of the time from which a row of `publishedSql` is online; NULL: it never is */
export function onlineFromSql(schedule: Schedule): string {
  if (schedule === null) return 'real_us';
  const { everyUs, phaseUs, durationUs } = schedule;
  const first = `((known_us - ${phaseUs} + ${everyUs - 1}) // ${everyUs}) * ${everyUs}`;
  // A backfill is started by hand, whatever the schedule.
  return `CASE WHEN is_backfill THEN real_us ELSE ${first} + ${phaseUs + durationUs} END`;
}

/** @returns SQL of the online watermark at `x`, a column of `rows`, as `watermark_us`; NULL: no run had ended */
export function withWatermarkSql(
  view: Pick<FeatureView, 'kind' | 'hopUs' | 'outOfOrderUs'>,
  schedule: Schedule,
  rows: string,
): string {
  if (schedule === null) {
    return `SELECT a.*, m.watermark_us FROM ${rows} a ASOF LEFT JOIN ${MARKS} m ON a.x >= m.online_us`;
  }
  const { everyUs, phaseUs, durationUs } = schedule;
  const start = `((x - ${phaseUs + durationUs}) // ${everyUs}) * ${everyUs} + ${phaseUs}`;
  const edge =
    view.kind === 'stored' ? start : `((${start} - ${view.outOfOrderUs}) // ${view.hopUs}) * ${view.hopUs}`;
  return `SELECT *, ${edge} AS watermark_us FROM ${rows}`;
}
