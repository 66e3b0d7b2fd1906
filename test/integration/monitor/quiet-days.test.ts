/** Days on which nobody asked for a service: they have a verdict, neither good nor bad, and a page that says so. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { afterRun } from '../../../monitor/alerts/after-run.ts';
import { alertDays } from '../../../monitor/alerts/alert-days.ts';
import { openAlerts } from '../../../monitor/alerts/alert-fold.ts';
import { projectHealth } from '../../../monitor/health/health.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { judgeDay } from '../../../monitor/main.ts';
import { renderVerdict } from '../../../monitor/report/terminal/verdict-table.ts';
import { readTrends } from '../../../monitor/report/trend.ts';
import { exitCodeOf } from '../../../monitor/verdict/verdict.ts';
import { snapshotFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { whatIf } from '../../../monitor/whatif/what-if.ts';
import { DAY, at } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE } from '../../support/fixtures/monitored-day.ts';
import { parsePrometheus } from '../../support/http/prometheus-text.ts';

const NEXT = '2026-01-03';
const CUSTOMERS = 40;
const DRIVER = { row: { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] } };

let day: MonitoredDay;
afterEach(() => day.remove());

/** A day on which every customer was answered with zero for null, beside a service that nobody ever asks for. */
async function servedDay(): Promise<void> {
  day = await MonitoredDay.make();
  day.publish(day.orders, [SERVICE, { ...SERVICE, name: 'idle' }]);
  const customers = Array.from({ length: CUSTOMERS }, (_, i) => `c-${i}`);
  const times = { event: '05:00:00', created: '05:00:00' };
  await day.appendOrders(
    customers.map((customer, i) => ({ customer, ...times, run: 'r-05', values: [BigInt(i), null] as const })),
  );
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:59:00');
  for (const [i, customer] of customers.entries()) {
    const row = { ...times, values: [BigInt(i), 0] };
    day.serve('09:10:00', customer, { row, watermark: '05:00:00' }, 1, DRIVER);
  }
  await day.closeLog();
}

/** Judges a day on the morning after it. @returns the snapshots of its services */
async function judge(date: string, services?: readonly string[]): Promise<Snapshot[]> {
  day.project.setClock(at(`${date}T23:59:59`) + 4 * 3_600_000_000);
  const judged = await judgeDay(day.project, { date, ...(services === undefined ? {} : { services }) });
  return judged.map(({ snapshot }) => snapshot);
}

const pageOf = (service: string, date: string): string =>
  readFileSync(join(day.project.settings.reports, service, `${date}.html`), 'utf8')
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');

test('a day without a vector has a verdict, a page, and its place in index, trend, metrics and health', async () => {
  await servedDay();
  const [bad] = await judge(DAY);
  expect(bad!.verdict).toBe('alarm');
  const judged = await judge(NEXT);
  expect(judged.map(({ service, date, verdict }) => [service, date, verdict])).toEqual([
    ['churn', NEXT, 'not-enough-data'],
  ]);
  expect(exitCodeOf(judged.map(({ verdict }) => verdict))).toBe(3);
  const [quiet] = judged;
  expect(quiet).toMatchObject({
    sentence:
      'Not enough data: The log has no record of 2026-01-03: no sidecar ran, or what they logged was not ingested.',
    vectors: { read: 0, judged: 0 },
    incidents: [],
    brokeSince: null,
    deploys: [],
  });
  expect(quiet!.findings).toHaveLength(1);
  // What run records tell is told of it as well.
  expect(quiet!.health!.find(({ check, of }) => check === 'freshness' && of === 'orders')).toBeDefined();
  const page = pageOf('churn', NEXT);
  expect(page).toMatch(/The log has no record of 2026-01-03/);
  expect(page).toMatch(/None: the log of the day has no vector of this service/);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  const { reports } = day.project.settings;
  const index = JSON.parse(readFileSync(join(reports, 'index.json'), 'utf8')) as { date: string }[];
  expect(index.map(({ date }) => date)).toEqual([NEXT, DAY]);
  // The next page to be drawn leads to it.
  expect(pageOf('churn', NEXT)).toMatch(/← 2 Jan/);
  const shown = renderVerdict(quiet!, { columns: 200 });
  expect(shown).toMatch(/^churn {2}2026-01-03 {2}NOT-ENOUGH-DATA/);
  expect(shown.match(/The log has no record of 2026-01-03/g)).toHaveLength(1);
  expect(shown).not.toMatch(/without a mismatch/);
  const [trend] = readTrends(reports, { days: 2 }, day.project.logger);
  expect(trend!.verdicts).toEqual(['alarm', 'not-enough-data']);
  expect(trend!.features[0]!.days[1]).toMatchObject({ present: 0, exactMatch: null });

  const { settings } = day.project;
  const metrics = join(settings.folder, 'monitor.prom');
  await afterRun(
    { ...day.project, settings: { ...settings, monitor: { ...settings.monitor, metrics } } },
    judged,
  );
  const found = parsePrometheus(readFileSync(metrics, 'utf8'));
  const valueOf = (name: string, more = ''): number | undefined =>
    found.get(`plumbline_monitor_${name}`)?.samples.get(`plumbline_monitor_${name}{service="churn"${more}}`);
  expect(valueOf('last_run_timestamp_seconds')).toBe(day.project.clock.nowUs() / 1e6);
  expect(valueOf('day_timestamp_seconds')).toBe(at(`${NEXT}T00:00:00`) / 1e6);
  expect(valueOf('verdict', ',verdict="not-enough-data"')).toBe(1);
  expect(valueOf('open_alerts', ',level="page"')).toBeGreaterThan(0);
  const health = await projectHealth(day.project, { overUs: 0 });
  // What was wrong on the last day with a value stands.
  expect(health.find(({ check, of }) => check === 'skew' && of === 'churn')).toMatchObject({
    state: 'bad',
    why: expect.stringContaining(`on ${DAY}, no value was judged since`),
  });
});

test('days without a vector neither close an alert nor are they bad, and the day after is held against the last one', async () => {
  await servedDay();
  await judge(DAY);
  const { reports } = day.project.settings;
  const open = (): string[] =>
    openAlerts(alertDays(reports, 'churn', day.project.logger)).map(({ cause, since, last }) =>
      [cause, since, last.day.date].join(' '),
    );
  const before = open();
  expect(before.length).toBeGreaterThan(0);
  for (const date of ['2026-01-03', '2026-01-04', '2026-01-05', '2026-01-06']) await judge(date);
  expect(open()).toEqual(before);
  await day.openLog();
  const row = { event: '2026-01-02T05:00:00', created: '2026-01-02T05:00:00', values: [1n, 0] };
  await day.setWatermark('2026-01-08T00:00:00');
  day.serve('2026-01-07T09:10:00', 'c-1', { row, watermark: '05:00:00' }, 1, DRIVER);
  await day.closeLog();
  const [after] = await judge('2026-01-07');
  expect(after!.brokeSince).toMatchObject({ date: DAY, new: [] });
});

test('a sidecar that ran and was not asked is told from a log without a record', async () => {
  await servedDay();
  await judge(DAY);
  await day.openLog();
  const request = { service: 'idle' };
  day.append(`${NEXT}T09:10:00`, { customer_id: 'c-1', driver_id: '1' }, [], 0, request);
  await day.closeLog();
  const judged = await judge(NEXT);
  expect(judged.map(({ service, sentence }) => [service, sentence])).toContainEqual([
    'churn',
    'Not enough data: No vector of churn is in the log of 2026-01-03: nobody asked for one, or none was logged that can be judged.',
  ]);
});

test('before its first verdict, in the future, and for an hour there is none', async () => {
  await servedDay();
  const refused = async (date: string, services?: readonly string[]): Promise<string> =>
    judge(date, services).then(
      () => 'judged',
      (error: Error) => error.message,
    );
  expect(await refused(NEXT)).toMatch(/has no vectors of 2026-01-03/);
  await judge(DAY);
  expect(await refused('2026-01-01')).toMatch(/has no vectors of 2026-01-01/);
  expect(await refused(NEXT, ['idle'])).toMatch(/has no vectors of idle of 2026-01-03/);
  day.project.setClock(at('12:00:00'));
  await expect(judgeDay(day.project, { date: NEXT })).rejects.toMatchObject({ code: 'MON_NO_VECTORS' });
  await expect(judgeDay(day.project, { date: DAY, hour: '7' })).rejects.toMatchObject({
    code: 'MON_NO_VECTORS',
  });
  expect(existsSync(snapshotFile(day.project.settings.reports, 'idle', NEXT))).toBe(false);
  await judge(NEXT);
  await expect(whatIf(day.project, { date: NEXT })).rejects.toMatchObject({ code: 'MON_NO_VECTORS' });
});

test('a verdict whose vectors have gone since stays', async () => {
  await servedDay();
  await judge(DAY);
  const { settings, said } = day.project;
  const file = snapshotFile(settings.reports, 'churn', DAY);
  const before = readFileSync(file, 'utf8');
  rmSync(settings.log.spool, { recursive: true });
  await expect(judge(DAY)).rejects.toMatchObject({ code: 'MON_NO_VECTORS' });
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect(said.filter((line) => line.includes('the verdict on it, of 40 vectors, stays'))).toHaveLength(1);
});

test('a day that retention has removed is not judged as one without a vector', async () => {
  await servedDay();
  day.project.setClock(at('2026-01-02T23:59:59'));
  await runIngest(day.project);
  await judge(DAY);
  const { settings } = day.project;
  const kept = { ...settings, monitor: { ...settings.monitor, keepServedDays: 1 } };
  day.project.setClock(at('2026-01-09T12:00:00'));
  const project = { ...day.project, settings: kept };
  await runIngest(project);
  await expect(judgeDay(project, { date: '2026-01-04' })).rejects.toMatchObject({
    message: expect.stringContaining('were removed: monitor.keepServedDays') as string,
  });
});

test('a service that is named twice is judged once', async () => {
  await servedDay();
  expect(await judge(DAY, ['churn', 'churn'])).toHaveLength(1);
});
