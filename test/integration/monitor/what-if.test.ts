/** `plumb monitor whatif` on planted days: what it says of the settings as they are is what `monitor run` measured. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { definitionIdOf } from '../../../contract/definitions/definition-json.ts';
import { reportWhatIf } from '../../../monitor/report/reported-what-if.ts';
import { readSnapshot } from '../../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import type { WhatIfOptions } from '../../../monitor/whatif/asked-settings.ts';
import { whatIf } from '../../../monitor/whatif/what-if.ts';
import type { WhatIf } from '../../../monitor/whatif/what-if.ts';
import { renderWhatIf } from '../../../monitor/whatif/what-if-table.ts';
import { percentText } from '../../../project/page/value-text.ts';
import { DAY, at } from '../../support/day-time.ts';
import {
  customer as CUSTOMER,
  driver as DRIVER,
  orders as ordersView,
} from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import type { DriverRow, OrderRow, Served } from '../../support/fixtures/monitored-day.ts';

const SETTLED = '2026-01-10T00:00:00';
const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;

let day: MonitoredDay;
afterEach(() => day.remove());

const two = (n: number): string => String(n).padStart(2, '0');
const clock = (minutes: number): string => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:00`;

/** The run of 10:00 fails, that of 14:00 takes two hours; all others take ten minutes. */
const FAILED = 10;
const SLOW = 14;

function finished(hour: number): number {
  return hour === SLOW ? (hour + 2) * 60 : hour * 60 + 10;
}

/** Hourly runs of both views. */
async function recordRuns(): Promise<void> {
  for (let hour = 0; hour < 24; hour++) {
    const startedUs = at(clock(hour * 60));
    const times = { toUs: startedUs, watermarkUs: startedUs, startedUs };
    const ended = hour === FAILED ? null : startedUs + (finished(hour) - hour * 60) * MINUTE;
    const how = {
      ...times,
      finishedUs: ended,
      state: ended === null ? ('failed' as const) : ('complete' as const),
    };
    await day.record(day.orders, { runId: `o-${two(hour)}`, ...how });
    await day.record(day.driverStats, { runId: `d-${two(hour)}`, ...how, newestCreatedUs: startedUs });
  }
}

/** The newest edge that was online at a minute. */
function onlineEdge(minute: number): number {
  const done = Array.from({ length: 24 }, (_, hour) => hour).filter(
    (h) => h !== FAILED && finished(h) <= minute,
  );
  return Math.max(...done);
}

/** A row an hour and customer, whose values change each hour. */
function orderRow(customer: number, edge: number): OrderRow {
  const run = edge === FAILED ? FAILED + 1 : edge;
  return {
    customer: `c-${customer}`,
    event: clock(edge * 60),
    created: clock(run * 60),
    run: `o-${two(run)}`,
    values: [BigInt(edge * 10 + customer), edge / 4],
  };
}

/** Drivers have a new row at five past each hour, which comes in ten minutes later. */
function driverRow(driver: number, hour: number): DriverRow {
  return { driver, event: clock(hour * 60 + 5), created: clock(hour * 60 + 15), convRate: hour + driver / 8 };
}

function servedOrder(customer: number, minute: number, fetched: number): Served {
  const edge = onlineEdge(fetched);
  const { event, created, values } = orderRow(customer, edge);
  return {
    row: { event, created, values },
    watermark: clock(edge * 60),
    fetched: clock(fetched),
    source: fetched === minute ? 'store' : 'cache',
  };
}

function servedDriver(driver: number, minute: number): Served {
  const edge = onlineEdge(minute);
  const { event, created, convRate } = driverRow(driver, edge - 1);
  return {
    row: { event, created, values: [convRate, null, null] },
    watermark: clock(edge * 60),
    fetched: clock(minute),
  };
}

async function plantDay(): Promise<void> {
  await recordRuns();
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const customers = [1, 2, 3];
  await day.appendOrders(customers.flatMap((one) => hours.map((hour) => orderRow(one, hour))));
  await day.writeDrivers([1, 2, 3].flatMap((one) => hours.slice(0, -1).map((hour) => driverRow(one, hour))));
  await day.setWatermark(clock(23 * 60));
  // Each customer comes every seven minutes: the cache of five seconds never has its row.
  for (let minute = 130; minute < 23 * 60 + 50; minute += 7) {
    for (const one of customers)
      day.serve(clock(minute), `c-${one}`, servedOrder(one, minute, minute), one, servedDriver(one, minute));
  }
}

async function ask(options: WhatIfOptions = {}): Promise<WhatIf> {
  const [first] = await whatIf(day.project, { date: DAY, ...options });
  return first!;
}

/** By role. */
function measuredOf(
  snapshot: Snapshot,
  role: string,
): Pick<Snapshot['features'][number], 'present' | 'exact' | 'withinPromise'> {
  const own = snapshot.features.filter(({ name }) => name.startsWith(`${role}__`));
  const sum = (of: (feature: (typeof own)[number]) => number): number =>
    own.reduce((n, feature) => n + of(feature), 0);
  return {
    present: sum((f) => f.present),
    exact: sum((f) => f.exact),
    withinPromise: sum((f) => f.withinPromise),
  };
}

/** The report of the day shows an answer, and nothing else of the verdict is another one. */
function expectReported(result: WhatIf, before: Snapshot): Snapshot {
  const [file] = reportWhatIf(day.project, [result]);
  const page = readFileSync(file!, 'utf8');
  const kept = readSnapshot(day.project.settings.reports, result.service, DAY)!;
  const { whatIf: told, ...rest } = kept;
  expect(rest).toEqual(JSON.parse(JSON.stringify(before)));
  const section = page.split('What other settings would have served')[1]!.split('</section>')[0]!;
  for (const { settings } of told!.views) {
    expect(settings.slice(0, 2).map(({ name, isBase }) => [name, isBase])).toEqual([
      ['as measured', false],
      ['the same, simulated', true],
    ]);
    for (const { name, exactMatch } of settings) {
      expect(section).toContain(name);
      expect(section).toContain(percentText(exactMatch));
    }
  }
  expect(section.match(/class="range"/g)).toHaveLength(
    told!.views.flatMap(({ settings }) => settings).length,
  );
  expect(section).toContain('A run takes 10m, so that of every 5m');
  return kept;
}

describe('a day of hourly runs, one of which failed and one was slow', () => {
  test('the settings as they are give what was measured, others what they would have', async () => {
    day = await MonitoredDay.make({ scheduleUs: HOUR }, { scheduleUs: HOUR, ttlUs: 6 * HOUR });
    await plantDay();
    const snapshot = await day.judge(SETTLED);
    const result = await ask();
    for (const { role, measured, simulated, apart, unknown } of result.roles) {
      const planted = measuredOf(snapshot, role);
      expect({ role, unknown, apart }).toEqual({ role, unknown: null, apart: null });
      expect(measured).toMatchObject(planted);
      expect(simulated).toEqual(measured);
      expect(planted.exact).toBeLessThan(planted.present);
    }
    const [orders, drivers] = result.roles;
    const of = (role: typeof orders, kind: string, us: number) =>
      role!.settings.find((setting) => setting.kind === kind && setting.us === us)!;
    // Ten minutes of each hour the row of the last edge is not there yet, whatever the schedule; no run is late.
    const hourly = of(orders, 'interval', HOUR);
    expect(hourly.isNow).toBe(true);
    expect(hourly.exactMatch!).toBeGreaterThan(orders!.simulated!.exactMatch!);
    expect(Math.abs(hourly.exactMatch! - 50 / 60)).toBeLessThan(0.02);
    expect(of(orders, 'interval', 6 * HOUR).exactMatch!).toBeLessThan(hourly.exactMatch!);
    // With runs every five minutes, drivers have their rows 10 + up to 5 minutes after these came in.
    expect(of(drivers, 'interval', 5 * MINUTE).exactMatch!).toBeGreaterThan(
      of(drivers, 'interval', HOUR).exactMatch!,
    );
    expect(of(drivers, 'interval', 5 * MINUTE).ageP50Us!).toBeLessThan(
      of(drivers, 'interval', HOUR).ageP50Us!,
    );
    // The proposed delay makes more values match than shorter and longer ones.
    const proposed = snapshot.views.find(({ view }) => view === 'orders')!.proposedDelayUs!;
    expect(proposed).toBe(10 * MINUTE);
    const delays = [0, 1, 5, 10, 15, 30, 70, 130].map((minutes) => `${minutes}m`).join(',');
    const tried = (await ask({ delay: delays, view: ['orders'] })).roles[0]!.settings;
    const best = tried.toSorted((a, b) => b.exactMatch! - a.exactMatch!)[0]!;
    expect(best.us).toBe(proposed);
    // A delay that waits for the usual run makes all of the other hours match.
    const [longer] = (await ask({ delay: '10m', view: ['orders'] })).roles[0]!.settings;
    expect(longer!.exactMatch!).toBeGreaterThan(orders!.simulated!.exactMatch!);
    expect(longer!.sentence).toMatch(
      /^delay 10m instead of 0s: exact \d\d\.\d\d % -> \d\d\.\d\d %, median age stays /,
    );
    const ttl = (await ask({ ttl: '1h', view: ['driver_stats'] })).roles[0]!.settings[0]!;
    expect(ttl).toMatchObject({ kind: 'ttl', us: HOUR });
    expect(ttl.present).toBeLessThan(drivers!.simulated!.present);
    const text = renderWhatIf([result]);
    expect(text).toContain('orders: runs every 1h, cache 5s, delay 0s');
    expect(text).toContain('driver_stats: runs every 1h, cache 5s, delay 0s, TTL 6h');
    expect(text).toContain('Note: a run takes 10m, so that of every 5m');
    expect(text).toContain('every 15m instead of every 1h');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const kept = expectReported(result, snapshot);
    // Whoever asks for a verdict that is no more is told, and the new one says nothing of it.
    day.project.setClock(at(SETTLED) + HOUR);
    await day.judge('2026-01-10T01:00:00');
    expect(reportWhatIf(day.project, [result])).toEqual([]);
    expect(day.project.said.at(-1)).toMatch(/was judged anew for .* meanwhile/);
    const after = readSnapshot(day.project.settings.reports, result.service, DAY)!;
    const { whatIf: told, ...rest } = kept;
    expect(told!.views.map(({ view }) => view)).toEqual(['orders', 'driver_stats']);
    expect({ ...after, judgedAt: rest.judgedAt }).toMatchObject({
      features: rest.features,
      incidents: rest.incidents,
    });
    expect(after.whatIf).toBeUndefined();
  });

  test('a sample by the hash of the entity is told, and all of a sample is all', async () => {
    day = await MonitoredDay.make();
    await plantDay();
    await day.judge(SETTLED);
    const all = await ask({ sample: '100%', cache: '5s' });
    expect(all.sampled).toBe(null);
    const some = await ask({ sample: '45%', cache: '5s' });
    expect(some.sampled).toBe(0.45);
    expect(renderWhatIf([some])).toContain('simulated for 45.00 % of the entities');
    // By its hash one of three.
    for (const [i, { simulated }] of some.roles.entries())
      expect(simulated!.present).toBe(all.roles[i]!.simulated!.present / 3);
  });
});

/** Serves once before and once after a change. */
async function plantChange(change: () => void): Promise<void> {
  await recordRuns();
  await day.appendOrders([orderRow(1, 2)]);
  await day.writeDrivers([driverRow(1, 1)]);
  await day.setWatermark(clock(3 * 60));
  const serve = (): string => day.serve(clock(140), 'c-1', servedOrder(1, 140, 140), 1, servedDriver(1, 140));
  serve();
  change();
  serve();
  await day.judge(SETTLED);
}

describe('a vector counts with what it has to compare', () => {
  test('when the service took fewer features', async () => {
    day = await MonitoredDay.make();
    const fewer = (feature: string) => ({
      ...SERVICE,
      features: SERVICE.features.filter((one) => one.feature !== feature),
    });
    day.publish(day.orders, fewer('spent_1d'));
    await plantChange(() => day.publish(day.orders));
    const [first] = (await ask({ cache: '1s' })).roles;
    expect([first!.measured.present, first!.simulated!.present, first!.unread]).toEqual([3, 3, 0]);
  });

  test('when it took none of those of now, it is told', async () => {
    day = await MonitoredDay.make();
    const only = (feature: string) => ({
      ...SERVICE,
      features: SERVICE.features.filter((one) => one.feature === feature || one.role !== 'orders'),
    });
    day.publish(day.orders, only('spent_1d'));
    await plantChange(() => day.publish(day.orders, only('orders_1d')));
    const result = await ask({ cache: '1s' });
    const [first] = result.roles;
    expect([first!.measured.present, first!.simulated!.present, first!.unread]).toEqual([1, 1, 1]);
    expect(renderWhatIf([result])).toContain('Note: vectors in no count: 1');
  });

  test('when the log drops a feature', async () => {
    const features = ordersView().features.map((one) =>
      one.name === 'spent_1d' ? { ...one, log: 'drop' as const } : one,
    );
    day = await MonitoredDay.make({ features });
    await plantChange(() => {});
    const [first] = (await ask({ cache: '1s' })).roles;
    expect([first!.measured.present, first!.simulated!.present]).toEqual([2, 2]);
  });
});

describe('what cannot be said', () => {
  test('a day that was not judged, a source without created times, a view without runs', async () => {
    const source = {
      name: 'drivers',
      path: 'data/drivers*.parquet',
      eventTime: 'event_timestamp',
      createdTime: null,
      maxAheadUs: null,
    };
    day = await MonitoredDay.make({}, { source });
    const edge: OrderRow = orderRow(1, 2);
    await day.appendOrders([edge]);
    await day.writeDrivers([driverRow(1, 1)]);
    await day.setWatermark(clock(3 * 60));
    day.serve(clock(130), 'c-1', servedOrder(1, 130, 130), 1, servedDriver(1, 130));
    await day.closeLog();
    day.project.setClock(at(SETTLED));
    await expect(ask()).rejects.toThrow(/churn was not judged for 2026-01-02/);
    await day.judge(SETTLED);
    const { roles } = await ask();
    expect(roles.map(({ unknown, simulated }) => [unknown?.slice(0, 40), simulated])).toEqual([
      ['not known: no run of the view is recorde', null],
      ['not known: the source has no created tim', null],
    ]);
    expect(renderWhatIf([await ask()])).toContain('  not known: the source has no created times');
  });

  test('a service without a verdict, which does not take the table of the others', async () => {
    day = await MonitoredDay.make();
    day.publish(day.orders, [SERVICE, { ...SERVICE, name: 'upsell' }]);
    await recordRuns();
    await day.appendOrders([orderRow(1, 2)]);
    await day.writeDrivers([driverRow(1, 1)]);
    await day.setWatermark(clock(3 * 60));
    const rows = [
      servedRow(day.orders, clock(130), servedOrder(1, 130, 130)),
      servedRow(day.driverStats, clock(130), servedDriver(1, 130)),
    ];
    for (const service of [SERVICE.name, 'upsell']) {
      day.append(clock(130), { customer_id: 'c-1', driver_id: '1' }, rows, 0, { service });
    }
    await day.judge(SETTLED);
    rmSync(join(day.project.settings.reports, 'upsell', `${DAY}.json`));
    const warned: string[] = [];
    const logger = { ...day.project.logger, warn: (line: string) => warned.push(line) };
    const told = await whatIf({ ...day.project, logger }, { date: DAY });
    expect(told.map(({ service }) => service)).toEqual([SERVICE.name]);
    expect(warned).toEqual([
      'upsell was not judged for 2026-01-02 and is left out. ' +
        'Run `plumb monitor run --date 2026-01-02 --service upsell` first.',
    ]);
    await expect(ask({ service: ['upsell'] })).rejects.toThrow(
      /upsell was not judged for 2026-01-02, so there/,
    );
  });

  test('vectors from when the view had another entity or key', async () => {
    day = await MonitoredDay.make();
    await recordRuns();
    await day.appendOrders([orderRow(1, 2)]);
    await day.writeDrivers([driverRow(1, 1)]);
    await day.setWatermark(clock(3 * 60));
    day.serve(clock(130), 'c-1', servedOrder(1, 130, 130), 1, servedDriver(1, 130));
    const shopper = { ...CUSTOMER, name: 'shopper' };
    day.publish(ordersView({ entity: 'shopper' }), SERVICE, 'raw', [shopper]);
    await day.judge(SETTLED);
    const [first, second] = (await ask({ cache: '1s' })).roles;
    expect(first!.unknown).toMatch(/^not known: .* another entity or key, or none of these features$/);
    expect(first!.simulated).toBe(null);
    expect(second!.simulated!.present).toBe(1);
  });

  test('vectors of a stored view with another key, of which others of the day have the key of now', async () => {
    day = await MonitoredDay.make();
    await recordRuns();
    await day.appendOrders([orderRow(1, 2)]);
    const times = `make_timestamp(${at(clock(65))})`;
    await day.project.writeParquet(
      'drivers',
      `SELECT 1::BIGINT AS driver_id, 1::BIGINT AS rider_id, ${times} AS event_timestamp, ${times} AS created,
         1.125::DOUBLE AS conv_rate, NULL::BIGINT AS trips, NULL::VARCHAR[] AS tags`,
    );
    await day.setWatermark(clock(3 * 60));
    const keys = ['driver_id', 'rider_id', 'driver_id'].map((name) => ({ name, type: 'int64' }) as const);
    for (const [i, key] of [...keys, keys[1]!].entries()) {
      day.driverStats = { ...day.driverStats, definitionId: definitionIdOf(day.driverStats, [key]) };
      day.publish(day.orders, SERVICE, 'raw', [{ ...DRIVER, description: `${i}`, joinKeys: [key] }]);
      day.serve(clock(140 + i), 'c-1', servedOrder(1, 140, 140), 1);
    }
    await day.judge(SETTLED);
    const drivers = (await ask({ cache: '1s', view: ['driver_stats'] })).roles[0]!;
    expect([drivers.measured.present, drivers.simulated!.present]).toEqual([2, 2]);
  });

  const BAD: readonly (readonly [WhatIfOptions, RegExp])[] = [
    [{ cache: '5' }, /--cache: expected durations up to 366d, such as 1s,30s, got "5"/],
    [{ every: '0s' }, /--every: expected durations of a second or more/],
    [{ every: '5m,,1h' }, /--every: .* got ""/],
    [{ ttl: '0s' }, /--ttl: expected durations above 0s/],
    [{ delay: '400d' }, /--delay: expected durations up to 366d/],
    [
      { cache: Array.from({ length: 21 }, (_, i) => `${i}s`).join(',') },
      /--cache: expected at most 20 durations, got 21/,
    ],
    [{ sample: '0%' }, /--sample: expected a share of the entities such as 10%, got "0%"/],
    [{ sample: '0.5' }, /--sample/],
    [{ date: 'yesterday' }, /expected a date such as/],
    [{ view: ['orders'], ttl: '1h' }, /--ttl: aggregated views have no TTL: orders/],
    [{ view: ['ordres'] }, /none of the services takes a view ordres, did you mean "orders"\?/],
  ];

  test('bad options get a sentence each', async () => {
    day = await MonitoredDay.make();
    await day.writeDrivers([driverRow(1, 1)]);
    await day.appendOrders([orderRow(1, 2)]);
    await day.setWatermark(clock(3 * 60));
    day.serve(clock(130), 'c-1', servedOrder(1, 130, 130), 1, servedDriver(1, 130));
    await day.judge(SETTLED);
    for (const [options, sentence] of BAD) await expect(ask(options)).rejects.toThrow(sentence);
  });
});
