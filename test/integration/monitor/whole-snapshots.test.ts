/** The monitor over a snapshot view: whom a snapshot took out is MISSING in the replay, too, from its run on. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runMaterialize } from '../../../materializer/materialize.ts';
import { explainRequest } from '../../../monitor/explain/explain.ts';
import { at } from '../../support/day-time.ts';
import { bundleOf, driverStats } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import type { Served } from '../../support/fixtures/monitored-day.ts';

let day: MonitoredDay;
beforeEach(async () => {
  const source = { ...driverStats().source, createdTime: null };
  day = await MonitoredDay.make({}, { kind: 'snapshot', source });
});
afterEach(() => day.remove());

async function load(time: string, ...drivers: readonly number[]): Promise<void> {
  const rows = drivers.map((driver) => ({ driver, event: '01:00:00', created: time, convRate: driver / 4 }));
  await day.writeDrivers(rows);
  day.project.setClock(at(time));
  await runMaterialize(day.project, bundleOf(day.driverStats), day.project.database);
}

const row = (driver: number, event: string, created: string, watermark: string): Served => ({
  row: { event, created, written: created, values: [driver / 4, null, null] },
  watermark,
});

test('a served tombstone agrees with the replay, and a row that outlived one does not', async () => {
  await load('05:00:00', 1, 2, 3);
  await load('10:00:00', 1, 3);
  await load('15:00:00', 1, 2, 3);
  const first = row(2, '01:00:00', '05:00:00', '05:00:00');
  day.serve('06:00:00', null, {}, 2, first);
  day.serve('11:00:00', null, {}, 2, { watermark: '10:00:00' });
  day.serve('16:00:00', null, {}, 2, row(2, '15:00:00', '15:00:00', '15:00:00'));
  day.serve('16:00:00', null, {}, 1, row(1, '01:00:00', '05:00:00', '15:00:00'));
  const stale = day.serve('11:30:00', null, {}, 2, { ...first, watermark: '10:00:00' });
  const snapshot = await day.judge('23:59:00');
  const found = snapshot.features.find(({ name }) => name === 'driver_stats__conv_rate')!;
  expect(found).toMatchObject({ unjudged: 0, present: 4, exact: 3, bothAbsent: 1 });
  expect(found.examples.map(({ requestId, causes }) => [requestId, causes[0]])).toEqual([
    [stale, 'missing online'],
  ]);
  const [explained] = await explainRequest(day.project, day.project.database, { requestId: stale });
  expect(JSON.stringify(explained)).toContain('a tombstone: its source had no row of the entity any more');
});

test('nothing is judged before the first run', async () => {
  await day.writeDrivers([{ driver: 1, event: '01:00:00', created: '01:00:00', convRate: 0.5 }]);
  day.serve('06:00:00', null, {}, 1, {});
  const { features } = await day.judge('23:59:00');
  expect(features.find(({ name }) => name === 'driver_stats__conv_rate')).toMatchObject({ unjudged: 1 });
});
