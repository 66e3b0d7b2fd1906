/** Vectors that are judged together come to what they come to alone, whatever they have in common. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Feature } from '../../../contract/model.ts';
import { runMonitor } from '../../../monitor/run.ts';
import { judgedRowsFile, snapshotFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { randomOf } from '../../oracle/planted-causes.ts';
import { orders } from '../../support/fixtures/materialized-project.ts';
import { LOG_KEY, MonitoredDay } from '../../support/fixtures/monitored-day.ts';
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

const seed = Number(process.env['PLUMB_SEED']) || Date.now();
console.log(`seed ${seed}`);

interface RandomDay extends Pick<MonitoredDay, 'project'> {
  readonly day: MonitoredDay;
  readonly keyFile: string;
}

/**
 * A random day of right, late, altered, lost and foreign rows, and of rows under other created times.
 *
 * @param change  of all features of orders
 */
async function randomDay(ofSeed: number, change: Partial<Feature> = {}): Promise<RandomDay> {
  const random = randomOf(ofSeed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const day = await MonitoredDay.make({
    features: orders().features.map((feature) => ({ ...feature, ...change })),
  });
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
  const keyFile = join(day.project.settings.folder, 'hmac.key');
  writeFileSync(keyFile, LOG_KEY.secret);
  return { day, project: day.project, keyFile };
}

/** Judges a day with its secret; `groupsAtOnce`: null, as many as usual. */
async function judgeDay(
  { project, keyFile }: RandomDay,
  groupsAtOnce: number | null,
): Promise<{ readonly snapshot: string; readonly rows: unknown; readonly statements: readonly string[] }> {
  const { settings, database } = project;
  const log = { ...settings.log, hmacKey: { id: LOG_KEY.id, file: keyFile } };
  rmSync(settings.reports, { recursive: true, force: true });
  const run = vi.spyOn(DuckDb.prototype, 'run');
  const many = groupsAtOnce === null ? {} : { groupsAtOnce };
  await runMonitor({ ...project, settings: { ...settings, log } }, database, { date: DAY, ...many });
  const statements = run.mock.calls.map(([sql]) => sql);
  run.mockRestore();
  const duck = await DuckDb.open({ threads: 1 });
  const file = quotePaths([judgedRowsFile(settings.reports, 'churn', DAY)]);
  const rows = await duck.rows(`SELECT * FROM read_parquet(${file}) ORDER BY ALL`);
  duck.close();
  return { snapshot: readFileSync(snapshotFile(settings.reports, 'churn', DAY), 'utf8'), rows, statements };
}

test.each(['raw', 'hmac'] as const)(
  'the verdict is the same however many groups are judged at once, of values that the log has %s',
  async (log) => {
    const day = await randomDay(seed, { log });
    const all = await judgeDay(day, null);
    expect(all.snapshot).toMatch(/"foreign": [1-9]/);
    for (const groupsAtOnce of [1, 7]) {
      const some = await judgeDay(day, groupsAtOnce);
      const name = `seed ${seed}, ${groupsAtOnce} at once`;
      expect([some.snapshot, some.rows], name).toEqual([all.snapshot, all.rows]);
      // What is looked up is looked up for all groups at once: else a large day would cost its square.
      expect(some.statements.length, name).toBe(all.statements.length);
    }
  },
);

test('what is available is what training sees where all rows were created in time: no join says it', async () => {
  const joins = ({ statements }: { readonly statements: readonly string[] }): number =>
    statements.filter((sql) => sql.includes('TABLE replay_available AS SELECT l."vid"')).length;
  const random = await randomDay(seed);
  const without = await judgeDay(random, null);
  // Created too late for its event, and of an event that no vector can see: it changes nothing but that.
  const late = { event: '23:40:00', created: '23:59:00', run: 'r-late', values: [1n, 1] as const };
  await random.day.appendOrders([{ customer: 'c-1', ...late }]);
  const withJoin = await judgeDay(random, null);
  expect([joins(without), joins(withJoin)]).toEqual([1, 2]);
  const told = ({ snapshot }: { readonly snapshot: string }): unknown => {
    const { features, views, incidents, verdict } = JSON.parse(snapshot) as Snapshot;
    const causes = views.map(({ fidelity, hours }) => ({ fidelity, hours }));
    return { features, causes, incidents, verdict };
  };
  expect(told(withJoin)).toEqual(told(without));
  expect(withJoin.rows).toEqual(without.rows);
});
