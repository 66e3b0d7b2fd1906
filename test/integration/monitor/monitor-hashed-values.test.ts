/** Values that the log holds as HMACs are judged as the values themselves would be, and are told to nobody. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { renderReport } from '../../../monitor/report/html/report.ts';
import { judgedRowsFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { renderVerdict } from '../../../monitor/report/terminal/verdict-table.ts';
import type { LogPolicy } from '../../../contract/model.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import { DAY } from '../../support/day-time.ts';
import { judgedMismatches } from '../../support/fixtures/judged-mismatches.ts';
import {
  LOG_KEY,
  MonitoredDay,
  SERVICE,
  earlierOrders,
  servedRow,
} from '../../support/fixtures/monitored-day.ts';
import { OPEN, SPLIT } from '../../../monitor/replay/row-split.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { OrderRow, Served } from '../../support/fixtures/monitored-day.ts';
import { firstOf } from '../../support/long-run.ts';
import { driverStats, orders } from '../../support/fixtures/materialized-project.ts';

/** Whether SQL leaves all rows to the judge; and how many it did not leave to it. */
const way = { isAlone: false, agreeing: 0 };

const { run } = DuckDb.prototype;
vi.spyOn(DuckDb.prototype, 'run').mockImplementation(async function (this: DuckDb, sql: string) {
  await run.call(this, sql);
  if (!sql.startsWith(`CREATE OR REPLACE TEMP TABLE ${SPLIT} `)) return;
  const [row] = await this.rows(`SELECT count(*)::DOUBLE AS n FROM ${SPLIT} WHERE agrees <> ${OPEN}`);
  way.agreeing += row!['n'] as number;
  if (way.isAlone) await run.call(this, `UPDATE ${SPLIT} SET agrees = ${OPEN}, n = NULL, present = NULL`);
});

const VECTORS = 300;
const SETTLED = '2026-01-10T00:00:00';
const FALLBACK = 7.25;
/** What the history may hold; serving may have lost digits of 0.1 as well. */
const SPENT = [null, 0, Number.NaN, 0.1, 1.5, 31_337.75, FALLBACK] as const;
const SERVED_SPENT = [...SPENT, -0, Math.fround(0.1)] as const;
const COUNTS = [null, 0n, 3n, 65_537_001n] as const;
/** As JSON, as text and as the page would have them. */
const NEVER = /31,?337|65,?537,?001/;

let days: MonitoredDay[] = [];
afterEach(async () => {
  for (const day of days) await day.remove();
  days = [];
});

/** The day's definitions with these marks. */
async function makeDay(spent: LogPolicy, count: LogPolicy, rate: LogPolicy = 'raw'): Promise<MonitoredDay> {
  const mark = (log: LogPolicy, missing: number | null = null) => ({ log, missing });
  const [countFeature, spentFeature] = orders().features;
  const features = [
    { ...countFeature!, log: count },
    { ...spentFeature!, ...mark(spent, FALLBACK) },
  ];
  const drivers = driverStats().features.map((f) => (f.name === 'conv_rate' ? { ...f, log: rate } : f));
  const day = await MonitoredDay.make({ features }, { features: drivers });
  days.push(day);
  return day;
}

/** The same numbers for each seed. */
function pickerOf(seed: number): <T>(from: readonly T[]) => T {
  let state = seed;
  return (from) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from[Math.floor((state / 2 ** 32) * from.length)]!;
  };
}

const HOURS = Array.from({ length: 20 }, (_, i) => String(i + 2).padStart(2, '0'));

/**
 * Each pair of values in one row, on a surface of JSON and on a tensor; then rows, statuses, times and surfaces at
 * random.
 */
async function serveAnything(day: MonitoredDay, seed: number): Promise<void> {
  const pick = pickerOf(seed);
  const history: OrderRow[] = [];
  const pairs = SPENT.flatMap((spent) => SERVED_SPENT.map((served) => [spent, served] as const));
  for (const [i, [spent, servedSpent]] of [...pairs, ...pairs].entries()) {
    const customer = `p-${i}`;
    const row = { event: '05:00:00', created: '05:00:00' };
    history.push({ ...row, customer, run: 'r', values: [1n, spent] });
    const served = { row: { ...row, values: [1n, servedSpent] }, watermark: '05:00:00' };
    const rows = [servedRow(day.orders, '05:30:00', served), servedRow(day.driverStats, '05:30:00', {})];
    const surface = SURFACES.indexOf(i < pairs.length ? 'native' : 'oip');
    day.append('05:30:00', { customer_id: customer, driver_id: '1' }, rows, surface);
  }
  for (let i = 2 * pairs.length; i < VECTORS; i++) {
    const customer = `c-${i}`;
    const hour = pick(HOURS);
    const event = `${hour}:00:00`;
    const values = [pick(COUNTS), pick(SPENT)] as const;
    if (i % 11 !== 0) history.push({ customer, event, created: pick([event, '23:30:00']), run: 'r', values });
    const same = pick([true, true, false]);
    const row = {
      event: pick([event, event, '01:00:00']),
      created: event,
      values: same ? values : [pick(COUNTS), pick(SERVED_SPENT)],
    };
    const served: Served = {
      status: pick(['PRESENT', 'PRESENT', 'PRESENT', 'MISSING', 'OUTSIDE_TTL', 'UNAVAILABLE']),
      source: pick(['store', 'cache', 'stale']),
      watermark: pick([event, '01:00:00']),
      row,
      definition: pick([day.orders, day.orders, day.orders, earlierOrders]),
    };
    const time = `${hour}:${pick(['20', '40'])}:00`;
    const withoutRow = served.status === 'MISSING' || served.status === 'UNAVAILABLE';
    const { row: _, ...rowless } = served;
    const driver = {
      event: '00:10:00',
      created: '00:15:00',
      values: [pick([0.5, 0.25, null, 0]), null, null],
    };
    day.append(
      time,
      { customer_id: customer, driver_id: '1' },
      [
        servedRow(day.orders, time, withoutRow ? rowless : served),
        servedRow(day.driverStats, time, { row: driver, watermark: '00:30:00' }),
      ],
      SURFACES.indexOf(pick(['native', 'feast', 'oip'])),
    );
  }
  await day.appendOrders(history);
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('18:00:00');
}

const featureOf = (snapshot: Snapshot, name: string): FeatureSnapshot =>
  snapshot.features.find((feature) => feature.name === name)!;

/** All that a report says of a feature but its values and their sizes. */
function judgementOf(feature: FeatureSnapshot): object {
  const { rows, unjudged, unavailable, bothAbsent, exact, withinPromise, beyondPromise } = feature;
  const { exactMatch, exactMatchWithinPromise, toleranceMatch, availableMatch, states } = feature;
  const counts = { rows, unjudged, unavailable, bothAbsent, exact, withinPromise, beyondPromise };
  const rates = { exactMatch, exactMatchWithinPromise, toleranceMatch, availableMatch };
  return { counts, rates, states, causes: feature.causes };
}

/** What is told of each example but its values. */
function examplesOf({ name, examples }: FeatureSnapshot): [id: string, told: object][] {
  return examples.map(({ requestId, row, causes, withinPromise, served, replayed }) => {
    const times = [served, replayed].map(({ state, eventTime, createdTime }) => [
      state,
      eventTime,
      createdTime,
    ]);
    return [`${name} ${requestId} ${row}`, { causes, withinPromise, times }];
  });
}

describe('values as HMACs', () => {
  test.each(firstOf(1, [1, 2, 3]))(
    'are judged as the values are: counts, rates, states, causes, examples (%i)',
    async (seed) => {
      const plain = await makeDay('raw', 'raw');
      const hashed = await makeDay('hmac', 'hmac', 'hmac');
      for (const day of [plain, hashed]) await serveAnything(day, seed);
      const before = await plain.judge(SETTLED);
      const after = await hashed.judge(SETTLED, LOG_KEY.id);
      expect(after.features.map(judgementOf)).toEqual(before.features.map(judgementOf));
      // Which examples are the worst is not known of HMACs; what is told of one is the same.
      const plainly = new Map(before.features.flatMap(examplesOf));
      const alike = after.features.flatMap(examplesOf).filter(([id]) => plainly.has(id));
      expect(alike.length).toBeGreaterThan(20);
      for (const [id, example] of alike) expect(example).toEqual(plainly.get(id));
      const { causes, rows, unjudged } = featureOf(before, 'orders__spent_1d');
      expect(Object.keys(causes)).toEqual(
        expect.arrayContaining(['foreign row', 'precision / type', 'null or default substituted']),
      );
      expect([rows > 150, unjudged > 0]).toEqual([true, true]);
      expect(after.features.map(({ hashed: count }) => count)).toEqual(
        after.features.map(({ bothAbsent, present }) => bothAbsent + present),
      );
      for (const feature of after.features) {
        expect(feature).toMatchObject({ distributions: null, meanDifference: null });
      }
      expect(after.vectors).toEqual(before.vectors);
    },
  );

  test('are told by nothing that is written: snapshot, page, terminal, Parquet', async () => {
    const day = await makeDay('hmac', 'hmac');
    await serveAnything(day, 4);
    const snapshot = await day.judge(SETTLED, LOG_KEY.id);
    const { reports } = day.project.settings;
    const rows = (await judgedMismatches(reports, snapshot)).filter(({ feature }) =>
      feature.startsWith('orders'),
    );
    expect(rows.length).toBeGreaterThan(200);
    const page = renderReport(snapshot);
    const orderFeatures = snapshot.features.filter(({ view }) => view === 'orders');
    const written = [JSON.stringify(orderFeatures), JSON.stringify(rows), page, renderVerdict(snapshot)];
    for (const text of written) expect(NEVER.exec(text)?.[0]).toBe(undefined);
    expect(new Set(rows.flatMap(({ served, replayed }) => [served, replayed]))).toEqual(new Set([null]));
    expect(page).toContain('stood in the log as HMACs and were compared as such');
  });

  test('with a tolerance have no tolerance match where they differ: nobody can tell how far', async () => {
    const day = await makeDay('hmac', 'raw');
    const features = day.orders.features.map((f) => (f.log === 'hmac' ? { ...f, tolerance: 1 } : f));
    day.publish({ ...day.orders, features });
    await serveAnything(day, 5);
    const snapshot = await day.judge(SETTLED, LOG_KEY.id);
    expect(featureOf(snapshot, 'orders__spent_1d').toleranceMatch).toBe(null);
    expect(featureOf(snapshot, 'orders__orders_1d').toleranceMatch).toBeGreaterThan(0);
  });

  test.each(
    firstOf<readonly [keyId: string | null, why: string]>(1, [
      ['k2', 'log.hmacKey has k2'],
      [null, 'log.hmacKey is not set'],
    ]),
  )('under a secret that is not known (%s) are withheld, and it is said why', async (keyId, why) => {
    const day = await makeDay('hmac', 'raw');
    await serveAnything(day, 6);
    const snapshot = await day.judge(SETTLED, keyId);
    const withheld = { [`hashed with the secret k1, and ${why}`]: VECTORS };
    expect(featureOf(snapshot, 'orders__spent_1d')).toMatchObject({
      rows: 300,
      dropped: 300,
      exactMatch: null,
      withheld,
    });
    expect(featureOf(snapshot, 'orders__orders_1d').rows).toBeGreaterThan(100);
    expect(snapshot.vectors.withheld).toBe(300);
    expect(snapshot.notes.join('\n')).toContain(
      `300 values of orders__spent_1d cannot be compared: hashed with the secret k1, and ${why}.`,
    );
    expect(renderVerdict(snapshot, { columns: 140 })).toContain('300 values withheld from the log');
    const page = renderReport(snapshot);
    expect(page).toContain(`300 hashed with the secret k1, and ${why}`);
  });

  test('that are dropped are withheld, which is no reason for anything', async () => {
    const day = await makeDay('drop', 'raw');
    await serveAnything(day, 7);
    const snapshot = await day.judge(SETTLED, LOG_KEY.id);
    const withheld = { 'dropped (log: drop)': 300 };
    expect(featureOf(snapshot, 'orders__spent_1d')).toMatchObject({
      rows: 300,
      dropped: 300,
      withheld,
    });
    expect([...snapshot.findings, ...snapshot.notes].join()).not.toContain('spent');
    expect(
      readFileSync(judgedRowsFile(day.project.settings.reports, SERVICE.name, DAY)).length,
    ).toBeGreaterThan(0);
  });

  test.each([
    ['raw', 'hmac'],
    ['hmac', 'raw'],
  ] as const)('of a feature that was %s in the morning and %s in the evening', async (morning, evening) => {
    const day = await makeDay(morning, 'raw');
    const serve = (customer: string, time: string, spent: number): void => {
      const row = { event: '05:00:00', created: '05:00:00', values: [1n, spent] };
      day.serve(time, customer, { row, watermark: '05:00:00' });
    };
    serve('same', '05:10:00', 31_337.75);
    const [count, spent] = day.orders.features;
    day.publish({ ...day.orders, features: [count!, { ...spent!, log: evening }] });
    serve('same', '05:50:00', 31_337.75);
    serve('other', '05:55:00', 2);
    const row = { event: '05:00:00', created: '05:00:00', run: 'r' };
    await day.appendOrders([
      { ...row, customer: 'same', values: [1n, 31_337.75] },
      { ...row, customer: 'other', values: [1n, 31_337.75] },
    ]);
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(SETTLED, LOG_KEY.id);
    const feature = featureOf(snapshot, 'orders__spent_1d');
    // Marked today, nothing of it is told; raw today, what was hashed then is compared so.
    expect(feature).toMatchObject({ rows: 3, exactMatch: 2 / 3, hashed: evening === 'hmac' ? 3 : 1 });
    if (evening === 'hmac') expect(JSON.stringify(feature)).not.toContain('31337');
    const known = await day.judge(SETTLED);
    expect(featureOf(known, 'orders__spent_1d').present).toBe(evening === 'hmac' ? 0 : 2);
  });
});

/** What is judged of a day, but for the last digits of sums, which follow from their order. */
async function told(day: MonitoredDay, keyId: string | null): Promise<unknown> {
  const { features, views, vectors, incidents, findings, notes, verdict } = await day.judge(SETTLED, keyId);
  const all = { features, views, vectors, incidents, findings, notes, verdict };
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(10)) : value;
  return JSON.parse(JSON.stringify(all, rounded));
}

/** Judges a day with what agrees counted in SQL, and by the judge alone. */
async function expectBothWays(day: MonitoredDay, keyId: string | null): Promise<void> {
  way.agreeing = 0;
  const counted = await told(day, keyId);
  expect(way.agreeing, 'rows counted in SQL').toBeGreaterThan(20);
  way.isAlone = true;
  try {
    expect(counted).toEqual(await told(day, keyId));
  } finally {
    way.isAlone = false;
  }
}

describe('rows with marked features that agree, counted in SQL, are what the judge makes of them', () => {
  test.each(
    firstOf<readonly [spent: LogPolicy, count: LogPolicy, rate: LogPolicy, keyId: string | null]>(2, [
      ['hmac', 'hmac', 'hmac', LOG_KEY.id],
      ['drop', 'hmac', 'raw', LOG_KEY.id],
      ['hmac', 'raw', 'drop', null],
      ['raw', 'raw', 'raw', LOG_KEY.id],
      ['hmac', 'drop', 'drop', LOG_KEY.id],
      ['drop', 'drop', 'drop', LOG_KEY.id],
      ['hmac', 'hmac', 'raw', 'k2'],
    ]),
  )('spent %s, count %s, rate %s, secret %s', async (spent, count, rate, keyId) => {
    const day = await makeDay(spent, count, rate);
    await serveAnything(day, 8);
    await expectBothWays(day, keyId);
  });

  test.each(
    firstOf<readonly [morning: LogPolicy, evening: LogPolicy]>(1, [
      ['raw', 'hmac'],
      ['drop', 'hmac'],
      ['hmac', 'raw'],
      ['raw', 'drop'],
    ]),
  )('of a feature that was %s for 30 vectors and %s for 10', async (morning, evening) => {
    const day = await makeDay(morning, 'hmac');
    const customers = Array.from({ length: 40 }, (_, i) => `c-${i}`);
    const row = { event: '05:00:00', created: '05:00:00' };
    const valuesOf = (i: number) => [BigInt(i % 5), i / 4] as const;
    await day.appendOrders(
      customers.map((customer, i) => ({ ...row, customer, run: 'r', values: valuesOf(i) })),
    );
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    await day.setWatermark('23:00:00');
    for (const [i, customer] of customers.entries()) {
      if (i === 30) {
        const [count, spent] = day.orders.features;
        day.publish({ ...day.orders, features: [count!, { ...spent!, log: evening }] });
      }
      const [count, spent] = valuesOf(i);
      const served = {
        row: { ...row, values: [count, i % 7 === 0 ? spent + 1 : spent] },
        watermark: row.event,
      };
      day.serve('05:30:00', customer, served);
      // The row has agreeing and open vectors.
      day.serve('05:40:00', customer, { ...served, row: { ...row, values: [count, spent] } });
    }
    await expectBothWays(day, LOG_KEY.id);
  });

  test.each([
    ['fewer', [1]],
    ['most', [1, 2, 3]],
  ] as const)('of which %s were hashed with a secret that is not known', async (_, withOther) => {
    const day = await makeDay('hmac', 'raw');
    const customers = Array.from({ length: 20 }, (_each, i) => `c-${i}`);
    const row = { event: '05:00:00', created: '05:00:00' };
    const valuesOf = (i: number) => [BigInt(i % 5), i / 4] as const;
    await day.appendOrders(
      customers.map((customer, i) => ({ ...row, customer, run: 'r', values: valuesOf(i) })),
    );
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    await day.setWatermark('23:00:00');
    // Each customer is answered under both secrets, now and then with a wrong value.
    for (const round of [0, 1, 2, 3]) {
      for (const [i, customer] of customers.entries()) {
        const time = `05:3${round}:00`;
        const [count, spent] = valuesOf(i);
        const wrong = (i + round) % 6 === 0 ? 1 : 0;
        const served = { row: { ...row, values: [count, spent + wrong] }, watermark: row.event };
        const rows = [servedRow(day.orders, time, served), servedRow(day.driverStats, time, {})];
        const other = (withOther as readonly number[]).includes(round) ? { hmacKeyId: 'k0' } : {};
        day.append(time, { customer_id: customer, driver_id: '1' }, rows, 0, other);
      }
    }
    await expectBothWays(day, LOG_KEY.id);
  });
});
