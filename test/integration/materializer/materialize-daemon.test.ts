/** Views run by their schedule, on a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dueAfter, runDaemon } from '../../../materializer/daemon.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { FeatureView } from '../../../contract/model.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const at = (hours: number): number => START_US + hours * HOUR_US;
const view = driverStats({ scheduleUs: HOUR_US / 2 });

async function writeDrivers(event: number): Promise<void> {
  await project.writeParquet(
    'drivers',
    `SELECT 1::BIGINT AS driver_id, make_timestamp(${at(event)}) AS event_timestamp,
       make_timestamp(${at(event)}) AS created, 0.5 AS conv_rate, 1::BIGINT AS trips, ['a'] AS tags`,
  );
}

/** Runs the daemon until the clock has passed `untilHours`. @returns the runs, and how long it waited each time */
async function runUntil(
  of: FeatureView,
  untilHours: number,
  onWait: (nowUs: number) => void = () => {},
): Promise<{ runs: RunRecord[]; waitsUs: number[] }> {
  publishBundle(project.settings.bundles, bundleOf(of));
  const stop = new AbortController();
  const waitsUs: number[] = [];
  await runDaemon(project, project.database, {
    signal: stop.signal,
    async wait(us) {
      waitsUs.push(us);
      const nowUs = project.clock.nowUs() + us;
      project.setClock(nowUs);
      onWait(nowUs);
      if (nowUs >= at(untilHours)) stop.abort('SIGTERM');
    },
  });
  return { runs: await project.database.runs({ view: of.id }), waitsUs };
}

const startedAt = (runs: readonly RunRecord[]): number[] =>
  runs.map((run) => (run.startedUs - START_US) / HOUR_US);

describe('a view', () => {
  test('runs at once when it never did, then on the grid of its schedule, and ends when asked to', async () => {
    await writeDrivers(0);
    project.setClock(at(0.2));
    const { runs, waitsUs } = await runUntil(view, 1.9);
    expect(startedAt(runs)).toEqual([0.2, 0.5, 1, 1.5]);
    expect(runs.every(({ state }) => state === 'complete')).toBe(true);
    // What is applied meanwhile is noticed within a minute.
    expect(Math.max(...waitsUs)).toBe(60_000_000);
    expect(project.said[0]).toBe('runs by schedule: driver_stats every 30m');
    expect(project.said.at(-1)).toBe('ended by SIGTERM');
  });

  test('that missed its times runs once, and goes on from the last run of another process', async () => {
    await writeDrivers(0);
    project.setClock(at(1));
    await runUntil(view, 1.01);
    project.setClock(at(1.2));
    await runUntil(view, 1.3);
    project.setClock(at(4.2));
    expect(startedAt((await runUntil(view, 4.6)).runs)).toEqual([1, 4.2, 4.5]);
  });

  test('that fails is told and tried again at its next time', async () => {
    project.setClock(at(0.2));
    const { runs } = await runUntil(view, 1.1, () => {});
    expect(runs.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
    expect(startedAt(runs)).toEqual([0.2, 0.5, 1]);
    expect(project.said.find((line) => line.startsWith('driver_stats failed'))).toMatch(
      /^driver_stats failed, next at 2026-01-01T00:30:00Z: .*drivers/,
    );
  });

  test('gets a new schedule when one is applied meanwhile', async () => {
    await writeDrivers(0);
    project.setClock(at(0.2));
    const { runs } = await runUntil(view, 2.1, (nowUs) => {
      if (nowUs > at(0.6))
        publishBundle(project.settings.bundles, bundleOf(driverStats({ scheduleUs: HOUR_US })));
    });
    expect(startedAt(runs)).toEqual([0.2, 0.5, 1, 2]);
  });
});

test('without any schedule, or for a view that is not there, it says so', async () => {
  await expect(runUntil(driverStats(), 1)).rejects.toMatchObject({ code: 'MAT_SCHEDULE' });
  publishBundle(project.settings.bundles, bundleOf(view));
  const signal = new AbortController().signal;
  await expect(runDaemon(project, project.database, { views: ['nope'], signal })).rejects.toMatchObject({
    code: 'MAT_UNKNOWN_VIEW',
  });
});

test('a schedule is due at its whole multiples', () => {
  expect(dueAfter(10, null)).toBe(0);
  expect([19, 20, 21].map((us) => dueAfter(10, us))).toEqual([20, 30, 30]);
});
