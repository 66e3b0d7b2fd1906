/** What is usual of a day's runs, and the schedule that is simulated of it. */
import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { lateStartUs, scheduleOf, usualRun } from '../../../../monitor/whatif/simulated-runs.ts';

const HOUR = 60;

function run(startedUs: number, took: number, kind = 'ordinary'): RunRecord {
  return { kind, state: 'complete', startedUs, finishedUs: startedUs + took } as RunRecord;
}

describe('the usual run', () => {
  const DAY = { fromUs: 100 * HOUR, toUs: 110 * HOUR };
  const hours = [101, 102, 103, 104, 105].map((hour, i) => run(hour * HOUR + 2 + i, 10 + i));

  test('is the middle one of the ordinary runs of the day', () => {
    const others = [run(10 * HOUR + 50, 5), run(106 * HOUR + 40, 1, 'backfill')];
    expect(usualRun([...others, ...hours], HOUR, DAY)).toEqual({ durationUs: 12, phaseUs: 4 });
  });

  test('of a day without one, of all; without a schedule it has no phase', () => {
    expect(usualRun(hours, null, { fromUs: 0, toUs: 1 })).toEqual({ durationUs: 12, phaseUs: 0 });
    expect(usualRun([], HOUR, DAY)).toEqual({ durationUs: 0, phaseUs: 0 });
  });

  test('others begin after it by less than half of the schedule, or before it', () => {
    const usual = { durationUs: 10, phaseUs: 4 };
    const late = (us: number): number => lateStartUs(7 * HOUR + us, HOUR, usual);
    expect([4, 6, 33, 34, 3, 0].map(late)).toEqual([0, 2, 29, 0, 0, 0]);
    expect(lateStartUs(7 * HOUR + 6, null, usual)).toBe(0);
    expect(lateStartUs(55, HOUR, { durationUs: 1, phaseUs: 50 })).toBe(5);
    expect(lateStartUs(HOUR + 2, HOUR, { durationUs: 1, phaseUs: 58 })).toBe(4);
  });
});

describe('a schedule', () => {
  test('begins as long after its multiples as the usual run', () => {
    const usual = { durationUs: 10, phaseUs: 24 };
    expect(scheduleOf(HOUR, usual)).toEqual({ everyUs: HOUR, phaseUs: 24, durationUs: 10 });
    expect(scheduleOf(20, usual)).toEqual({ everyUs: 20, phaseUs: 4, durationUs: 10 });
  });

  test('has no runs at the same time', () => {
    const usual = { durationUs: 11, phaseUs: 7 };
    expect(scheduleOf(5, usual)).toEqual({ everyUs: 15, phaseUs: 7, durationUs: 11 });
    expect(scheduleOf(11, usual)).toMatchObject({ everyUs: 11 });
    expect(scheduleOf(5, { durationUs: 0, phaseUs: 0 })).toMatchObject({ everyUs: 5 });
  });
});
