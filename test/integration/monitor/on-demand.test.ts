/**
 * On-demand views in the verdict, each case put in on purpose: values that are right, that inherit what is wrong with
 * their row, that the function gives otherwise now, that were not computed, and that cannot be judged yet.
 */
import { afterEach, expect, test } from 'vitest';
import { PRESENT, UNAVAILABLE } from '../../../contract/status.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { judgedRowsFile } from '../../../monitor/verdict/snapshot-folder.ts';
import { explainRequest } from '../../../monitor/explain/explain.ts';
import { renderExplanation } from '../../../monitor/explain/explanation-text.ts';
import { quantileOfSorted } from '../../../monitor/statistics/quantile.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { nativeText } from '../../../sidecar/surface/value-text.ts';
import {
  BASKET,
  DOUBLE,
  MARKUP,
  basketService,
  doubledOf,
  featureOf,
  onlineRow as online,
  ratioOf,
  recordRun,
  serveBasket,
  spentRow as row,
} from '../../support/fixtures/basket-day.ts';
import { DAY } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow, Served } from '../../support/fixtures/monitored-day.ts';
import { onDemandView } from '../../support/fixtures/on-demand-bundle.ts';

const SETTLED = '2026-01-10T00:00:00';
const WITH_BASKET = basketService(['cart_ratio']);

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
  const { cart, coupon = null, status = PRESENT, told, ratio } = computed;
  const answer = told === undefined ? null : answerOf(served.row!.values, told);
  return serveBasket(
    day,
    time,
    { customer, ...served },
    { cart, coupon, outputs: [ratio], statuses: [status], answer },
  );
}

/** `plumb explain` says of each example what the verdict says. */
async function expectExplained(snapshot: Snapshot, name: string): Promise<void> {
  const { examples } = featureOf(snapshot, name);
  expect(examples.length).toBeGreaterThan(0);
  for (const { requestId, row: place, served, replayed, causes, withinPromise, evidence } of examples) {
    const narrowed = { row: place, feature: name };
    const [vector] = await explainRequest(day.project, day.project.database, { requestId }, narrowed);
    const found = vector!.computed.flatMap(({ features }) => features).find((one) => one.name === name);
    expect(found).toMatchObject({ same: false, cause: causes[0], withinPromise });
    expect([found!.served!.value, found!.trained.value]).toEqual([served.value, replayed.value]);
    // One vector does not tell the run.
    expect(found!.evidence).toBe(evidence.replace(/ \(run [^)]*\)/, ''));
    expect(renderExplanation([vector!])).toContain('(computed on demand)');
  }
}

/** Vectors that match, with a coupon in every third of them, and one without a value. */
function serveMatching(count: number): OrderRow[] {
  return Array.from({ length: count }, (_, i) => {
    const own = row(`same-${i}`, '05:00', '05:00', i / 4);
    const coupon = i % 3 === 0 ? 'five' : null;
    const computed = { cart: i + 1, coupon, ratio: ratioOf(i + 1, coupon, i / 4) };
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
  for (const time of ['05:00', '09:00', '13:00']) await recordRun(day, time);
  await day.setWatermark('23:59');
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
  await recordRun(day, '05:00');
  await day.setWatermark('23:59');
  for (const n of [7, 8]) {
    const wrong = { cart: 5, ratio: (ratioOf(5, null, n / 4) ?? 0) + 0.125 };
    serve('06:31', `same-${n}`, { row: online(rows[n]!), watermark: '06:00' }, wrong);
  }
  const snapshot = await day.judge(SETTLED);
  const own = featureOf(snapshot, 'cart_ratio');
  expect(own.causes).toEqual({ 'on-demand differs': { values: 2, beyondPromise: 2 } });
  expect(featureOf(snapshot, 'orders__spent_1d').causes).toEqual({});
  const [incident] = snapshot.incidents;
  expect(incident).toMatchObject({ view: 'basket', cause: 'on-demand differs', pods: ['pod-1'], values: 2 });
  // Without a training set it is measured by how far apart the quartiles of what is replayed lie.
  const matching = rows.map((_, i) => ratioOf(i + 1, i % 3 === 0 ? 'five' : null, i / 4));
  const replayed = [...matching, ratioOf(5, null, 7 / 4), ratioOf(5, null, 8 / 4)].filter(
    (one) => one !== null,
  );
  const sorted = replayed.toSorted((a, b) => a - b);
  const spread = quantileOfSorted(sorted, 0.75) - quantileOfSorted(sorted, 0.25);
  expect(spread).toBeGreaterThan(0.125);
  expect(incident!.harm).toBeCloseTo((2 * 0.125) / spread, 9);
});

test('a model that was told another value than the logged one is an alarm, one that was told it is not', async () => {
  await begin();
  const rows = serveMatching(40);
  const served = { row: online(rows[8]!), watermark: '06:00' };
  serve('06:31', 'same-8', served, { cart: 5, ratio: 2.5, told: 2.5 });
  serve('06:32', 'same-8', served, { cart: 5, ratio: 2.5, told: 3.5 });
  await day.appendOrders(rows);
  await recordRun(day, '05:00');
  await day.setWatermark('23:59');
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
  await recordRun(day, '05:00');
  await day.setWatermark('22:00');
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
  for (const time of ['05:00', '09:00', '13:00']) await recordRun(day, time);
  await day.setWatermark('23:59');
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

test('rows that on-demand views alone use say in the Parquet whether what is used of them agrees', async () => {
  await begin();
  const features = WITH_BASKET.features.filter(({ view }) => view !== 'orders');
  day.publish(day.orders, { ...WITH_BASKET, features });
  const rows = serveMatching(400);
  const [old, missed] = [row('late', '05:00', '05:00', 10), row('late', '10:00', '13:00', 20)];
  for (let i = 0; i < 400; i++)
    serve('12:30', 'late', { row: online(old), watermark: '09:00' }, { cart: 5, ratio: 0.5 });
  await day.appendOrders([...rows, old, missed]);
  for (const time of ['05:00', '09:00', '13:00']) await recordRun(day, time);
  await day.setWatermark('23:59');
  await day.judge(SETTLED);
  const duck = await DuckDb.open();
  const file = quotePath(judgedRowsFile(day.project.settings.reports, SERVICE.name, DAY));
  const told = await duck.rows(`SELECT DISTINCT customer_id = 'late' AS late, _outcome, _fidelity, _mismatches
    FROM read_parquet(${file}) WHERE _view = 'orders' ORDER BY late`);
  duck.close();
  expect(told).toEqual([
    { late: false, _outcome: 'agrees', _fidelity: 'true', _mismatches: 0 },
    { late: true, _outcome: 'differs', _fidelity: 'true', _mismatches: 0 },
  ]);
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
  await recordRun(day, '05:00');
  await day.setWatermark('23:59');
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
      costly: 'has a loop (basket.ts:2)',
      isolated: true,
    },
  );
  day.onDemand = [looping];
  day.publish(day.orders, WITH_BASKET);
  const rows = serveMatching(40);
  serve('06:31', 'same-8', { row: online(rows[8]!), watermark: '06:00' }, { cart: 1313, ratio: 656.5 });
  await day.appendOrders(rows);
  await recordRun(day, '05:00');
  await day.setWatermark('23:59');
  const own = featureOf(await day.judge(SETTLED), 'cart_ratio');
  expect(own).toMatchObject({ rows: 41, dropped: 1, exact: 39, bothAbsent: 1, causes: {} });
  expect(own.withheld).toEqual({
    'not computed again: basket.ts: a call took over 1000 ms and was ended': 1,
  });
});

test('examples, hours and the count of outputs asked are those of what differs', async () => {
  await begin();
  const rows = serveMatching(40);
  const [old, missed] = [row('late', '05:00', '05:00', 10), row('late', '10:00', '13:00', 20)];
  const lagging = { row: online(old), watermark: '09:00' };
  const late = serve('12:30', 'late', lagging, { cart: 5, ratio: 0.5 });
  const other = serve(
    '08:15',
    'same-8',
    { row: online(rows[8]!), watermark: '06:00' },
    { cart: 5, ratio: 9 },
  );
  serve(
    '12:31',
    'same-9',
    { row: online(rows[9]!), watermark: '09:00' },
    { cart: 5, ratio: null, status: UNAVAILABLE },
  );
  await day.appendOrders([...rows, old, missed]);
  for (const time of ['05:00', '09:00', '13:00']) await recordRun(day, time);
  await day.setWatermark('23:59');
  const snapshot = await day.judge(SETTLED);
  const { examples } = featureOf(snapshot, 'cart_ratio');
  expect(examples.map(({ requestId }) => requestId).toSorted()).toEqual([late, other].toSorted());
  expect(examples.find(({ requestId }) => requestId === late)).toMatchObject({
    source: 'computed',
    entities: { customer_id: 'late', driver_id: '1' },
    served: { value: 0.5, state: 'value', eventTime: null },
    replayed: { value: 0.25, state: 'value' },
    causes: ['materialization lag'],
    evidence: 'it was computed of orders (run r-13), where this is the cause',
  });
  expect(examples.find(({ requestId }) => requestId === other)).toMatchObject({
    served: { value: 9 },
    replayed: { value: 2.5 },
    causes: ['on-demand differs'],
    evidence: 'the function gave 9 and gives 2.5 now, over the same inputs and rows as they were logged',
  });
  const [basket] = snapshot.computed!;
  expect(basket).toMatchObject({ role: 'basket', asked: 42, differing: 1 });
  const hours = basket!.hours.map((hour) => [hour.hour, hour.values, hour.mismatches, hour.unavailable]);
  // One of those that match has no value.
  expect(hours).toEqual([
    [6, 39, 0, 0],
    [8, 1, 1, 0],
    [12, 1, 1, 1],
  ]);
  const incident = snapshot.incidents.find(({ cause }) => cause === 'on-demand differs')!;
  expect(incident.command).toBe(`plumb explain --request ${other} --row 0 --feature cart_ratio`);
  expect(incident.examples).toHaveLength(1);
  await expectExplained(snapshot, 'cart_ratio');
});

test.each([[['cart_ratio', 'cart_doubled']], [['cart_doubled']]] as const)(
  'what is computed of another on-demand view inherits through it, listed or not: %s',
  async (lists) => {
    await begin();
    day.onDemand = [BASKET, MARKUP];
    day.publish(day.orders, basketService(lists));
    const computed = (
      cart: number,
      ratio: number | null,
      { status = PRESENT, doubled = doubledOf(cart, ratio) } = {},
    ) => {
      const outputs = lists.map((name) => (name === 'cart_ratio' ? ratio : doubled));
      return { cart, outputs, statuses: [status, PRESENT], views: [BASKET, MARKUP] };
    };
    const rows = Array.from({ length: 40 }, (_, i) => row(`same-${i}`, '05:00', '05:00', i / 4));
    const of = (own: OrderRow, watermark: string) => ({
      customer: own.customer,
      row: online(own),
      watermark,
    });
    for (const [i, own] of rows.entries())
      serveBasket(day, '06:30', of(own, '06:00'), computed(i + 1, ratioOf(i + 1, null, i / 4)));
    const [old, missed] = [row('late', '05:00', '05:00', 10), row('late', '10:00', '13:00', 20)];
    serveBasket(day, '12:30', of(old, '09:00'), computed(5, 0.5));
    // Its own function gave another output.
    serveBasket(day, '12:31', of(rows[8]!, '09:00'), computed(5, 2.5, { doubled: 99 }));
    // The other one's did.
    if (lists.length === 2) serveBasket(day, '12:32', of(rows[9]!, '09:00'), computed(5, 7));
    await day.appendOrders([...rows, old, missed]);
    for (const time of ['05:00', '09:00', '13:00']) await recordRun(day, time);
    await day.setWatermark('23:59');
    const snapshot = await day.judge(SETTLED);
    const doubled = featureOf(snapshot, 'cart_doubled');
    const others = lists.length === 2 ? 2 : 1;
    expect(doubled).toMatchObject({ view: 'markup', rows: 41 + others, dropped: 0, exact: 40 });
    expect(doubled.causes).toEqual({
      'on-demand differs': { values: others, beyondPromise: others },
      'materialization lag': { values: 1, beyondPromise: 1 },
    });
    const lag = doubled.examples.find(({ causes }) => causes[0] === 'materialization lag')!;
    expect([lag.served.value, lag.replayed.value]).toEqual([6, 5.5]);
    expect(lag.evidence).toContain('computed of basket (run r-13)');
    await expectExplained(snapshot, 'cart_doubled');
    const [basket, markup] = snapshot.computed!;
    expect([basket!.asked, basket!.differing]).toEqual([41 + others, others - 1]);
    expect([markup!.asked, markup!.differing]).toEqual([41 + others, 1]);
    if (lists.length === 2)
      expect(featureOf(snapshot, 'cart_ratio').causes).toMatchObject({ 'on-demand differs': { values: 1 } });
  },
);
