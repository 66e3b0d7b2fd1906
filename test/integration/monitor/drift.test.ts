/** Drift end to end: a training set from a real history, a served day from a real spool, and weeks before it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { DayDrift } from '../../../monitor/drift/day-drift.ts';
import type { ServedSketches } from '../../../monitor/drift/sketch-folder.ts';
import { withDay } from '../../../monitor/run.ts';
import { sketchesFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { exitCodeOf } from '../../../monitor/verdict/verdict.ts';
import { seenHistory } from '../../../project/history/history-place.ts';
import { runTrain } from '../../../training/train.ts';
import { DAY, at } from '../../support/day-time.ts';
import { LOG_KEY, MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';
import { orders } from '../../support/fixtures/materialized-project.ts';

const SETTLED = '2026-01-10T00:00:00';
const WEEK_BEFORE = '2025-12-26';
const CUSTOMERS = 200;

let day: MonitoredDay;

afterEach(async () => {
  await day.remove();
});

/** Every customer has a row at 01:00 and another at 05:00 that is `times` as large. */
async function makeHistory(times: number): Promise<OrderRow[]> {
  const row = (i: number, hour: string, factor: number): OrderRow => ({
    customer: `c-${i}`,
    event: `${hour}:00:00`,
    created: `${hour}:05:00`,
    run: `r-${hour}`,
    values: [BigInt(i % 7), (i + 1) * factor],
  });
  const early = Array.from({ length: CUSTOMERS }, (_, i) => row(i, '01', 1));
  const late = Array.from({ length: CUSTOMERS }, (_, i) => row(i, '05', times));
  await day.appendOrders([...early, ...late]);
  await day.setWatermark('23:00:00');
  for (const hour of ['01', '05', '23']) {
    const ended = at(`${hour}:05:00`);
    await day.record(day.orders, { runId: `r-${hour}`, watermarkUs: at(`${hour}:00:00`), finishedUs: ended });
  }
  await day.writeDrivers([
    { driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 },
    { driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 },
  ]);
  await day.record(day.driverStats, { runId: 's', watermarkUs: at('23:30:00'), finishedUs: at('23:31:00') });
  return late;
}

/** A training set of what the customers had at 02:00. */
async function train(name = 'set'): Promise<void> {
  const { folder } = day.project.settings;
  const labels = Array.from({ length: CUSTOMERS }, (_, i) => `${DAY}T02:00:00Z,c-${i},1`);
  const file = join(folder, 'labels.csv');
  writeFileSync(file, `event_timestamp,customer_id,driver_id\n${labels.join('\n')}\n`);
  day.project.setClock(at('03:00:00'));
  await runTrain(day.project, { labels: file, service: 'churn', out: join(folder, 'set.csv'), name });
}

const driverServed = {
  row: { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] },
  watermark: '06:00:00',
};

function serve(rows: readonly OrderRow[], time = '06:30:00'): void {
  for (const { customer, event, created, values } of rows)
    day.serve(time, customer, { row: { event, created, values }, watermark: '06:00:00' }, 1, driverServed);
}

function featureOf(snapshot: Snapshot, name: string): FeatureSnapshot {
  return snapshot.features.find((one) => one.name === name)!;
}

function sketchesOf(date = DAY): ServedSketches {
  const file = sketchesFile(day.project.settings.reports, 'churn', date);
  return JSON.parse(readFileSync(file, 'utf8')) as ServedSketches;
}

test('one vector an entity, beside the newest training set: what moved is told, and moves no verdict', async () => {
  day = await MonitoredDay.make();
  const rows = await makeHistory(2);
  await train();
  const [manifest] = await day.project.database.trainingSets({ most: 1 });
  const commit = (await seenHistory(day.project.settings, day.orders))!.version;
  expect(manifest!.views).toMatchObject([
    { view: 'orders', watermarkUs: at('23:00:00'), commit, entry: expect.stringMatching(/^[0-9a-f]{16}$/) },
    { view: 'driver_stats', watermarkUs: null, commit: null },
  ]);
  serve(rows);
  // One customer asks all day: it counts once.
  for (let i = 0; i < 50; i++) serve(rows.slice(7, 8), '07:30:00');
  day.serve('08:00:00', 'c-3', { status: 'UNAVAILABLE' }, 1, driverServed);
  const snapshot = await day.judge(SETTLED);
  expect(snapshot.drift).toEqual({
    training: { name: 'set', madeAt: `${DAY}T03:00:00.000000Z`, rows: CUSTOMERS },
    weekdays: [],
    sets: 1,
  });
  const spent = featureOf(snapshot, 'orders__spent_1d').drift!;
  expect(spent).toMatchObject({
    training: {
      rows: { reference: CUSTOMERS, served: CUSTOMERS },
      nulls: { reference: 0, served: 0 },
      ordered: { ks: { d: 0.5, within: 0.001, sign: 1 }, mean: { reference: 100.5, served: 201 } },
      level: 'alarm',
    },
    weekday: null,
    mean: null,
  });
  expect(spent.training!.ordered!.wasserstein).toBeCloseTo(100.5, 0);
  const { edges, reference, served, psi } = spent.training!.ordered!.bins!;
  expect([edges.length, reference.length, served.length]).toEqual([9, 10, 10]);
  expect(served.reduce((sum, count) => sum + count, 0)).toBe(CUSTOMERS);
  expect(psi).toBeGreaterThan(0.25);
  expect(featureOf(snapshot, 'orders__orders_1d').drift!.training).toMatchObject({
    ordered: { ks: { d: 0 } },
    level: 'none',
  });
  expect(featureOf(snapshot, 'driver_stats__conv_rate').drift!.training).toMatchObject({
    rows: { reference: CUSTOMERS, served: 1 },
    level: 'none',
  });
  expect(snapshot).toMatchObject({ verdict: 'pass', findings: [] });
  expect(exitCodeOf([snapshot.verdict])).toBe(0);
});

test('beside the same weekday of the last weeks, by the sketches that those days left', async () => {
  day = await MonitoredDay.make();
  serve(await makeHistory(2));
  const { reports } = day.project.settings;
  expect((await day.judge(SETTLED)).drift).toEqual({ training: null, weekdays: [], sets: 0 });
  expect(sketchesOf().features['orders__spent_1d']).toMatchObject({
    type: 'float64',
    sketch: { rows: CUSTOMERS },
  });
  const weekBefore = JSON.stringify({ ...sketchesOf(), date: WEEK_BEFORE });
  writeFileSync(sketchesFile(reports, 'churn', WEEK_BEFORE), weekBefore);
  const again = await day.judge(SETTLED);
  expect(again.drift!.weekdays).toEqual([WEEK_BEFORE]);
  expect(featureOf(again, 'orders__spent_1d').drift).toMatchObject({
    training: null,
    weekday: {
      rows: { reference: CUSTOMERS, served: CUSTOMERS },
      ordered: { ks: { d: 0, p: 1 } },
      level: 'none',
    },
  });

  writeFileSync(sketchesFile(reports, 'churn', WEEK_BEFORE), '{"version": 1, "feat');
  expect((await day.judge(SETTLED)).drift!.weekdays).toEqual([]);
  writeFileSync(sketchesFile(reports, 'churn', WEEK_BEFORE), JSON.stringify(sketchesOf()));
  expect((await day.judge(SETTLED)).drift!.weekdays).toEqual([]);
  expect(day.project.said.join('\n')).toContain(`the sketches of ${WEEK_BEFORE} are of ${DAY}, version 1`);
  expect(day.project.said.join('\n')).toContain(`the sketches of ${WEEK_BEFORE} cannot be read`);
});

test('mean and deviation beside five training sets: outside what they let expect, for review', async () => {
  day = await MonitoredDay.make();
  const rows = await makeHistory(2);
  for (let i = 0; i < 5; i++) await train(`set-${i}`);
  serve(rows);
  const { mean, standardDeviation } = featureOf(await day.judge(SETTLED), 'orders__spent_1d').drift!;
  expect(mean).toMatchObject({ served: 201, sets: 5, outside: true, z: null });
  expect(mean!.low).toBeCloseTo(100.5, 6);
  expect(standardDeviation).toMatchObject({ sets: 5, outside: true });
});

test('a feature that stays out of the log has no sketch, and one whose rows are missing has its fallback’s', async () => {
  const features = orders().features.map((one) => {
    return one.name === 'orders_1d' ? { ...one, log: 'drop' as const } : { ...one, missing: -1 };
  });
  day = await MonitoredDay.make({ features });
  serve(await makeHistory(2), '06:30:00');
  day.serve('06:30:00', 'nobody', { watermark: '06:00:00' }, 1, driverServed);
  const snapshot = await day.judge(SETTLED, LOG_KEY.id);
  expect(featureOf(snapshot, 'orders__orders_1d').drift).toBeUndefined();
  expect(Object.keys(sketchesOf().features)).toEqual(['orders__spent_1d', 'driver_stats__conv_rate']);
  const { sketch } = sketchesOf().features['orders__spent_1d']!;
  expect([sketch.rows, sketch.ordered!.quantiles[0]]).toEqual([CUSTOMERS + 1, -1]);
});

test.each([
  ['in all', 'PRESENT'],
  ['in some alone', 'UNAVAILABLE'],
] as const)(
  'roles of one key have the same vectors sketched where each has a row (%s)',
  async (_, status) => {
    day = await MonitoredDay.make();
    const again = SERVICE.features[1]!;
    day.publish(day.orders, {
      ...SERVICE,
      features: [...SERVICE.features, { ...again, fullName: 'again__spent_1d', role: 'again' }],
      views: [...SERVICE.views, { role: 'again', view: 'orders', requestKeys: ['customer_id'] }],
    });
    await makeHistory(2);
    const row = { event: '05:00:00', created: '05:05:00' };
    // Each vector has a value of its own, so that the sketches tell which ones were chosen.
    for (let i = 0; i < 90; i++) {
      const time = `06:${String(10 + Math.floor(i / 3))}:00`;
      const served = { row: { ...row, values: [1n, i] }, watermark: '06:00:00' };
      const other = { row: { ...row, values: [1n, 1_000 + i] }, watermark: '06:00:00' };
      day.append(time, { customer_id: `c-${i % 30}`, driver_id: '1' }, [
        servedRow(day.orders, time, served),
        servedRow(day.driverStats, time, driverServed),
        servedRow(day.orders, time, i < 60 || status === 'PRESENT' ? other : { status }, 'again'),
      ]);
    }
    await day.judge(SETTLED);
    const { features } = sketchesOf();
    const [spent, spentAgain] = ['orders__spent_1d', 'again__spent_1d'].map((name) => features[name]!.sketch);
    expect([spent!.rows, spentAgain!.rows]).toEqual([30, 30]);
    const values = spent!.ordered!.quantiles;
    // The number of the vector tells its customer: each has one.
    expect(new Set(values.map((value) => value! % 30)).size).toBe(30);
    const shifted = values.map((value) => value! + 1_000);
    if (status === 'PRESENT') expect(spentAgain!.ordered!.quantiles).toEqual(shifted);
    else expect(Math.max(...spentAgain!.ordered!.quantiles.map((value) => value!))).toBeLessThan(1_060);
  },
);

/** Sketches but for the last digits of sums, which follow from the order of rows. */
function rounded(sketches: ServedSketches): unknown {
  const digits = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(10)) : value;
  return JSON.parse(JSON.stringify(sketches, digits));
}

test('the tables of the replay give the sketches that the archive gives', async () => {
  const features = orders().features.map((one) => (one.name === 'spent_1d' ? { ...one, missing: -1 } : one));
  day = await MonitoredDay.make({ features });
  const late = await makeHistory(2);
  for (const [i, { customer, event, created, values }] of late.entries()) {
    const row = { event, created, values };
    const served = [
      { row, watermark: '06:00:00' },
      { row: { ...row, values: [values[0], i + 0.5] }, watermark: '06:00:00' },
      { row: { ...row, values: [null, Number.NaN] }, watermark: '06:00:00' },
      { status: 'MISSING', watermark: '06:00:00' },
      { status: 'UNAVAILABLE' },
    ] as const;
    for (const [j, time] of ['06:30:00', '06:40:00', '07:10:00'].entries())
      day.serve(time, customer, served[(i * 7 + j * 3) % served.length]!, 1, driverServed);
    // The history has nothing of these, and had nothing before its first row.
    day.serve('06:30:00', `nobody-${i % 9}`, { watermark: '06:00:00' }, 1 + (i % 2), driverServed);
    day.serve('00:30:00', customer, { watermark: '00:00:00' }, 1, {});
  }
  await day.judge(SETTLED);
  const laid = sketchesOf();
  await withDay(day.project, day.project.database, { date: DAY }, async (opened, [served]) => {
    await (await DayDrift.begin(opened, served!)).end();
  });
  expect(rounded(laid)).toEqual(rounded(sketchesOf()));
  expect(laid.features['orders__spent_1d']!.sketch.rows).toBeGreaterThan(CUSTOMERS / 2);
});
