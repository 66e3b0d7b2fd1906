/** Vectors that are judged together come to what they come to alone, whatever they have in common. */
import { expect, test } from 'vitest';
import type { FeatureSnapshot } from '../../../monitor/verdict/snapshot.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { at } from '../../support/day-time.ts';

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
  day.setWatermark('23:00:00');
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
