/** What the monitor judges by: the bundle that each record names, roles, and the surface that answered. */
import { afterEach, expect, test } from 'vitest';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import type { FeatureService, JoinKey } from '../../../contract/model.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import {
  customer,
  driver,
  driverStats,
  feature,
  orders,
} from '../../support/fixtures/materialized-project.ts';
import { at } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE, earlierOrders, servedRow } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow, Served } from '../../support/fixtures/monitored-day.ts';

const SETTLED = '2026-01-10T00:00:00';
const DRIVERS = [{ driver: 1, event: '23:00:00', created: '23:00:00', convRate: 0.5 }];
const noDriver: Served = { status: 'MISSING', watermark: '06:00:00' };

let day: MonitoredDay;

afterEach(async () => {
  await day.remove();
});

function row(id: string, values: OrderRow['values']): OrderRow {
  return { customer: id, event: '05:00:00', created: '05:00:00', run: 'r-05', values };
}

function driverRow({ event, created, convRate }: (typeof DRIVERS)[number]): Served['row'] {
  return { event, created, values: [convRate, null, null] };
}

function online({ event, created, values }: OrderRow): Served {
  return { row: { event, created, values }, watermark: '06:00:00' };
}

function featureOf(snapshot: Snapshot, name: string): FeatureSnapshot {
  return snapshot.features.find((one) => one.name === name)!;
}

/** Rows of other keys than today's tell nothing of a row: it is neither true nor wrong. */
function expectNoneAsked({ views, incidents }: Snapshot, role: string): void {
  const { fidelity } = views.find((one) => one.role === role)!;
  expect(Object.values(fidelity!).filter((rows) => rows > 0)).toEqual([]);
  expect(incidents).toEqual([]);
}

test('fallbacks are those of the bundle that answered, on both sides', async () => {
  const [count, spent] = orders().features;
  day = await MonitoredDay.make();
  const missing: Served = { status: 'MISSING', watermark: '06:00:00' };
  day.serve('06:10:00', 'nobody', missing, 2, noDriver);
  day.publish(orders({ features: [count!, { ...spent!, missing: -1 }] }));
  day.serve('06:20:00', 'nobody', missing, 2, noDriver);
  const known = row('known', [1n, 5]);
  const id = day.serve('06:30:00', 'known', missing, 2, noDriver);
  await day.appendOrders([known]);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:00:00');
  const judged = featureOf(await day.judge(SETTLED), 'orders__spent_1d');
  expect(judged).toMatchObject({ rows: 3, bothAbsent: 2, present: 1, exactMatch: 0 });
  expect(judged.examples).toEqual([
    expect.objectContaining({
      requestId: id,
      served: expect.objectContaining({ state: 'missing', value: -1 }) as unknown,
      replayed: expect.objectContaining({ state: 'value', value: 5 }) as unknown,
    }),
  ]);
});

test('delay and TTL are those of the bundle that answered, though they change in the middle of the day', async () => {
  const HOUR = 3_600_000_000;
  day = await MonitoredDay.make({}, { ttlUs: 2 * HOUR });
  const edges = ['04:00:00', '05:00:00'].map((event, i): OrderRow => {
    return { customer: 'known', event, created: event, run: 'r', values: [BigInt(i + 1), i + 1] };
  });
  const [atFour, atFive] = edges.map((edge) => ({ ...online(edge), watermark: '05:00:00' }));
  const stats = DRIVERS.map((one) => ({ ...one, event: '03:00:00', created: '03:00:00' }));
  const withheld: Served = { status: 'OUTSIDE_TTL', watermark: '05:00:00', row: driverRow(stats[0]!) };
  const present: Served = { ...withheld, status: 'PRESENT' };
  // Without a delay and with a TTL of two hours; then with a delay of 45 minutes and a TTL of five hours; then both.
  day.serve('05:30:00', 'known', atFive!, 1, withheld);
  day.publish(orders({ delayUs: 0.75 * HOUR }));
  day.serve('05:30:00', 'known', atFour!, 1, withheld);
  day.publishDrivers(driverStats({ ttlUs: 5 * HOUR }));
  day.serve('05:30:00', 'known', atFour!, 1, present);
  day.serve('05:45:00', 'known', atFive!, 1, present);
  day.publishDrivers(driverStats({ ttlUs: null }));
  day.serve('09:00:00', 'known', atFive!, 1, present);
  await day.appendOrders(edges);
  await day.writeDrivers(stats);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  expect(snapshot.features.map(({ rows, exactMatch }) => [rows, exactMatch])).toEqual([
    [5, 1],
    [5, 1],
    [5, 1],
  ]);
  expect(featureOf(snapshot, 'driver_stats__conv_rate').states).toEqual([
    { served: 'outside TTL', replayed: 'outside TTL', rows: 2 },
    { served: 'value', replayed: 'value', rows: 3 },
  ]);
  // By today's bundle alone the first vector would have been served ahead.
  day.publish(orders({ delayUs: 0.75 * HOUR }));
  await day.openLog();
  day.serve('05:31:00', 'known', atFive!, 1, present);
  const again = await day.judge(SETTLED);
  expect(featureOf(again, 'orders__orders_1d')).toMatchObject({
    rows: 6,
    causes: { 'served ahead': { values: 1 } },
  });
});

test('a feature that the answering bundle lacked is not counted for its vectors', async () => {
  day = await MonitoredDay.make();
  const known = row('known', [1n, 5]);
  day.serve('06:10:00', 'known', online(known), 2, noDriver);
  await day.appendOrders([known]);
  await day.record(day.orders, { runId: 'r-05', watermarkUs: at('07:00:00'), finishedUs: at('07:01:00') });
  const [count, spent] = orders().features;
  const later = feature('later', 'int64', { aggregation: count!.aggregation });
  const more = orders({ features: [count!, spent!, later] });
  day.publish(more, {
    ...SERVICE,
    features: [
      ...SERVICE.features,
      { fullName: 'orders__later', view: 'orders', role: 'orders', feature: 'later' },
    ],
  });
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  expect(featureOf(snapshot, 'orders__later').rows).toBe(0);
  expect(featureOf(snapshot, 'orders__spent_1d').rows).toBe(1);
});

test('a feature that the service took later is not counted for vectors of before, and makes no row another', async () => {
  day = await MonitoredDay.make();
  const known = row('known', [1n, 5]);
  const fewer = SERVICE.features.filter(({ fullName }) => fullName !== 'orders__spent_1d');
  day.publish(day.orders, { ...SERVICE, features: fewer });
  day.serve('06:10:00', 'known', online(known), 2, noDriver);
  await day.appendOrders([known]);
  await day.record(day.orders, { runId: 'r-05', watermarkUs: at('07:00:00'), finishedUs: at('07:01:00') });
  day.publish(day.orders, SERVICE);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  expect(featureOf(snapshot, 'orders__spent_1d').rows).toBe(0);
  expect(featureOf(snapshot, 'orders__orders_1d')).toMatchObject({ rows: 1, exact: 1 });
  expect(snapshot.views.find(({ role }) => role === 'orders')!.fidelity).toMatchObject({
    true: 1,
    altered: 0,
  });
});

test('a vector is replayed over the rows of the definition that served it', async () => {
  const [count, spent] = orders().features;
  day = await MonitoredDay.make();
  const before = day.orders;
  const ofBefore = [row('known', [1n, 5]), row('other', [2n, 6])];
  day.serve('06:10:00', 'known', online(ofBefore[0]!), 2, noDriver);
  const wrong = day.serve('06:11:00', 'other', online({ ...ofBefore[1]!, values: [2n, 7] }), 2, noDriver);
  // Past what the runs of that definition have computed: nobody knows what it should have got.
  day.serve('08:10:00', 'known', online(ofBefore[0]!), 2, noDriver);
  await day.appendOrders(ofBefore);
  await day.record(before, { runId: 'r-05', watermarkUs: at('07:00:00'), finishedUs: at('07:01:00') });
  // The same feature over another column, and one of another type.
  const other = { ...spent!, aggregation: { ...spent!.aggregation!, column: 'other' } };
  day.publish(orders({ features: [{ ...count!, type: { kind: 'float64' } }, other] }));
  expect(day.orders.definitionId).not.toBe(before.definitionId);
  await day.writeDrivers(DRIVERS);
  const unmaterialized = featureOf(await day.judge(SETTLED), 'orders__spent_1d');
  expect(unmaterialized).toMatchObject({ present: 2, unjudged: 1, exactMatch: 0.5 });
  const ofToday = { ...row('known', [null, 500]), run: 'r-09' };
  await day.openLog();
  day.serve('06:20:00', 'known', online(ofToday), 2, noDriver);
  await day.appendOrders([ofToday]);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  const judged = featureOf(snapshot, 'orders__spent_1d');
  expect(judged).toMatchObject({ present: 3, unjudged: 1, exactMatch: 2 / 3 });
  expect(judged.examples).toEqual([expect.objectContaining({ requestId: wrong })]);
  // What has another type by now is compared for today's vectors alone.
  expect(featureOf(snapshot, 'orders__orders_1d').rows).toBe(1);
});

test('vectors from when a view had another entity are unjudged', async () => {
  day = await MonitoredDay.make();
  const known = row('known', [1n, 5]);
  day.serve('06:10:00', 'known', online(known), 2, noDriver);
  await day.appendOrders([known]);
  await day.setWatermark('23:00:00');
  await day.writeDrivers(DRIVERS);
  day.publish(orders({ entity: 'shopper' }), SERVICE, 'raw', [{ ...customer, name: 'shopper' }]);
  await day.appendOrders([{ ...known, values: [9n, 9] }]);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  expect(featureOf(snapshot, 'orders__spent_1d')).toMatchObject({ present: 0, unjudged: 1 });
  expectNoneAsked(snapshot, 'orders');
});

test('so are vectors from when a stored view had other keys; a key of the same name and type is the same', async () => {
  day = await MonitoredDay.make();
  const [known] = DRIVERS;
  const took: Served = { row: driverRow(known!), watermark: '23:30:00' };
  day.serve('23:40:00', 'nobody', { status: 'MISSING', watermark: '06:00:00' }, 1, took);
  const times = `make_timestamp(${at('23:00:00')})`;
  await day.project.writeParquet(
    'drivers',
    `SELECT 1::BIGINT AS driver_id, 1::BIGINT AS rider_id, ${times} AS event_timestamp, ${times} AS created,
       ${known!.convRate}::DOUBLE AS conv_rate, NULL::BIGINT AS trips, NULL::VARCHAR[] AS tags`,
  );
  await day.setWatermark('23:00:00');
  day.publish(day.orders, SERVICE, 'raw', [{ ...driver, description: 'Who drives.' }]);
  const rate = 'driver_stats__conv_rate';
  expect(featureOf(await day.judge(SETTLED), rate)).toMatchObject({ present: 1, exact: 1, unjudged: 0 });
  const rider: JoinKey = { name: 'rider_id', type: 'int64' };
  day.publish(day.orders, SERVICE, 'raw', [{ ...driver, joinKeys: [rider] }]);
  const snapshot = await day.judge(SETTLED);
  expect(featureOf(snapshot, rate)).toMatchObject({ rows: 1, present: 0, unjudged: 1 });
  expectNoneAsked(snapshot, 'driver_stats');
});

test.each<[string, JoinKey]>([
  ['renamed', { name: 'client_id', type: 'string' }],
  ['given another type', { name: 'customer_id', type: 'int64' }],
])('a row from before the join keys were %s counts as none of the vector that took it', async (_, key) => {
  day = await MonitoredDay.make();
  const changed = { ...customer, joinKeys: [key] };
  const service: FeatureService = {
    ...SERVICE,
    views: [{ role: 'orders', view: 'orders', requestKeys: [key.name] }, SERVICE.views[1]!],
    requestKeys: [key, SERVICE.requestKeys[1]!],
  };
  day.publish(orders({}, changed), service, 'raw', [changed]);
  const stale = online(row('7', [1n, 5]));
  const take = (time: string, took: Served): string =>
    day.append(time, { [key.name]: '7', driver_id: '2' }, [
      servedRow(day.orders, time, took),
      servedRow(day.driverStats, time, noDriver),
    ]);
  take('06:10:00', { ...stale, definition: earlierOrders });
  const taken = take('06:20:00', stale);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:00:00');
  const judged = featureOf(await day.judge(SETTLED), 'orders__spent_1d');
  expect(judged).toMatchObject({
    rows: 2,
    states: [
      { served: 'missing', replayed: 'missing', rows: 1 },
      { served: 'value', replayed: 'missing', rows: 1 },
    ],
  });
  expect(judged.examples.map(({ requestId }) => requestId)).toEqual([taken]);
});

test('a view in two roles is replayed by the key of each', async () => {
  const service: FeatureService = {
    ...SERVICE,
    features: ['buyer', 'seller'].flatMap((role) =>
      ['orders_1d', 'spent_1d'].map((name) => {
        return { fullName: `${role}__${name}`, view: 'orders', role, feature: name };
      }),
    ),
    views: ['buyer', 'seller'].map((role) => ({ role, view: 'orders', requestKeys: [`${role}_id`] })),
    requestKeys: ['seller_id', 'buyer_id'].map((name) => ({ name, type: 'string' })),
  };
  day = await MonitoredDay.make();
  day.publish(day.orders, service);
  const [a, b] = [row('a', [1n, 1]), row('b', [2n, 2])];
  // The record's keys stand in another order than the service's.
  const rows = [
    servedRow(day.orders, '06:10:00', online(a), 'buyer'),
    servedRow(day.orders, '06:10:00', online(a), 'seller'),
  ];
  day.append('06:10:00', { buyer_id: 'a', seller_id: 'b' }, rows);
  await day.appendOrders([a, b]);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  expect(featureOf(snapshot, 'buyer__spent_1d').exactMatch).toBe(1);
  expect(featureOf(snapshot, 'seller__spent_1d')).toMatchObject({
    exactMatch: 0,
    causes: { 'foreign row': { values: 1, beyondPromise: 1 } },
  });
  expect(featureOf(snapshot, 'seller__spent_1d').examples[0]!.evidence).toMatch('that of customer_id=a');
  expect(featureOf(snapshot, 'seller__spent_1d').examples[0]!.entities).toEqual({
    seller_id: 'b',
    buyer_id: 'a',
  });
  expect(snapshot.views.map(({ role, view }) => [role, view])).toEqual([
    ['buyer', 'orders'],
    ['seller', 'orders'],
  ]);
  expect(snapshot.incidents).toEqual([
    expect.objectContaining({
      view: 'orders',
      cause: 'foreign row',
      features: expect.arrayContaining(['seller__spent_1d']) as unknown,
      rows: 1,
    }),
  ]);
});

test('the tensor surface is judged by the doubles that it gave', async () => {
  day = await MonitoredDay.make();
  const oip = SURFACES.indexOf('oip');
  const wide = 2n ** 53n;
  const history = [row('wide', [wide + 1n, null])];
  const rows = [
    servedRow(day.orders, '06:10:00', online({ ...history[0]!, values: [wide, null] })),
    servedRow(day.driverStats, '06:10:00', noDriver),
  ];
  const keys = { customer_id: 'wide', driver_id: '2' };
  day.append('06:10:00', keys, rows, oip);
  await day.appendOrders(history);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:00:00');
  const asTensor = await day.judge(SETTLED);
  expect(featureOf(asTensor, 'orders__orders_1d').exactMatch).toBe(1);
  expect(featureOf(asTensor, 'orders__spent_1d')).toMatchObject({
    bothAbsent: 1,
    exactMatch: null,
    states: [{ served: 'null', replayed: 'null', rows: 1 }],
  });
  await day.openLog();
  day.append('06:10:00', keys, rows);
  const asJson = await day.judge(SETTLED);
  expect(featureOf(asJson, 'orders__orders_1d')).toMatchObject({
    exactMatch: 0.5,
    causes: { 'precision / type': { values: 1 } },
  });
});
