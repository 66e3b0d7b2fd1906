/** Vectors that are judged together come to what they come to alone, whatever they have in common. */
import { readFileSync, rmSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { runMonitor } from '../../../monitor/run.ts';
import { judgedRowsFile, snapshotFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { FeatureSnapshot } from '../../../monitor/verdict/snapshot.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { randomOf } from '../../oracle/planted-causes.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';
import { DAY, at } from '../../support/day-time.ts';

const SETTLED = '2026-01-10T00:00:00';
const OLD = { event: '11:00:00', created: '11:01:00' };
const NEW = { event: '12:00:00', created: '12:01:00' };

interface OneVector {
  readonly time: string;
  readonly row: { readonly event: string; readonly created: string };
  readonly values: readonly [bigint | null, number | null];
  readonly source?: 'cache';
  readonly fetched?: string;
}

// The row before, right and with two wrong values; soon after the newer one and long after; the newer one, wrong.
const VECTORS: readonly OneVector[] = ['12:04:00', '12:30:00', '18:00:00', '22:30:00'].flatMap((time) => [
  { time, row: OLD, values: [1n, 10] },
  { time, row: OLD, values: [1n, 10], source: 'cache', fetched: '12:03:00' },
  { time, row: OLD, values: [1n, 10.25] },
  { time, row: OLD, values: [1n, 10.25] },
  { time, row: OLD, values: [1n, 11] },
  { time, row: NEW, values: [2n, 0] },
  { time, row: NEW, values: [2n, null] },
  { time, row: NEW, values: [2n, 20] },
]);

/** Judges them as those of customers that all have the same history. */
async function judged(customers: number): Promise<unknown[]> {
  const day = await MonitoredDay.make();
  await day.writeDrivers([{ driver: 2, event: '09:00:00', created: '09:00:00', convRate: 1 }]);
  for (const [runId, from, to, watermark] of [
    ['r-11', '11:01:00', '11:05:00', '11:00:00'],
    ['r-12', '12:01:00', '12:05:00', '12:00:00'],
  ] as const) {
    const times = { startedUs: at(from), finishedUs: at(to), watermarkUs: at(watermark) };
    await day.record(day.orders, { runId, toUs: at(from), ...times });
  }
  const names = Array.from({ length: customers }, (_, i) => `c-${i}`);
  await day.appendOrders(
    names.flatMap((customer) => [
      { customer, ...OLD, run: 'r-11', values: [1n, 10] as const },
      { customer, ...NEW, run: 'r-12', values: [2n, 20] as const },
    ]),
  );
  await day.setWatermark('23:00:00');
  for (const [i, { time, row, values, ...more }] of VECTORS.entries())
    day.serve(time, names[i % customers]!, { row: { ...row, values }, watermark: row.event, ...more });
  const { features, views, incidents } = await day.judge(SETTLED);
  await day.remove();
  const told = features.filter(({ view }) => view === 'orders').map((feature) => countsOf(feature));
  const { fidelity, hours, availability } = views[0]!;
  const harms = incidents.map(({ cause, runs, values, beyondPromise, harm, from, to }) => {
    return { cause, runs, values, beyondPromise, harm, from, to };
  });
  return [told, fidelity, hours, availability, harms];
}

/** Without what follows from how many rows and entities there are, as the choice of examples does. */
function countsOf(feature: FeatureSnapshot): unknown {
  const none = { rowsJudged: 0, rowsWithinPromise: 0, rowsUnexplained: 0, interval: null, level: null };
  return { ...feature, ...none, examples: [] };
}

test('as many vectors of one customer count as those of many', async () => {
  const [alone, together, some] = [await judged(VECTORS.length), await judged(1), await judged(3)];
  expect(together).toEqual(alone);
  expect(some).toEqual(alone);
  expect(JSON.stringify(alone)).toMatch(/"beyondPromise":[1-9]/);
});

/** A random day of right, late, altered, lost and foreign rows, and of rows under other created times. */
async function randomDay(seed: number): Promise<MonitoredDay> {
  const random = randomOf(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const history = Array.from({ length: 20 }, (_, i) => `c-${i}`).flatMap((customer) =>
    ['05', '08', '11']
      .filter(() => random() < 0.8)
      .map((hour): OrderRow => {
        const values = [BigInt(Math.floor(random() * 1e6)), Math.floor(random() * 1e6) / 4] as const;
        return { customer, event: `${hour}:00:00`, created: `${hour}:00:00`, run: `r-${hour}`, values };
      }),
  );
  await day.appendOrders(history);
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  for (let i = 0; i < 150; i++) {
    const hour = 6 + Math.floor(random() * 16);
    const time = `${String(hour).padStart(2, '0')}:${String(Math.floor(random() * 50) + 5).padStart(2, '0')}:00`;
    const { customer } = pick(history);
    const own = history.filter((one) => one.customer === customer && one.event <= time);
    const { event, created, values } = pick(random() < 0.7 && own.length > 0 ? own : history);
    const served = [values[0], random() < 0.2 ? 0 : values[1]] as const;
    const stamped = random() < 0.1 ? created.replace(':00:00', ':30:00') : created;
    const row = random() < 0.1 || event > time ? {} : { row: { event, created: stamped, values: served } };
    day.serve(time, customer, { watermark: `${time.slice(0, 2)}:00:00`, ...row });
  }
  await day.setWatermark('23:00:00');
  await day.closeLog();
  day.project.setClock(at(SETTLED));
  return day;
}

test('the verdict is the same however many groups are judged at once', async () => {
  const seed = Number(process.env['PLUMB_SEED']) || Date.now();
  console.log(`seed ${seed}`);
  const { project } = await randomDay(seed);
  const { reports } = project.settings;
  const duck = await DuckDb.open({ threads: 1 });
  onTestFinished(() => duck.close());
  const judgedBy = async (groupsAtOnce?: number): Promise<readonly unknown[]> => {
    rmSync(reports, { recursive: true, force: true });
    await runMonitor(project, project.database, { date: DAY, groupsAtOnce });
    const file = quotePaths([judgedRowsFile(reports, 'churn', DAY)]);
    const rows = await duck.rows(`SELECT * FROM read_parquet(${file}) ORDER BY ALL`);
    return [readFileSync(snapshotFile(reports, 'churn', DAY), 'utf8'), rows];
  };
  const all = await judgedBy();
  expect(all[0]).toMatch(/"foreign": [1-9]/);
  for (const groupsAtOnce of [1, 7])
    expect(await judgedBy(groupsAtOnce), `seed ${seed}, ${groupsAtOnce} at once`).toEqual(all);
});
