/** Days that are odd in one way each: a report comes out, and says so. */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { judgeDay } from '../../../monitor/main.ts';
import { snapshotFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { DAY, at } from '../../support/day-time.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';

const DRIVERS = [
  { driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 },
  { driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 },
];
const DRIVER = { row: { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] } };

function rowOf(i: number, spent: number | null): OrderRow {
  return {
    customer: `c-${i}`,
    event: '05:00:00',
    created: '05:00:00',
    run: 'r-05',
    values: [BigInt(i), spent],
  };
}

interface OddDay {
  readonly what: string;
  readonly customers?: number;
  readonly spent?: (i: number) => number | null;
  /** What is done between the morning's and the afternoon's vectors, and before the run. */
  readonly atNoon?: (day: MonitoredDay) => unknown;
  readonly before?: (day: MonitoredDay) => unknown;
  readonly verdict: Snapshot['verdict'];
  readonly spentIs?: object;
  /** On the page. */
  readonly says: RegExp;
}

const ODD_DAYS: readonly OddDay[] = [
  {
    what: 'one vector a time of day',
    customers: 1,
    verdict: 'not-enough-data',
    says: /Too few vectors of .* could be judged in 7 days: under 30/,
  },
  {
    what: 'a feature that is null for all',
    spent: () => null,
    verdict: 'pass',
    spentIs: { present: 0, bothAbsent: 80, exactMatch: null },
    says: /absent on both sides/,
  },
  {
    what: 'a feature of one value',
    spent: () => 7,
    verdict: 'pass',
    spentIs: { exactMatch: 1 },
    says: /Pass/,
  },
  {
    what: 'a feature that is infinite',
    spent: (i) => (i % 2 === 0 ? Infinity : i),
    verdict: 'pass',
    spentIs: { exactMatch: 1, present: 80 },
    says: /infinite 40 served, 40 replayed/,
  },
  {
    what: 'a feature that is infinite in every pair',
    spent: () => Infinity,
    verdict: 'pass',
    spentIs: { exactMatch: 1, present: 80, distributions: { kind: 'no numbers' } },
    says: /infinite 80 served, 80 replayed[^]*No pair has a finite number on both sides/,
  },
  {
    what: 'a new version at noon',
    atNoon: (day) => day.publish({ ...day.orders, description: 'another' }),
    verdict: 'pass',
    says: /12:10[^]*bundle/,
  },
  {
    what: "a damaged snapshot of yesterday's",
    before: ({ project }) => {
      const file = snapshotFile(project.settings.reports, 'churn', '2026-01-01');
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, '{"version": 2, "feat');
    },
    verdict: 'pass',
    says: /Pass/,
  },
  {
    what: 'an hour of the archive that is gone',
    before: async ({ project }) => {
      await runIngest(project);
      rmSync(join(project.settings.served, 'churn/v1.0', `date=${DAY}`, 'hour=12'), { recursive: true });
    },
    verdict: 'not-enough-data',
    says: /The archive lacks 1 file with 40 vectors of all services, of the hour from 12:00 to 13:00:/,
  },
];

test.each(ODD_DAYS)('$what', async ({ customers = 40, spent = (i) => i / 4, ...odd }) => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const rows = Array.from({ length: customers }, (_, i) => rowOf(i, spent(i)));
  await day.appendOrders(rows);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:59:00');
  const serveAll = (time: string): void => {
    for (const { customer, event, created, values } of rows) {
      day.serve(time, customer, { row: { event, created, values }, watermark: '05:00:00' }, 1, DRIVER);
    }
  };
  serveAll('09:10:00');
  await odd.atNoon?.(day);
  serveAll('12:10:00');
  await day.closeLog();
  day.project.setClock(at('2026-01-10T00:00:00'));
  await odd.before?.(day);
  const [judged] = await judgeDay(day.project, { date: DAY });
  const { snapshot, reportFile } = judged!;
  expect(snapshot.verdict, snapshot.sentence).toBe(odd.verdict);
  const found = snapshot.features.find(({ name }) => name === 'orders__spent_1d');
  expect(found).toMatchObject(odd.spentIs ?? {});
  const { registry } = day.project.settings;
  const kept = await RegistryDatabase.using(registry, async ({ verdicts }) => ({
    days: await verdicts.days({}),
    features: await verdicts.features({ view: found!.view, feature: 'spent_1d' }),
  }));
  expect(kept.days).toMatchObject([{ date: DAY, verdict: snapshot.verdict, sentence: snapshot.sentence }]);
  const { name, present, exact, beyondPromise, causes } = found!;
  expect(kept.features).toMatchObject([{ name, present, exact, beyondPromise, causes }]);
  const page = readFileSync(reportFile, 'utf8')
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]+>/g, ' ');
  expect(page).toMatch(odd.says);
  if (odd.atNoon !== undefined) expect(snapshot.deploys).toHaveLength(2);
  const index = readFileSync(join(day.project.settings.reports, 'index.html'), 'utf8');
  if (odd.what.startsWith('a damaged')) expect(index).toContain('Cannot be read');
});

test('a day without vectors, and one that retention has removed, are told in a sentence', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const { settings } = day.project;
  day.serve('2025-12-30T09:00:00', 'c-1', {});
  day.serve('09:00:00', 'c-1', {});
  day.project.setClock(at('09:30:00'));
  await runIngest(day.project);
  const open = join(settings.served, '_open/churn/v1.0', `date=${DAY}`);
  expect(readdirSync(open)).toEqual(['hour=09']);
  day.project.setClock(at('12:00:00'));
  const kept = {
    ...day.project,
    settings: { ...settings, monitor: { ...settings.monitor, keepServedDays: 1 } },
  };
  await runIngest(kept);
  // The folders of an hour that is over go with its files.
  expect(readdirSync(join(settings.served, '_open'))).toEqual([]);
  await expect(judgeDay(kept, { date: '2025-12-30' })).rejects.toMatchObject({
    code: 'MON_NO_VECTORS',
    message: expect.stringContaining(
      'were removed: monitor.keepServedDays keeps those from 2026-01-01 on',
    ) as string,
  });
  await expect(judgeDay(kept, { date: '2026-01-01' })).rejects.toMatchObject({
    code: 'MON_NO_VECTORS',
    message: expect.stringContaining('has no vectors of 2026-01-01') as string,
  });
});

test('a day that goes on beside a sidecar: what the run has ingested itself lacks nothing', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const row = { event: '05:00:00', created: '05:00:00', values: [1n, 2] as const };
  await day.appendOrders([rowOf(1, 2)]);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('09:00:00');
  day.serve('09:00:00', 'c-1', { row, watermark: '05:00:00' }, 1, DRIVER);
  day.project.setClock(at('09:10:00'));
  await runIngest(day.project);
  day.serve('09:20:00', 'c-1', { row, watermark: '05:00:00' }, 1, DRIVER);
  day.project.setClock(at('09:30:00'));
  const [judged] = await judgeDay(day.project, { date: DAY });
  expect(judged!.snapshot.vectors.read).toBe(2);
  expect(day.project.said.filter((line) => line.includes('the log was ingested'))).toEqual([]);
});
