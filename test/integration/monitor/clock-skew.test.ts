/**
 * Days on which the clock of a pod was stepped, through a real log, archive and `monitor run`: the steps come by the
 * log's own heartbeats.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { explainRequest } from '../../../monitor/explain/explain.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';

const HOUR = 3_600_000_000;
const SETTLED = '2026-01-10T00:00:00';

let day: MonitoredDay;
beforeEach(() => {
  // The log beats by the interval alone.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await day.remove();
});

/** Customers whose rows of 10:00 to 13:00 were all written in time. */
async function writeHistory(customers: readonly string[]): Promise<void> {
  const hours = ['10', '11', '12', '13'];
  for (const hour of hours) {
    const times = { event: `${hour}:00:00`, created: `${hour}:01:00`, run: `r-${hour}` };
    const rows = customers.map((customer, i) => {
      const values = [BigInt(hour) * 100n + BigInt(i), i + Number(hour) / 100] as const;
      return { customer, ...times, values };
    });
    await day.appendOrders(rows);
    const edge = Date.parse(`2026-01-02T${hour}:00:00Z`) * 1_000;
    const run = { runId: `r-${hour}`, toUs: edge, watermarkUs: edge, startedUs: edge + 60_000_000 };
    await day.record(day.orders, { ...run, finishedUs: edge + 120_000_000 });
  }
  await day.setWatermark('23:00:00');
  await day.writeDrivers([{ driver: 2, event: '09:00:00', created: '09:00:00', convRate: 1 }]);
}

/** @param n  of the customer, which is in its values */
function serve(time: string, n: number, hour: string): string {
  const row = { event: `${hour}:00:00`, created: `${hour}:01:00` };
  const values = [BigInt(hour) * 100n + BigInt(n), n + Number(hour) / 100] as const;
  return day.serve(time, `c-${n}`, { row: { ...row, values }, watermark: `${hour}:00:00` });
}

/** The clock goes, and the log's next heartbeat says so. */
function step(offsetUs: number): void {
  day.project.setClockOffset(offsetUs);
  vi.advanceTimersByTime(10_000);
}

/** By request: the cause of its count of orders. */
function causesOf({ features }: Snapshot): Record<string, string> {
  const { examples } = features.find(({ name }) => name === 'orders__orders_1d')!;
  return Object.fromEntries(examples.map(({ requestId, causes }) => [requestId, causes[0]!]));
}

/** What `plumb explain` says of the first feature of a request. */
async function explained(requestId: string): Promise<{ cause: unknown; evidence: unknown }> {
  const [vector] = await explainRequest(day.project, day.project.database, { requestId });
  const { cause, evidence } = vector!.views[0]!.features[0]!;
  return { cause, evidence };
}

test('a clock that was put wrong: the rows that were right by the clock as it stood before', async () => {
  day = await MonitoredDay.make();
  await writeHistory(['c-0', 'c-1', 'c-2', 'c-3']);
  serve('12:20:00', 0, '12');
  step(HOUR);
  // Half past twelve, which the pod calls half past one.
  const skewed = serve('13:30:00', 1, '12');
  step(0);
  const lagging = serve('12:40:00', 2, '11');
  serve('12:41:00', 3, '12');
  const snapshot = await day.judge(SETTLED);
  expect(causesOf(snapshot)).toEqual({ [skewed]: 'clock skew', [lagging]: 'materialization lag' });
  const incident = snapshot.incidents.find(({ cause }) => cause === 'clock skew');
  expect(incident).toMatchObject({ pods: ['pod-1'], runs: [], rows: 1, values: 2, beyondPromise: 2 });
  const { evidence } = incident!.examples[0]!;
  expect(evidence).toMatch(
    'stepped by 1h: served at 13:30 by it, which is 12:30 by the clock as it stood before',
  );
  expect(await explained(skewed)).toEqual({ cause: 'clock skew', evidence });
  expect(await explained(lagging)).toMatchObject({ cause: 'materialization lag' });
});

test('a clock that was wrong at the start and put right: rows that were newer than its time', async () => {
  day = await MonitoredDay.make();
  await writeHistory(['c-0', 'c-1']);
  // Half past twelve, which the pod calls half past eleven.
  const skewed = serve('11:30:00', 0, '12');
  step(HOUR);
  serve('12:40:00', 1, '12');
  const snapshot = await day.judge(SETTLED);
  expect(causesOf(snapshot)).toEqual({ [skewed]: 'clock skew' });
  expect(snapshot.incidents[0]!.examples[0]!.evidence).toMatch(
    'which is 12:30 by the clock as it stood after',
  );
  expect(await explained(skewed)).toMatchObject({ cause: 'clock skew' });
});

test('another start of the pod, whose clock was steady, is not read by that clock', async () => {
  day = await MonitoredDay.make();
  await writeHistory(['c-0', 'c-1', 'c-2', 'c-3']);
  serve('12:20:00', 0, '12');
  step(HOUR);
  const skewed = serve('13:30:00', 1, '12');
  await day.closeLog();
  day.project.setClockOffset(0);
  await day.openLog();
  vi.advanceTimersByTime(10_000);
  const lagging = serve('13:31:00', 2, '12');
  // An hour later, as by the other start's step, this would be the right row.
  const ahead = serve('11:31:00', 3, '12');
  const snapshot = await day.judge(SETTLED);
  expect(causesOf(snapshot)).toEqual({
    [skewed]: 'clock skew',
    [lagging]: 'materialization lag',
    [ahead]: 'served ahead',
  });
  await runIngest(day.project);
  const causes = await Promise.all([skewed, lagging, ahead].map((id) => explained(id)));
  expect(causes.map(({ cause }) => cause)).toEqual(['clock skew', 'materialization lag', 'served ahead']);
});

test('a step of less than a second is none, also where it rounds to one', async () => {
  day = await MonitoredDay.make();
  await writeHistory(['c-0', 'c-1']);
  serve('12:20:00', 0, '12');
  step(600_000);
  // By the clock of before it this is the right row: a second of an hour's edge is no evidence.
  const lagging = serve('13:00:00.3', 1, '12');
  const snapshot = await day.judge(SETTLED);
  expect(causesOf(snapshot)).toEqual({ [lagging]: 'materialization lag' });
  expect(await explained(lagging)).toMatchObject({ cause: 'materialization lag' });
});
