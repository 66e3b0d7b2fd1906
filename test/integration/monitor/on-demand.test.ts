/**
 * On-demand views in the verdict, each case put in on purpose: values that are right, that inherit what is wrong with
 * their row, that the function gives otherwise now, that were not computed, and that cannot be judged yet.
 */
import { afterEach, expect, test } from 'vitest';
import type { RequestInput } from '../../../contract/model.ts';
import { PRESENT, UNAVAILABLE } from '../../../contract/status.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { ComputedFields } from '../../../contract/wire/log/computed-fields.ts';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { nativeText } from '../../../sidecar/surface/value-text.ts';
import { at } from '../../support/day-time.ts';
import { feature } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow, Served } from '../../support/fixtures/monitored-day.ts';
import { onDemandView } from '../../support/fixtures/on-demand-bundle.ts';

const DOUBLE: ValueType = { kind: 'float64' };
const TEXT: ValueType = { kind: 'string' };
const SETTLED = '2026-01-10T00:00:00';

const input = (name: string, type: ValueType, optional = false): RequestInput => {
  return { name, type, optional, requestTime: false, log: 'raw' };
};

const BASKET = onDemandView(
  'basket',
  `({ cart, coupon, spent_1d }) => ({
    ratio: spent_1d === null || spent_1d === 0 ? null : (coupon === null ? cart : cart - 1) / spent_1d,
  })`,
  {
    inputs: [input('cart', DOUBLE), input('coupon', TEXT, true)],
    uses: [
      {
        role: 'orders',
        view: 'orders',
        requestKeys: ['customer_id'],
        features: [{ feature: 'spent_1d', argument: 'spent_1d' }],
      },
    ],
    features: [feature('ratio', 'float64')],
  },
);
const WITH_BASKET = {
  ...SERVICE,
  features: [
    ...SERVICE.features,
    { fullName: 'cart_ratio', view: 'basket', role: 'basket', feature: 'ratio' },
  ],
  onDemand: [{ role: 'basket', view: 'basket', uses: ['orders'] }],
  inputs: BASKET.inputs,
};

/** Written apart from the view's code. */
function ratio(cart: number, coupon: string | null, spent: number | null): number | null {
  if (spent === null || spent === 0) return null;
  return (cart - (coupon === null ? 0 : 1)) / spent;
}

interface Computed {
  readonly cart: number;
  readonly coupon?: string | null;
  readonly ratio: Value;
  readonly status?: number;
  /** What the model was told, where that was logged. */
  readonly told?: Value;
}

/** The answer of the native surface, in the sidecar's own text. */
function answerOf([count, spent]: readonly Value[], told: Value): Buffer {
  const values: [string, ValueType, Value][] = [
    ['orders__orders_1d', { kind: 'int64' }, count!],
    ['orders__spent_1d', DOUBLE, spent!],
    ['driver_stats__conv_rate', DOUBLE, null],
    ['cart_ratio', DOUBLE, told],
  ];
  const texts = values.map(([name, type, value]) => `"${name}":${nativeText(type, value)}`);
  return Buffer.from(`{"results":[{"entities":{},"features":{${texts.join(',')}}}]}`);
}

let day: MonitoredDay;

afterEach(async () => {
  await day.remove();
});

async function begin(): Promise<void> {
  day = await MonitoredDay.make();
  day.onDemand = [BASKET];
  day.publish(day.orders, WITH_BASKET);
  // None of driver 1, whom all vectors ask for.
  await day.writeDrivers([{ driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 }]);
}

function serve(time: string, customer: string, served: Served, computed: Computed): string {
  const { cart, coupon = null, status = PRESENT } = computed;
  const fields = new ComputedFields();
  fields.open('inputs', 2);
  fields.add(DOUBLE, cart);
  fields.add(TEXT, coupon);
  fields.close();
  fields.open('outputs', 1);
  fields.add(DOUBLE, computed.ratio);
  fields.close();
  fields.statuses([status], 0, 1);
  const rows = [servedRow(day.orders, time, served), servedRow(day.driverStats, time, {})];
  const keys = { customer_id: customer, driver_id: '1' };
  return day.append(time, keys, rows, 0, {
    vectors: [
      { keys: Object.values(keys), rows, computed: { buffer: fields.written, from: 0, to: fields.length } },
    ],
    answer: computed.told === undefined ? null : answerOf(served.row!.values, computed.told),
    inputNames: ['cart', 'coupon'],
    onDemand: [{ role: 'basket', view: 'basket', definitionId: BASKET.definitionId, outputPolicies: [] }],
  });
}

function row(customer: string, event: string, created: string, spent: number | null): OrderRow {
  return { customer, event, created, run: runOf(created), values: [1n, spent] };
}

/** A run by the hour at which it begins. */
function runOf(time: string): string {
  return `r-${time.slice(0, 2)}`;
}

const online = ({ event, created, values }: OrderRow) => ({ event, created, values });

async function recordRun(time: string): Promise<void> {
  const startedUs = at(time);
  const run = { runId: runOf(time), watermarkUs: startedUs, toUs: startedUs };
  await day.record(day.orders, { ...run, startedUs, finishedUs: startedUs + 300_000_000 });
}

function featureOf(snapshot: Snapshot, name: string): FeatureSnapshot {
  return snapshot.features.find((one) => one.name === name)!;
}

/** Vectors that match, with a coupon in every third of them, and one without a value. */
function serveMatching(count: number): OrderRow[] {
  return Array.from({ length: count }, (_, i) => {
    const own = row(`same-${i}`, '05:00', '05:00', i / 4);
    const coupon = i % 3 === 0 ? 'five' : null;
    const computed = { cart: i + 1, coupon, ratio: ratio(i + 1, coupon, i / 4) };
    serve('06:30', own.customer, { row: online(own), watermark: '06:00' }, computed);
    return own;
  });
}

test('what is computed of a right row is right, and of a wrong one has its cause and promise', async () => {
  await begin();
  const rows = serveMatching(40);
  // Its run at 10:00 never came; 13:00 made up for it.
  const [old, missed] = [row('late', '05:00', '05:00', 10), row('late', '10:00', '13:00', 20)];
  rows.push(old, missed);
  serve('12:30', 'late', { row: online(old), watermark: '09:00' }, { cart: 5, ratio: 0.5 });
  serve('11:31', 'nobody', { watermark: '09:00' }, { cart: 5, ratio: null });
  serve(
    '11:32',
    'same-9',
    { row: online(rows[9]!), watermark: '09:00' },
    { cart: 5, ratio: null, status: UNAVAILABLE },
  );
  await day.appendOrders(rows);
  for (const time of ['05:00', '09:00', '13:00']) await recordRun(time);
  day.setWatermark('23:59');
  const snapshot = await day.judge(SETTLED);
  const own = featureOf(snapshot, 'cart_ratio');
  const used = featureOf(snapshot, 'orders__spent_1d');
  expect(own).toMatchObject({
    view: 'basket',
    rows: 43,
    unavailable: 1,
    // The first of those that match has spent nothing, and nobody has no row.
    bothAbsent: 2,
    present: 40,
    exact: 39,
  });
  const causes = Object.keys(used.causes);
  expect(causes).toHaveLength(1);
  expect(own.causes).toEqual(used.causes);
  expect([own.withinPromise, own.beyondPromise]).toEqual([used.withinPromise, used.beyondPromise]);
  expect(snapshot.incidents.map(({ view, cause, runs }) => [view, cause, runs]).toSorted()).toEqual([
    ['basket', causes[0], ['r-13']],
    ['orders', causes[0], ['r-13']],
  ]);
});

test('a function that gives another output over what was logged differs, of whichever pod', async () => {
  await begin();
  const rows = serveMatching(40);
  await day.appendOrders(rows);
  await recordRun('05:00');
  day.setWatermark('23:59');
  for (const n of [7, 8]) {
    const wrong = { cart: 5, ratio: (ratio(5, null, n / 4) ?? 0) + 1 };
    serve('06:31', `same-${n}`, { row: online(rows[n]!), watermark: '06:00' }, wrong);
  }
  const snapshot = await day.judge(SETTLED);
  const own = featureOf(snapshot, 'cart_ratio');
  expect(own.causes).toEqual({ 'on-demand differs': { values: 2, beyondPromise: 2 } });
  expect(featureOf(snapshot, 'orders__spent_1d').causes).toEqual({});
  const [incident] = snapshot.incidents;
  expect(incident).toMatchObject({ view: 'basket', cause: 'on-demand differs', pods: ['pod-1'], values: 2 });
});

test('a model that was told another value than the logged one is an alarm, one that was told it is not', async () => {
  await begin();
  const rows = serveMatching(40);
  const served = { row: online(rows[8]!), watermark: '06:00' };
  serve('06:31', 'same-8', served, { cart: 5, ratio: 2.5, told: 2.5 });
  serve('06:32', 'same-8', served, { cart: 5, ratio: 2.5, told: 3.5 });
  await day.appendOrders(rows);
  await recordRun('05:00');
  day.setWatermark('23:59');
  const snapshot = await day.judge(SETTLED);
  expect(featureOf(snapshot, 'cart_ratio').causes).toEqual({
    'answer altered': { values: 1, beyondPromise: 1 },
  });
  expect(snapshot.findings[0]).toMatchObject({ verdict: 'alarm', view: 'basket', cause: 'answer altered' });
});

test('over rows that are unjudged only another output is told', async () => {
  await begin();
  const rows = serveMatching(40);
  await day.appendOrders(rows);
  await recordRun('05:00');
  day.setWatermark('22:00');
  const served = { row: online(rows[8]!), watermark: '22:00' };
  serve('23:30', 'same-8', served, { cart: 5, ratio: 2.5 });
  serve('23:31', 'same-8', served, { cart: 5, ratio: 99 });
  const snapshot = await day.judge(SETTLED);
  const own = featureOf(snapshot, 'cart_ratio');
  expect(own).toMatchObject({ unjudged: 2, exact: 39, causes: {} });
  expect(snapshot.incidents).toMatchObject([{ view: 'basket', cause: 'on-demand differs', values: 1 }]);
});

test('a row that differs only in what no service lists has a cause, which its own view counts nowhere', async () => {
  await begin();
  const features = WITH_BASKET.features.filter(({ feature: name }) => name !== 'spent_1d');
  day.publish(day.orders, { ...WITH_BASKET, features });
  const rows = serveMatching(40);
  const [old, missed] = [row('late', '05:00', '05:00', 10), row('late', '10:00', '13:00', 20)];
  serve('12:30', 'late', { row: online(old), watermark: '09:00' }, { cart: 5, ratio: 0.5 });
  await day.appendOrders([...rows, old, missed]);
  for (const time of ['05:00', '09:00', '13:00']) await recordRun(time);
  day.setWatermark('23:59');
  const snapshot = await day.judge(SETTLED);
  const own = featureOf(snapshot, 'cart_ratio');
  expect(own).toMatchObject({ rows: 41, dropped: 0, exact: 39, bothAbsent: 1, present: 40 });
  expect(Object.keys(own.causes)).toEqual(['materialization lag']);
  expect(snapshot.incidents).toMatchObject([
    { view: 'basket', cause: 'materialization lag', runs: ['r-13'] },
  ]);
  const listed = featureOf(snapshot, 'orders__orders_1d');
  expect(listed).toMatchObject({ rows: 41, present: 41, exact: 41, causes: {} });
  const orders = snapshot.views.find(({ view }) => view === 'orders')!;
  expect(orders.hours.reduce((sum, { values }) => sum + values, 0)).toBe(41);
});

test('vectors of a bundle whose function is another are run by that one', async () => {
  await begin();
  const rows = serveMatching(40);
  const doubled = onDemandView(
    'basket',
    '({ cart, spent_1d }) => ({ ratio: spent_1d === null || spent_1d === 0 ? null : 2 * cart / spent_1d })',
    { inputs: BASKET.inputs, uses: BASKET.uses, features: BASKET.features },
  );
  day.onDemand = [doubled];
  day.publish(day.orders, WITH_BASKET);
  for (const n of [7, 8, 9]) {
    const computed = { cart: 5, ratio: 10 / (n / 4) };
    serve('08:00', `same-${n}`, { row: online(rows[n]!), watermark: '06:00' }, computed);
  }
  await day.appendOrders(rows);
  await recordRun('05:00');
  day.setWatermark('23:59');
  const own = featureOf(await day.judge(SETTLED), 'cart_ratio');
  expect(own).toMatchObject({ rows: 43, exact: 42, bothAbsent: 1, causes: {} });
});

test('a call that does not end costs its own vector alone, and is named', async () => {
  await begin();
  const looping = onDemandView(
    'basket',
    `({ cart, coupon, spent_1d }) => {
      while (cart === 1313) {}
      const paid = coupon === null ? cart : cart - 1;
      return { ratio: spent_1d === null || spent_1d === 0 ? null : paid / spent_1d };
    }`,
    {
      inputs: BASKET.inputs,
      uses: BASKET.uses,
      features: BASKET.features,
      endless: 'a loop (basket.ts:2)',
      isolated: true,
    },
  );
  day.onDemand = [looping];
  day.publish(day.orders, WITH_BASKET);
  const rows = serveMatching(40);
  serve('06:31', 'same-8', { row: online(rows[8]!), watermark: '06:00' }, { cart: 1313, ratio: 656.5 });
  await day.appendOrders(rows);
  await recordRun('05:00');
  day.setWatermark('23:59');
  const own = featureOf(await day.judge(SETTLED), 'cart_ratio');
  expect(own).toMatchObject({ rows: 41, dropped: 1, exact: 39, bothAbsent: 1, causes: {} });
  expect(own.withheld).toEqual({
    'not computed again: basket.ts: a call took over 1000 ms and was ended': 1,
  });
});
