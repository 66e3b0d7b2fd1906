/** Rows that are not what the history holds of them: which run wrote them, and what the history held before. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { explainRequest } from '../../../monitor/explain/explain.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import { historyFolder } from '../../../project/history/history-folder.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { at } from '../../support/day-time.ts';

const SETTLED = '2026-01-10T00:00:00';
const TIMES = { event: '11:00:00', created: '11:01:00' };

let day: MonitoredDay;
afterEach(() => day.remove());

async function makeDay(): Promise<void> {
  day = await MonitoredDay.make();
  await day.writeDrivers([{ driver: 2, event: '09:00:00', created: '09:00:00', convRate: 1 }]);
  for (const [runId, from, to] of [
    ['r-11', '11:01:00', '11:05:00'],
    ['r-12', '12:01:00', '12:05:00'],
  ] as const) {
    const times = { startedUs: at(from), finishedUs: at(to), watermarkUs: at(TIMES.event) };
    await day.record(day.orders, { runId, toUs: at(from), ...times });
  }
}

async function writeHistory(values: readonly (readonly [bigint | null, number | null])[], run: string) {
  const rows = values.map((own, i) => ({ customer: `c-${i}`, ...TIMES, run, values: own }));
  await day.appendOrders(rows);
  await day.setWatermark('23:00:00');
}

function serve(n: number, values: readonly [bigint | null, number | null], written: string): string {
  return day.serve('12:30:00', `c-${n}`, { row: { ...TIMES, written, values }, watermark: '11:00:00' });
}

function causesOf({ features }: Snapshot): Record<string, string> {
  const examples = features.flatMap((feature) => feature.examples);
  return Object.fromEntries(examples.map(({ requestId, causes }) => [requestId, causes.join(', ')]));
}

test('an incident of wrong rows names the run that was at work when they came online, or none', async () => {
  await makeDay();
  const values = Array.from({ length: 6 }, (_, i) => [BigInt(i), null] as const);
  await writeHistory(values, 'r-11');
  // Zeros by the run of eleven; rounded values by hand, when none was at work.
  serve(0, [0n, 0], '11:04:00');
  serve(1, [1n, 0], '11:04:30');
  serve(2, [9n, null], '11:40:00');
  const { incidents } = await day.judge(SETTLED);
  expect(incidents.map(({ cause, runs, rows }) => ({ cause, runs, rows }))).toEqual([
    { cause: 'null or default substituted', runs: ['r-11'], rows: 2 },
    { cause: 'unexplained', runs: [], rows: 1 },
  ]);
  expect(incidents[0]!.examples[0]!.evidence).toMatch(/written time 11:04, when run r-11 was at work\)$/);
  expect(incidents[1]!.examples[0]!.evidence).toMatch(
    /written time 11:40, when no run of the view was at work\)$/,
  );
});

test('a value that an earlier entry of the history had, which another program took out', async () => {
  await makeDay();
  await writeHistory(
    [
      [1n, 10],
      [2n, 20],
      [3n, 30],
      [4n, null],
    ],
    'before',
  );
  await day.takeOut('before', '20:15:00');
  await writeHistory(
    [
      [1n, 11.5],
      [2n, 20],
      [3n, 31.5],
      [4n, 0],
    ],
    'after',
  );
  const changed = serve(0, [1n, 10], '11:04:00');
  serve(1, [2n, 20], '11:04:00');
  // None of the two: whatever rewrote the history, it is no evidence for this value.
  const unexplained = serve(2, [3n, 99], '11:04:00');
  const nulled = serve(3, [4n, null], '11:04:00');
  const snapshot = await day.judge(SETTLED);
  expect(causesOf(snapshot)).toEqual({
    [changed]: 'changed in place',
    [unexplained]: 'unexplained',
    [nulled]: 'null or default substituted, changed in place',
  });
  expect(snapshot.views[0]!.fidelity).toMatchObject({ true: 1, altered: 3 });
});

test('of two values that are wrong in the same way, what an earlier entry had is evidence for its own alone', async () => {
  await makeDay();
  await writeHistory([[0n, 5]], 'before');
  await day.takeOut('before', '20:15:00');
  await writeHistory([[null, null]], 'after');
  serve(0, [0n, 0], '11:04:00');
  const { features } = await day.judge(SETTLED);
  const told = features.map(({ name, examples }) => [name, examples[0]?.causes.join(', ')]);
  expect(Object.fromEntries(told)).toMatchObject({
    orders__orders_1d: 'null or default substituted, changed in place',
    orders__spent_1d: 'null or default substituted',
  });
});

test('a row of an event before all that the history keeps is not kept, neither true nor false', async () => {
  await makeDay();
  await writeHistory([[1n, 10]], 'r-11');
  const times = { event: '01:00:00', created: '01:01:00' };
  const row = { ...times, values: [9n, 90] };
  day.serve('12:30:00', 'c-0', { row, watermark: '11:00:00' });
  const { views } = await day.judge(SETTLED);
  expect(views[0]!.fidelity).toMatchObject({ true: 0, notKept: 1, unknown: 0 });
});

test('a file that is gone from the disk proves nothing', async () => {
  await makeDay();
  await writeHistory([[1n, 10]], 'before');
  await day.takeOut('before', '20:15:00');
  await writeHistory([[1n, 11.5]], 'after');
  const folder = historyFolder(day.project.settings.history, day.orders);
  for (const path of (await readTable(folder))!.removed.keys())
    rmSync(join(folder.path, decodeURIComponent(path)));
  const served = serve(0, [1n, 10], '11:04:00');
  expect(causesOf(await day.judge(SETTLED))).toEqual({ [served]: 'unexplained' });
});

test('where no row agrees, harm is measured by the history all the same', async () => {
  await makeDay();
  const values = Array.from({ length: 20 }, (_, i) => [null, i] as const);
  await writeHistory(values, 'r-11');
  for (const [i, [, spent]] of values.entries()) serve(i, [null, spent + 0.5], '11:04:00');
  const { features } = await day.judge(SETTLED);
  const spent = features.find(({ name }) => name === 'orders__spent_1d')!;
  expect(spent).toMatchObject({ exactMatch: 0, rows: 20 });
  // Half a unit of about ten between the quartiles.
  expect(spent.harm).toBeCloseTo(20 * (0.5 / 9.5), 5);
});

test('harm is measured by the values that vectors should have got, each as often as it was asked for', async () => {
  await makeDay();
  const values = Array.from({ length: 20 }, (_, i) => [null, i] as const);
  await writeHistory(values, 'r-11');
  // The first half is asked for ten times and right, the other one once and off by a half.
  for (const [i, [, spent]] of values.entries()) {
    const own = [null, i < 10 ? spent : spent + 0.5] as const;
    for (let n = 0; n < (i < 10 ? 10 : 1); n++) serve(i, own, '11:04:00');
  }
  const { features } = await day.judge(SETTLED);
  const spent = features.find(({ name }) => name === 'orders__spent_1d')!;
  expect(spent).toMatchObject({ rows: 110, exact: 100 });
  // The quartiles of 110 values are 2 and 8; those of 20 rows are 9.5 apart.
  expect(spent.harm).toBeCloseTo(10 * (0.5 / 6), 5);
});

test('a row of another entity is told with its name where the source was loaded again under other created times', async () => {
  day = await MonitoredDay.make();
  await day.appendOrders([{ customer: 'c-9', ...TIMES, run: 'r-11', values: [1n, 1] }]);
  await day.setWatermark('23:00:00');
  const rows = [
    [1, '08:00:00', '08:10:00', 0.1, 3],
    [2, '10:00:00', '20:00:00', 0.25, 7],
    [3, '10:00:00', '20:00:00', 0.9, 1],
    [4, '10:00:00', '21:00:00', 0.9, 1],
    [5, '10:00:00', '20:00:00', 0.5, 0],
  ] as const;
  const selects = rows.map(
    ([driver, event, created, rate, trips]) => `SELECT ${driver}::BIGINT AS driver_id,
      make_timestamp(${at(event)}) AS event_timestamp, make_timestamp(${at(created)}) AS created,
      ${rate}::DOUBLE AS conv_rate, ${trips}::BIGINT AS trips, NULL::VARCHAR[] AS tags`,
  );
  await day.project.writeParquet('drivers', selects.join(' UNION ALL '));
  const give = (rate: number, trips: bigint): string => {
    const row = { event: '10:00:00', created: '10:05:00', values: [rate, trips, null] };
    return day.serve('12:30:00', 'c-0', {}, 1, { row, watermark: '12:00:00' });
  };
  const known = give(0.25, 7n);
  // Two have these values, nobody has those, and of the last but one tells something.
  for (const [rate, trips] of [
    [0.9, 1n],
    [0.75, 9n],
    [0.5, 0n],
  ] as const)
    give(rate, trips);
  const { views, features } = await day.judge(SETTLED);
  expect(views.find(({ view }) => view === 'driver_stats')!.fidelity).toMatchObject({
    foreign: 1,
    unknown: 3,
  });
  const rate = features.find(({ name }) => name === 'driver_stats__conv_rate')!;
  const { evidence } = rate.examples.find(({ requestId }) => requestId === known)!;
  expect(evidence).toMatch(/that of driver_id=2, which bears the created time 20:00 now/);
  const [vector] = await explainRequest(day.project, day.project.database, { requestId: known }, {});
  const explained = vector!.views.flatMap((one) => one.features.map((feature) => feature.evidence));
  expect(explained).toContain(evidence);
});
