/** Verdicts on single hours: what they count, where they are kept, and that the day's verdict does not know of them. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { judgeDay, redrawReport } from '../../../monitor/main.ts';
import { runMonitor } from '../../../monitor/run.ts';
import { renderVerdict } from '../../../monitor/report/terminal/verdict-table.ts';
import { spanOf } from '../../../monitor/judged-span.ts';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { DAY, at } from '../../support/day-time.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';
import '../../support/property-seed.ts';

/** Driver 9 shows that the source is alive. */
const DRIVERS = [
  { driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 },
  ...['06:30:00', '09:30:00', '23:30:00'].map((time) => ({
    driver: 9,
    event: time,
    created: time,
    convRate: 0.9,
  })),
];
const DRIVER = { row: { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] } };
const SETTLED = '2026-01-10T00:00:00';
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

async function madeDay(): Promise<MonitoredDay> {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:59:00');
  return day;
}

function rowOf(customer: string, hour: string): OrderRow {
  const time = `${hour}:00:00`;
  return { customer, event: time, created: time, run: `r-${hour}`, values: [BigInt(customer.length), 2.5] };
}

const clock = (hour: number): string => String(hour).padStart(2, '0');

interface ServedOnce {
  readonly hour: number;
  readonly second: number;
  readonly customer: number;
  readonly kind: 'right' | 'wrong' | 'missing' | 'unavailable';
}

const SERVED: fc.Arbitrary<ServedOnce> = fc.record({
  hour: fc.constantFrom(2, 3, 23),
  second: fc.constantFrom(0, 1, 1_800, 3_599),
  customer: fc.nat(4),
  kind: fc.constantFrom('right', 'right', 'wrong', 'missing', 'unavailable'),
});

function serve(day: MonitoredDay, { hour, second, customer, kind }: ServedOnce): void {
  const time = `${clock(hour)}:${clock(Math.floor(second / 60))}:${clock(second % 60)}`;
  const { event, created, values } = rowOf(`c-${customer}`, '01');
  const row = kind === 'wrong' ? { event, created, values: [99n, 0] } : { event, created, values };
  const served =
    kind === 'missing' ? {} : kind === 'unavailable' ? { status: 'UNAVAILABLE' as const } : { row };
  day.serve(time, `c-${customer}`, { watermark: '01:00:00', ...served }, 1, DRIVER);
}

const COUNTS = [
  'rows',
  'unavailable',
  'unjudged',
  'bothAbsent',
  'present',
  'exact',
  'beyondPromise',
] as const;

function countsOf(snapshots: readonly Snapshot[]): Record<string, number> {
  const sums: Record<string, number> = {};
  const add = (name: string, count: number): void => void (sums[name] = (sums[name] ?? 0) + count);
  for (const { vectors, features, views } of snapshots) {
    for (const name of ['read', 'judged', 'duplicates'] as const) add(name, vectors[name]);
    for (const feature of features) {
      for (const name of COUNTS) add(`${feature.name} ${name}`, feature[name]);
      for (const [cause, counts] of Object.entries(feature.causes))
        add(`${feature.name} ${cause}`, counts.values);
    }
    for (const { role, fidelity, availability } of views) {
      for (const [answer, count] of Object.entries(fidelity!)) add(`${role} ${answer}`, count);
      add(`${role} minutes`, availability.minutes);
    }
  }
  return Object.fromEntries(Object.entries(sums).filter(([, count]) => count > 0));
}

test('the hours of a day add up to the day, from the archive as from the spool', async () => {
  const served = fc.array(SERVED, { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(served, fc.boolean(), async (vectors, isIngested) => {
      const day = await MonitoredDay.make();
      try {
        await day.writeDrivers(DRIVERS);
        await day.setWatermark('23:59:00');
        await day.appendOrders([0, 1, 2].map((i) => rowOf(`c-${i}`, '01')));
        for (const vector of vectors) serve(day, vector);
        await day.closeLog();
        if (isIngested) await runIngest(day.project);
        const hours = new Set(vectors.map(({ hour }) => hour));
        const judged: Snapshot[] = [];
        for (const hour of hours) judged.push(await day.judge(SETTLED, null, hour));
        expect(countsOf(judged)).toEqual(countsOf([await day.judge(SETTLED)]));
        for (const { hour, views } of judged) expect(views[0]!.hours.map((one) => one.hour)).toEqual([hour]);
        const quiet = HOURS.find((hour) => !hours.has(hour))!;
        await expect(day.judge(SETTLED, null, quiet)).rejects.toMatchObject({ code: 'MON_NO_VECTORS' });
      } finally {
        await day.remove();
      }
    }),
    { numRuns: 4 },
  );
});

/** 40 customers an hour; of those of the given hour all values of `orders` are wrong. */
async function dayWithBadHour(bad: number): Promise<MonitoredDay> {
  const day = await madeDay();
  const customers = Array.from({ length: 40 }, (_, i) => i);
  await day.appendOrders(customers.map((i) => rowOf(`c-${i}`, '01')));
  for (const hour of [7, 8, 9, 10]) {
    for (const customer of customers) {
      serve(day, { hour, second: customer, customer, kind: hour === bad ? 'wrong' : 'right' });
    }
  }
  return day;
}

test('an hour is provisional, has files of its own, and leaves the day, its trend and its index as they are', async () => {
  const day = await dayWithBadHour(8);
  const { settings } = day.project;
  await day.closeLog();
  day.project.setClock(at(SETTLED));
  const hourly = async (hour: string) => (await judgeDay(day.project, { date: DAY, hour }))[0]!;
  const of = ({ snapshot }: { readonly snapshot: Snapshot }) => snapshot;

  const bad = of(await hourly('8'));
  expect(bad).toMatchObject({ date: DAY, hour: 8, verdict: 'alarm', provisional: true, trend: [] });
  expect(bad).not.toHaveProperty('drift');
  expect(bad.settlesAt).toBe('2026-01-05T00:00:00.000000Z');
  const good = of(await hourly('07'));
  expect(good).toMatchObject({ hour: 7, verdict: 'pass', brokeSince: null });
  expect(renderVerdict(good)).toMatch(
    /^churn {2}2026-01-02, 07:00 to 08:00 {2}PASS, provisional until the day is judged\n/,
  );
  const indexed = readFileSync(join(settings.reports, 'index.html'), 'utf8');
  expect(indexed).toContain(`href="churn/${DAY}T08.html"`);

  const [judged] = await judgeDay(day.project, { date: DAY });
  expect(judged!.snapshot).toMatchObject({ provisional: false, trend: [], brokeSince: null });
  expect(judged!.snapshot).not.toHaveProperty('hour');
  expect(judged!.snapshot).not.toHaveProperty('earlierFaults');
  const before = readFileSync(judged!.snapshotFile, 'utf8');
  await hourly('9');
  expect(readFileSync(judged!.snapshotFile, 'utf8')).toBe(before);
  expect(readdirSync(join(settings.reports, 'churn')).toSorted()).toEqual(
    ['.html', '.json', '.parquet', '.sketches.json']
      .map((end) => DAY + end)
      .concat(
        ['07', '08', '09'].flatMap((h) => ['.html', '.json', '.parquet'].map((end) => `${DAY}T${h}${end}`)),
      ),
  );
  // The day is newer than its hours: the index has it alone.
  expect(readFileSync(join(settings.reports, 'index.html'), 'utf8')).not.toContain(`${DAY}T`);
  const page = redrawReport(day.project, 'churn', spanOf({ date: DAY, hour: 8 })).reportFile;
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('Fri 2 Jan 2026, 08:00 to 09:00');
  expect(html).toContain('one hour alone; the verdict on the day counts');
});

test('the last hour is the newest that is over, also of the day before', async () => {
  const day = await dayWithBadHour(8);
  await day.closeLog();
  day.project.setClock(at('10:05'));
  const [hour] = await judgeDay(day.project, { hour: 'last' });
  expect(hour!.snapshot).toMatchObject({ date: DAY, hour: 9 });
  day.project.setClock(at('2026-01-03T00:00:01'));
  await expect(judgeDay(day.project, { hour: 'last' })).rejects.toMatchObject({
    code: 'MON_NO_VECTORS',
    message: expect.stringContaining(`${DAY}, 23:00 to 24:00`),
  });
});

test('an hour before the history reaches it is unjudged, which is no verdict on it', async () => {
  const day = await dayWithBadHour(8);
  await day.setWatermark('08:00:00');
  const snapshot = await day.judge('10:05', null, 9);
  const orders = snapshot.features.filter(({ view }: FeatureSnapshot) => view === 'orders');
  expect(orders.map(({ present, unjudged }) => [present, unjudged])).toEqual([
    [0, 40],
    [0, 40],
  ]);
  expect(snapshot.verdict).toBe('not-enough-data');
  await expect(
    runMonitor(day.project, day.project.database, { date: DAY, hour: 9, services: ['other'] }),
  ).rejects.toMatchObject({ code: 'REG_UNKNOWN' });
});
