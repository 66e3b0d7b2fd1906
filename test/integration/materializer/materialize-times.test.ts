/** What the times of views and sources do to whole runs: a watermark that goes by events, and what lies ahead of it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dryRun } from '../../../materializer/dry-run.ts';
import { runJob, runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import { readHistory } from '../../../project/history/history-snapshot.ts';
import type { FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  orders,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject({ 'materialize.maxRejectedShare': '0.9' });
});
afterEach(() => project.remove());

const MINUTE_US = HOUR_US / 60;
const at = (hours: number): number => START_US + hours * HOUR_US;

async function run(view: FeatureView, options: MaterializeOptions = {}): Promise<RunRecord> {
  const [record] = await runMaterialize(project, bundleOf(view), project.database, options);
  return record!;
}

/** Orders of customer a: [ordered, loaded], hours after the start; null: the source has no created times. */
async function writeOrders(name: string, rows: readonly (readonly [number, number | null])[]): Promise<void> {
  const selects = rows.map(
    ([event, created]) =>
      `SELECT 'a' AS customer_id, make_timestamp(${at(event)}) AS ordered_at, 1.0::DOUBLE AS total
       ${created === null ? '' : `, make_timestamp(${at(created)}) AS loaded_at`}`,
  );
  await project.writeParquet(name, selects.join(' UNION ALL '));
}

describe('watermark: events', () => {
  const base = orders();
  const view = orders({ watermark: 'events', outOfOrderUs: 10 * MINUTE_US });
  const uncreated = orders({ ...view, source: { ...base.source, createdTime: null } });

  test.each([
    ['a source with created times', view, true],
    ['a source without', uncreated, false],
  ])('holds the view at the newest event of %s, and never goes back', async (_, of, created) => {
    const load = (name: string, loaded: number, ...hours: number[]): Promise<void> =>
      writeOrders(
        name,
        hours.map((hour) => [hour, created ? loaded : null] as const),
      );
    await load('orders1', 4, 0.5, 3.2);
    project.setClock(at(9));
    const first = await run(of);
    // 3.2 h less 10 minutes is behind the edge of 3 h; the event of 3.2 h waits for its own edge.
    expect(first).toMatchObject({ watermarkUs: at(3), toUs: at(9), read: 2, counted: 1, waiting: 1 });
    expect((await readHistory(project.settings.history, of))!.lastMark()).toMatchObject({
      watermarkUs: at(3),
    });
    // No new event: the windows do not run empty, whatever time it is.
    project.setClock(at(40));
    expect(await run(of)).toMatchObject({ watermarkUs: at(3), historyRows: 0 });
    // 5 h less 10 minutes lies before the edge of 5 h.
    await load('orders2', 40.5, 5);
    project.setClock(at(41));
    expect(await run(of)).toMatchObject({ watermarkUs: at(4) });
    await load('orders3', 41.5, 5.2, 1_000);
    project.setClock(at(42));
    expect(await run(of)).toMatchObject({ watermarkUs: at(5), newestEventUs: at(5.2) });
    expect(await run(of, { full: true })).toMatchObject({ watermarkUs: at(5), historyRows: 0 });
    const dry = await dryRun(runJob(project, bundleOf(of), project.database, {}), of);
    expect(dry).toMatchObject({ watermarkUs: at(5), historyRows: 0 });
  });

  test('says that a view is past its alert age though the run is done', async () => {
    const promised = orders({ ...view, freshnessAlertUs: 5 * HOUR_US });
    await writeOrders('orders', [[3.5, 3.5]]);
    project.setClock(at(8));
    await run(promised);
    expect(project.said.join('\n')).not.toContain('alert age');
    project.setClock(at(9));
    await run(promised);
    expect(project.said).toContain(
      'orders: it is complete up to 2026-01-01T03:00:00.000000Z only, past its alert age of 5h (freshness.alert)',
    );
  });

  test('a source without an event holds the view at no time at all', async () => {
    await writeOrders('orders', [[30, 1]]);
    project.setClock(at(9));
    expect(await run(view)).toMatchObject({ watermarkUs: 0, waiting: 1, historyRows: 0 });
  });

  test('a stored view serves what is there, and is complete up to its newest row', async () => {
    const stored = driverStats({ watermark: 'events', outOfOrderUs: MINUTE_US });
    await writeDrivers([1, 1, 1]);
    project.setClock(at(9));
    expect(await run(stored)).toMatchObject({ written: 1, watermarkUs: at(1) - MINUTE_US, toUs: at(9) });
  });
});

/** Rows of drivers: [driver, event, created], hours after the start. */
async function writeDrivers(...rows: (readonly [number, number, number | null])[]): Promise<void> {
  const selects = rows.map(
    ([driver, event, created]) =>
      `SELECT ${driver}::BIGINT AS driver_id, make_timestamp(${at(event)}) AS event_timestamp,
       ${created === null ? 'NULL::TIMESTAMP' : `make_timestamp(${at(created)})`} AS created,
       0.5::DOUBLE AS conv_rate, 1::BIGINT AS trips, ['a'] AS tags`,
  );
  await project.writeParquet('drivers', selects.join(' UNION ALL '));
}

describe('maxAhead', () => {
  const maxAheadUs = HOUR_US;

  test('rejects an event of a wrong clock by name, once and for all; a nearer one waits', async () => {
    const base = orders();
    const view = orders({ source: { ...base.source, maxAheadUs } });
    await writeOrders('orders', [
      [0.5, 1],
      [2, 1],
      [2.1, 1],
      [900, 1],
    ]);
    project.setClock(at(1.5));
    expect(await run(view)).toMatchObject({
      read: 4,
      counted: 1,
      waiting: 1,
      rejected: 2,
      rejectReasons: { 'event time is more than 1h ahead of loaded_at: a wrong clock wrote it': 2 },
    });
    expect(project.said.at(-1)).toContain(
      '1 waiting for their time, 2 rejected: 2 event time is more than 1h',
    );
    project.setClock(at(5));
    expect(await run(view)).toMatchObject({ read: 0, historyRows: 1 });
    // What is judged does not hang on when: a full run says the same.
    expect(await run(view, { full: true })).toMatchObject({
      read: 4,
      counted: 2,
      rejected: 2,
      historyRows: 0,
    });
  });

  test('is counted from the run where there is no created time', async () => {
    const base = orders();
    const view = orders({ source: { ...base.source, createdTime: null, maxAheadUs } });
    await writeOrders('orders', [
      [0.5, null],
      [2.4, null],
      [2.6, null],
    ]);
    project.setClock(at(1.5));
    expect(await run(view)).toMatchObject({
      counted: 1,
      waiting: 1,
      rejectReasons: { 'event time is more than 1h ahead of the run: a wrong clock wrote it': 1 },
    });
  });

  test('of a stored view: rejected, waiting, and written when it is due', async () => {
    const base = driverStats();
    const view = driverStats({ source: { ...base.source, maxAheadUs } });
    await writeDrivers([1, 1, 1], [2, 2.5, 1.5], [3, 2.6, 1.5], [4, 2.4, null], [5, 3, null]);
    project.setClock(at(1.75));
    expect(await run(view)).toMatchObject({
      read: 5,
      written: 1,
      waiting: 2,
      rejected: 2,
      rejectReasons: {
        'event time is more than 1h ahead of created: a wrong clock wrote it': 1,
        'event time is more than 1h ahead of the run: a wrong clock wrote it': 1,
      },
    });
    project.setClock(at(2.5));
    expect(await run(view)).toMatchObject({ written: 2, rejected: 0 });
  });
});

test('each run writes what the last runs say to the metrics of the project, a failed one too', async () => {
  await project.remove();
  project = await makeProject({ 'materialize.metrics': 'metrics/plumbline.prom' });
  const file = join(project.settings.folder, 'metrics/plumbline.prom');
  const metric = (name: string): string[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`plumbline_${name}{`))
      .map((line) => line.slice('plumbline_'.length));
  await writeOrders('orders', [
    [0.5, 1],
    [9, 1],
  ]);
  project.setClock(at(2));
  await run(orders());
  const seconds = (hours: number): number => at(hours) / 1e6;
  expect(metric('view_watermark_timestamp_seconds')).toEqual([
    `view_watermark_timestamp_seconds{view="orders"} ${seconds(2)}`,
  ]);
  expect(metric('source_newest_event_timestamp_seconds')).toEqual([
    `source_newest_event_timestamp_seconds{view="orders"} ${seconds(0.5)}`,
  ]);
  expect(metric('view_freshness_alert_seconds')).toEqual([
    'view_freshness_alert_seconds{view="orders"} 172800',
  ]);
  expect(metric('view_waiting_rows')).toEqual(['view_waiting_rows{view="orders"} 1']);
  expect(metric('view_last_run_failed')).toEqual(['view_last_run_failed{view="orders"} 0']);
  await project.writeParquet('orders', 'SELECT 1 AS nothing');
  project.setClock(at(3));
  await expect(run(orders())).rejects.toThrow();
  expect(metric('view_last_run_failed')).toEqual(['view_last_run_failed{view="orders"} 1']);
  expect(metric('view_watermark_timestamp_seconds')).toHaveLength(1);
  expect(statSync(file).mode & 0o777).toBe(0o644);
});
