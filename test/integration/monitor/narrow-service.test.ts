/**
 * Services that take few features of a view: whose row was served is told from all that the row held, also from what
 * no model takes.
 */
import { afterEach, expect, test } from 'vitest';
import type { FeatureService } from '../../../contract/model.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import { orders } from '../../support/fixtures/materialized-project.ts';

const SETTLED = '2026-01-10T00:00:00';
const TIMES = { event: '11:00:00', created: '11:01:00' };

let day: MonitoredDay;
afterEach(() => day.remove());

/** Takes these features of `orders`, and nothing else. */
function serviceOf(...names: string[]): FeatureService {
  return {
    ...SERVICE,
    features: names.map((name) => ({
      fullName: `orders__${name}`,
      view: 'orders',
      role: 'orders',
      feature: name,
    })),
    views: [SERVICE.views[0]!],
    requestKeys: [SERVICE.requestKeys[0]!],
  };
}

type Values = readonly [bigint, number];

/** A history of one row each, by customer. */
async function writeHistory(rows: Readonly<Record<string, Values>>): Promise<void> {
  const own = Object.entries(rows).map(([customer, values]) => ({ customer, ...TIMES, run: 'r-11', values }));
  await day.appendOrders(own);
  await day.record(day.orders, { runId: 'r-11', finishedUs: 1, watermarkUs: 1 });
  await day.setWatermark('23:00:00');
}

function serve(customer: string, values: Values): string {
  const row = servedRow(day.orders, '11:30:00', { row: { ...TIMES, values }, watermark: '11:00:00' });
  return day.append('11:30:00', { customer_id: customer }, [row]);
}

function told({ views, features }: Snapshot): unknown {
  const { altered, foreign, true: held, unknown } = views[0]!.fidelity!;
  const examples = features.flatMap((feature) =>
    feature.examples.map((one) => [one.requestId, one.causes[0]]),
  );
  return { true: held, altered, foreign, unknown, causes: Object.fromEntries(examples) as unknown };
}

test('a row of another entity is proved by values that the service does not take', async () => {
  day = await MonitoredDay.make();
  day.publish(day.orders, serviceOf('orders_1d'));
  await writeHistory({ a: [1n, 10], b: [2n, 20], c: [1n, 30] });
  serve('a', [1n, 10]);
  const foreign = serve('a', [2n, 20]);
  // The right count in the row of `c`: a failed row, whose only value that is taken matches.
  serve('a', [1n, 30]);
  const snapshot = await day.judge(SETTLED);
  expect(told(snapshot)).toEqual({
    true: 1,
    altered: 1,
    foreign: 1,
    unknown: 0,
    causes: { [foreign]: 'foreign row' },
  });
  expect(snapshot.features[0]!.examples[0]!.evidence).toMatch(/that of customer_id=b$/);
});

test('a row of another event is that row, where two values tell something and one is taken', async () => {
  day = await MonitoredDay.make();
  day.publish(day.orders, serviceOf('spent_1d'));
  await writeHistory({ a: [5n, 50] });
  const row = { event: '10:59:59', created: '11:01:00', values: [5n, 50] };
  day.append('11:30:00', { customer_id: 'a' }, [servedRow(day.orders, '11:30:00', { row })]);
  const { views, features } = await day.judge(SETTLED);
  expect(views[0]!.fidelity).toMatchObject({ restamped: 1, true: 0 });
  expect(features[0]).toMatchObject({ present: 1, exact: 1 });
});

test('what the service took earlier that day is compared in the column that it had then', async () => {
  day = await MonitoredDay.make();
  day.publish(day.orders, serviceOf('orders_1d', 'spent_1d'));
  await writeHistory({ a: [1n, 10], b: [2n, 20] });
  serve('a', [1n, 10]);
  const early = serve('a', [2n, 20]);
  day.publish(day.orders, serviceOf('orders_1d'));
  serve('a', [1n, 10]);
  const late = serve('a', [2n, 20]);
  const snapshot = await day.judge(SETTLED);
  const causes = { [early]: 'foreign row', [late]: 'foreign row' };
  expect(told(snapshot)).toEqual({ true: 2, altered: 0, foreign: 2, unknown: 0, causes });
});

test('a column that the view gained that day is none of the rows of before', async () => {
  day = await MonitoredDay.make();
  const all = orders();
  const before = { ...all, features: all.features.slice(0, 1) };
  day.publish(before, serviceOf('orders_1d'));
  await writeHistory({ a: [1n, 10] });
  const row = servedRow(before, '11:30:00', { row: { ...TIMES, values: [1n] }, watermark: '11:00:00' });
  day.append('11:30:00', { customer_id: 'a' }, [row]);
  day.publish(all, serviceOf('orders_1d'));
  serve('a', [1n, 10]);
  expect(told(await day.judge(SETTLED))).toEqual({ true: 2, altered: 0, foreign: 0, unknown: 0, causes: {} });
});
