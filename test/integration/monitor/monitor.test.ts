/** The monitor over a real spool and a real history on disk, with every cause put in on purpose. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { runMonitor } from '../../../monitor/run.ts';
import { readSnapshot } from '../../../monitor/verdict/snapshot-folder.ts';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { renderVerdict } from '../../../monitor/report/terminal/verdict-table.ts';
import { exitCodeOf } from '../../../monitor/verdict/verdict.ts';
import { CodedError } from '../../../contract/std/coded-error.ts';
import { writeDurably } from '../../../contract/std/files/durable-file.ts';
import { FRAME_HEADER_BYTES, FRAME_MAGIC } from '../../../contract/wire/log/spool-frame.ts';
import { DAY, at } from '../../support/day-time.ts';
import { judgedMismatches } from '../../support/fixtures/judged-mismatches.ts';
import { goodDay } from '../../support/fixtures/sample-snapshot.ts';
import { MonitoredDay, earlierOrders } from '../../support/fixtures/monitored-day.ts';
import type { DriverRow, OrderRow, Served } from '../../support/fixtures/monitored-day.ts';

const AFTER = '2026-01-03T01:00:00';
const HOUR = 3_600_000_000;
const SETTLED = '2026-01-10T00:00:00';

let day: MonitoredDay;

afterEach(async () => {
  await day.remove();
});

/**
 * Hourly runs: the one of edge e starts at e and is done five minutes later; those of 10:00 to 12:00 never came, 13:00
 * makes up.
 */
async function recordRuns(): Promise<void> {
  for (let hour = 0; hour < 24; hour++) {
    const edge = `${String(hour).padStart(2, '0')}:00:00`;
    if (hour >= 10 && hour <= 12) continue;
    const started = at(edge);
    await day.record(day.orders, {
      runId: `r-${String(hour).padStart(2, '0')}`,
      watermarkUs: at(edge),
      toUs: started,
      startedUs: started,
      finishedUs: started + 300_000_000,
    });
  }
  await day.record(day.driverStats, {
    runId: 's-00',
    watermarkUs: at('00:30:00'),
    toUs: at('00:30:00'),
    startedUs: at('00:30:00'),
    finishedUs: at('00:31:00'),
  });
}

/** A row that was written by its hour's run, and how it stands online. */
function row(customer: string, hour: string, values: OrderRow['values']): OrderRow {
  const run = Number(hour) >= 10 && Number(hour) <= 12 ? '13' : hour;
  return { customer, event: `${hour}:00:00`, created: `${run}:00:00`, run: `r-${run}`, values };
}

function online({ event, created, values }: OrderRow) {
  return { event, created, values };
}

const driver = { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] };
/** Driver 1 as served, and another whose row shows that the source is alive. */
const DRIVERS: readonly DriverRow[] = [
  { driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 },
  { driver: 9, event: '23:30:00', created: '23:31:00', convRate: 0.9 },
];
const servedDriver = { row: driver, watermark: '00:30:00' } as const;

/** Vectors that match, so that the shares are of many. */
function serveMatching(count: number): OrderRow[] {
  const rows: OrderRow[] = [];
  for (let i = 0; i < count; i++) {
    const matching = row(`same-${i}`, '05', [BigInt(i % 7), i / 4]);
    rows.push(matching);
    day.serve(
      '06:30:00',
      matching.customer,
      { row: online(matching), watermark: '06:00:00' },
      1,
      servedDriver,
    );
  }
  return rows;
}

function featureOf(snapshot: Snapshot, name: string): FeatureSnapshot {
  return snapshot.features.find((feature) => feature.name === name)!;
}

/** Cause by request id. */
function causesOf(snapshot: Snapshot, name: string): Record<string, string> {
  return Object.fromEntries(featureOf(snapshot, name).examples.map((e) => [e.requestId, e.causes[0]]));
}

/** Each value present is in one hour of its view, and in one slice of each kind. */
function expectWholeTraffic({ features, views, slices, vectors }: Snapshot): void {
  const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
    items.reduce((total, item) => total + of(item), 0);
  const present = sum(features, (feature) => feature.present);
  const differ = sum(features, (feature) => feature.present - feature.exact);
  expect(sum(views, ({ hours }) => sum(hours, ({ values }) => values))).toBe(present);
  for (const own of Map.groupBy(slices, ({ by }) => by).values()) {
    expect(sum(own, ({ values }) => values)).toBe(present);
    expect(sum(own, ({ mismatches }) => mismatches)).toBe(differ);
  }
  expect(views.map(({ availability }) => availability.vectors)).toEqual(views.map(() => vectors.read));
}

describe('a day with something of everything', () => {
  test('each injected cause is named, with its evidence, and nothing is unexplained', async () => {
    day = await MonitoredDay.make();
    await recordRuns();
    const history = serveMatching(400);
    const expected: Record<string, string> = {};
    const serve = (cause: string, ...args: Parameters<MonitoredDay['serve']>): void => {
      expected[day.serve(...args)] = cause;
    };
    const put = (...rows: OrderRow[]): OrderRow => {
      history.push(...rows);
      return rows[0]!;
    };

    const before = put(row('late-run', '08', [1n, 10]), row('late-run', '11', [2n, 20]));
    serve(
      'materialization lag',
      '11:42:00',
      'late-run',
      { row: online(before), watermark: '09:00:00' },
      1,
      servedDriver,
    );
    serve('materialization lag', '12:59:00', 'slow', { watermark: '09:00:00' }, 1, servedDriver);
    put(row('slow', '10', [4n, 40]), row('slow', '12', [5n, 50]));

    const zeroed = put(row('zeroed', '07', [3n, null]));
    serve(
      'null or default substituted',
      '07:30:00',
      'zeroed',
      { row: { ...online(zeroed), values: [3n, 0] }, watermark: '07:00:00' },
      1,
      servedDriver,
    );

    const kept = put(row('lost', '06', [1n, 1]), row('lost', '09', [2n, 2]));
    serve(
      'missing online',
      '09:40:00',
      'lost',
      { row: online(kept), watermark: '09:00:00' },
      1,
      servedDriver,
    );

    const first = put(row('late-event', '08', [1n, 5]), {
      ...row('late-event', '08', [2n, 9]),
      created: '15:00:00',
      run: 'r-15',
    });
    serve(
      'late arrival',
      '08:45:00',
      'late-event',
      { row: online(first), watermark: '08:00:00' },
      1,
      servedDriver,
    );

    const old = put(row('cached', '13', [1n, 1]), row('cached', '14', [2n, 2]));
    serve(
      'cache age',
      '14:05:02',
      'cached',
      { row: online(old), source: 'cache', fetched: '14:04:58', watermark: '13:00:00' },
      1,
      servedDriver,
    );

    put(row('redefined', '04', [1n, 1]));
    const redefined = { event: '04:00:00', created: '04:00:00', values: [8n, 8] };
    serve(
      'definition changed',
      '04:30:00',
      'redefined',
      { row: redefined, definition: earlierOrders, watermark: '04:00:00' },
      1,
      servedDriver,
    );
    // A class of its own: no mismatch, and no cause.
    day.serve('06:40:00', 'same-1', { status: 'UNAVAILABLE', source: 'none' }, 1, servedDriver);

    await day.appendOrders(history);
    await day.appendOrders(
      [{ customer: 'redefined', run: 'r-04', ...redefined, values: [8n, 8] }],
      earlierOrders,
    );
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(AFTER);

    expect(causesOf(snapshot, 'orders__spent_1d')).toEqual(expected);
    const counted = Object.values(expected).filter((cause) => cause !== 'null or default substituted');
    expect(Object.values(causesOf(snapshot, 'orders__orders_1d')).toSorted()).toEqual(counted.toSorted());
    expect(featureOf(snapshot, 'driver_stats__conv_rate')).toMatchObject({ exactMatch: 1, causes: {} });

    const spent = featureOf(snapshot, 'orders__spent_1d');
    // 400 that match, 8 that do not; one of the two late rows, the cached and the corrected one keep the promise.
    expect(spent).toMatchObject({ present: 407, unavailable: 1, unjudged: 0, exactMatch: 400 / 407 });
    expect(spent.exactMatchWithinPromise).toBe(403 / 407);
    expect(spent.causes).toMatchObject({
      'cache age': { values: 1, beyondPromise: 0 },
      'materialization lag': { values: 2, beyondPromise: 1 },
      'late arrival': { values: 1, beyondPromise: 0 },
      'missing online': { values: 1, beyondPromise: 1 },
    });
    // Each customer has a row of its own.
    expect(spent).toMatchObject({ rowsJudged: 407, rowsWithinPromise: 403, rowsUnexplained: 0 });
    expectWholeTraffic(snapshot);
    expect(spent.states).toContainEqual({ served: 'zero', replayed: 'null', rows: 1 });
    expect(spent.states).toContainEqual({ served: 'unavailable', replayed: 'value', rows: 1 });
    // As available knows the late event's first row, and not what came with the run of 13:00.
    expect(spent.availableMatch).toBe(403 / 407);
    // One run took three hours, the others five minutes.
    expect(snapshot.views[0]).toMatchObject({ proposedDelayUs: 5 * 60_000_000 });
  });

  test('the verdict reads well', async () => {
    day = await MonitoredDay.make();
    await recordRuns();
    const history = serveMatching(50);
    const zeroed = row('zeroed', '07', [3n, null]);
    history.push(zeroed);
    const zero = { row: { ...online(zeroed), values: [3n, 0] }, watermark: '07:00:00' };
    day.serve('07:30:00', 'zeroed', zero, 1, servedDriver);
    await day.appendOrders(history);
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(SETTLED);
    await expect(`${renderVerdict(snapshot)}\n`).toMatchFileSnapshot('../../golden/verdict.txt');
    expect(stripVTControlCharacters(renderVerdict(snapshot, { color: true }))).toBe(renderVerdict(snapshot));
  });
});

/** 100 vectors that match at 06:30, and some of the same customers at 22:30. */
async function dayWithLateVectors(late: number, watermark: string | null): Promise<Snapshot> {
  day = await MonitoredDay.make();
  const history = serveMatching(100);
  for (let i = 0; i < late; i++) {
    day.serve('22:30:00', `same-${i}`, { row: online(history[i]!), watermark: '22:00:00' }, 1, servedDriver);
  }
  await day.appendOrders(history);
  await day.writeDrivers(DRIVERS);
  if (watermark !== null) await day.setWatermark(watermark);
  return await day.judge(SETTLED);
}

describe('what cannot be judged', () => {
  test('past the watermark of the history: unjudged, though the values are equal', async () => {
    const snapshot = await dayWithLateVectors(5, '21:00:00');
    expect(snapshot.verdict).toBe('not-enough-data');
    expect(exitCodeOf([snapshot.verdict])).toBe(3);
    expect(featureOf(snapshot, 'orders__orders_1d')).toMatchObject({
      rows: 105,
      present: 100,
      unjudged: 5,
      exactMatch: 1,
    });
    // The stored view has no edges: its values of the same vectors are judged.
    expect(snapshot.vectors).toMatchObject({ read: 105, judged: 105, unjudged: 10 });
    expect(snapshot.sentence).toMatch(/^Not enough data: 3\.17 % of the values \(10\) cannot be judged/);
  });

  test('up to the watermark itself: judged', async () => {
    const snapshot = await dayWithLateVectors(5, '22:00:00');
    expect(snapshot.verdict).toBe('pass');
    expect(snapshot.vectors.unjudged).toBe(0);
  });

  test('1 % of the values or less does not stop the verdict', async () => {
    const snapshot = await dayWithLateVectors(1, '21:00:00');
    expect(snapshot.verdict).toBe('pass');
    expect(snapshot.vectors.unjudged).toBe(2);
  });

  test('without any watermark nothing of the view is judged', async () => {
    const snapshot = await dayWithLateVectors(0, null);
    expect(snapshot.verdict).toBe('not-enough-data');
    expect(featureOf(snapshot, 'orders__spent_1d')).toMatchObject({
      rows: 100,
      present: 0,
      unjudged: 100,
      exactMatch: null,
    });
  });

  test('a day is provisional until the lateness has passed, and then judged once more', async () => {
    const first = await dayWithLateVectors(0, '23:00:00');
    expect(first).toMatchObject({ provisional: false, settlesAt: null });
    const rejudged = await day.judge('2026-01-04T23:59:59');
    expect(rejudged).toMatchObject({ provisional: true, settlesAt: '2026-01-05T00:00:00.000000Z' });
    expect(readSnapshot(day.project.settings.reports, 'churn', DAY)).toEqual(rejudged);
  });

  test('a day without vectors, a day that is none, an unknown service', async () => {
    day = await MonitoredDay.make();
    await day.closeLog();
    const run = (options: Parameters<typeof runMonitor>[2]) =>
      runMonitor(day.project, day.project.database, options).catch((error: unknown) => error);
    expect(await run({ date: DAY })).toMatchObject({ code: 'MON_NO_VECTORS', kind: 'not-enough-data' });
    expect(await run({ date: '2026-02-30' })).toMatchObject({ code: 'MON_DAY', kind: 'usage' });
    expect(await run({ date: 'yesterday' })).toBeInstanceOf(CodedError);
    expect(await run({ date: DAY, services: ['chrun'] })).toMatchObject({ code: 'REG_UNKNOWN' });
    expect(existsSync(join(day.project.settings.reports, 'churn'))).toBe(false);
  });
});

describe('what stands in the way', () => {
  test('a history that cannot be read', async () => {
    day = await MonitoredDay.make();
    await day.appendOrders(serveMatching(1));
    await day.writeDrivers(DRIVERS);
    writeFileSync(join(day.project.settings.folder, 'data', 'drivers.parquet'), 'no Parquet');
    await day.setWatermark('23:00:00');
    await expect(day.judge(SETTLED)).rejects.toMatchObject({
      code: 'REG_SOURCE',
      message: expect.stringMatching(
        /^the source data\/drivers\*\.parquet cannot be read as Parquet: /,
      ) as string,
    });
    expect(existsSync(join(day.project.settings.reports, 'churn', `${DAY}.json`))).toBe(false);
  });

  test('bad rows in the history stand in nobody’s way: they are left out and told', async () => {
    day = await MonitoredDay.make();
    await day.appendOrders(serveMatching(1));
    await day.writeDrivers(DRIVERS);
    await day.project.writeParquet(
      'drivers2',
      `SELECT * FROM (VALUES (1::DOUBLE, 'three'), (1, '7'), (NULL, '8')) t(driver_id, trips),
        (SELECT TIMESTAMP '1970-01-01' AS event_timestamp, TIMESTAMP '1970-01-01' AS created, 0.5 AS conv_rate)`,
    );
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(SETTLED);
    expect(featureOf(snapshot, 'driver_stats__conv_rate')).toMatchObject({ exactMatch: 1, causes: {} });
    expect(snapshot.views.find(({ view }) => view === 'driver_stats')!.badRows).toEqual({
      rows: 2,
      reasons: [
        {
          reason: 'join key driver_id is null',
          rows: 1,
          example: 'join key driver_id is null in data/drivers2.parquet, row 3',
        },
        {
          reason: 'trips should be int64',
          rows: 1,
          example: 'trips should be int64, got three (VARCHAR) in data/drivers2.parquet, row 1',
        },
      ],
    });
    expect(renderVerdict(snapshot)).toContain(
      '2 bad rows of driver_stats are left out (join key driver_id is null',
    );
  });

  test('a folder of reports that cannot be written', async () => {
    day = await MonitoredDay.make();
    await day.appendOrders(serveMatching(1));
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    writeDurably(day.project.settings.reports, 'a file where the folder should be');
    await expect(day.judge(SETTLED)).rejects.toMatchObject({ code: 'MON_REPORTS', kind: 'failed' });
  });
});

describe('the log', () => {
  test('a record that came twice counts once, a missing one and an open tail are counted', async () => {
    day = await MonitoredDay.make();
    const history = serveMatching(20);
    await day.closeLog();
    const { spool } = day.project.settings.log;
    const file = readdirSync(spool).find((name) => name.endsWith('.seg'));
    const bytes = readFileSync(join(spool, file!));
    // The second segment of the same epoch repeats the first, as a restored copy would.
    writeFileSync(join(spool, file!.replace(/1\.seg$/, '2.seg')), bytes);
    await day.openLog();
    for (const same of history.slice(0, 3)) {
      day.serve('07:00:00', same.customer, { row: online(same), watermark: '06:00:00' }, 1, servedDriver);
    }
    await day.closeLog();
    const second = readdirSync(spool)
      .filter((name) => name.endsWith('.seg'))
      .toSorted()
      .at(-1)!;
    damageFrame(join(spool, second), 1);
    await day.appendOrders(history);
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(SETTLED);
    expect(snapshot.vectors).toMatchObject({ read: 22, judged: 22, duplicates: 20, gaps: 1, openTails: 0 });
  });

  test('vectors of other days stay out, at both ends', async () => {
    day = await MonitoredDay.make();
    const [matching] = serveMatching(1);
    const served = { row: online(matching!), watermark: '06:00:00' };
    for (const time of ['2026-01-01T23:59:59.999999', '2026-01-03T00:00:00', '2026-01-02T00:00:00']) {
      day.serve(time, 'same-0', served, 1, servedDriver);
    }
    await day.appendOrders([matching!]);
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    expect((await day.judge(SETTLED)).vectors.read).toBe(2);
  });

  test('a null join key is MISSING on both sides', async () => {
    day = await MonitoredDay.make();
    const history = serveMatching(1);
    day.serve('06:30:00', null, { source: 'none' }, 1, servedDriver);
    await day.appendOrders(history);
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(SETTLED);
    expect(featureOf(snapshot, 'orders__spent_1d').states).toContainEqual({
      served: 'missing',
      replayed: 'missing',
      rows: 1,
    });
    expect(featureOf(snapshot, 'orders__spent_1d')).toMatchObject({ bothAbsent: 1, present: 1, exact: 1 });
  });
});

/** Driver statistics as served. */
function stats(event: string, created: string, rate: number): Served {
  return { row: { event, created, values: [rate, null, null] }, watermark: '00:30:00' };
}

describe('a stored view', () => {
  test('has its own causes', async () => {
    day = await MonitoredDay.make({}, { ttlUs: 7 * HOUR });
    await recordRuns();
    const [matching] = serveMatching(1);
    const orders = { row: online(matching!), watermark: '06:00:00' };
    const expected: Record<string, string> = {};
    const serve = (
      cause: string,
      time: string,
      id: number,
      served: Parameters<MonitoredDay['serve']>[4],
    ): void => {
      expected[day.serve(time, 'same-0', orders, id, served)] = cause;
    };
    serve('materialization lag', '02:00:00', 2, stats('00:10:00', '00:15:00', 0.1));
    serve('late arrival', '02:00:00', 3, stats('00:10:00', '00:15:00', 0.1));
    serve('rewritten history', '02:00:00', 4, stats('00:10:00', '00:15:00', 0.1));
    serve('missing in history', '02:00:00', 5, stats('00:10:00', '00:15:00', 0.1));
    serve('missing online', '02:00:00', 6, { status: 'MISSING', watermark: '00:30:00' });
    serve('TTL boundary', '07:10:01', 7, stats('00:10:00', '00:15:00', 0.7));
    await day.appendOrders([matching!]);
    await day.writeDrivers([
      ...DRIVERS,
      { driver: 2, event: '00:10:00', created: '00:15:00', convRate: 0.1 },
      { driver: 2, event: '01:00:00', created: '01:05:00', convRate: 0.2 },
      { driver: 3, event: '00:10:00', created: '00:15:00', convRate: 0.1 },
      { driver: 3, event: '01:00:00', created: '09:00:00', convRate: 0.2 },
      { driver: 4, event: '00:10:00', created: '09:00:00', convRate: 0.2 },
      { driver: 6, event: '00:10:00', created: '00:15:00', convRate: 0.2 },
      { driver: 7, event: '00:10:00', created: '00:15:00', convRate: 0.7 },
    ]);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(AFTER);
    expect(causesOf(snapshot, 'driver_stats__conv_rate')).toEqual(expected);
    expect(snapshot.views[1]).toMatchObject({
      newestSourceRow: '2026-01-02T23:30:00.000000Z',
      proposedDelayUs: null,
    });
  });

  test('a source without created times has no as-available rate; a silent one alarms', async () => {
    day = await MonitoredDay.make(
      {},
      {
        source: {
          name: 'drivers',
          path: 'data/drivers*.parquet',
          eventTime: 'event_timestamp',
          createdTime: null,
          maxAheadUs: null,
        },
      },
    );
    const [matching] = serveMatching(1);
    await day.appendOrders([matching!]);
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(SETTLED);
    expect(featureOf(snapshot, 'driver_stats__conv_rate')).toMatchObject({
      exactMatch: 1,
      availableMatch: null,
    });
    expect(snapshot.verdict).toBe('alarm');
    expect(snapshot.sentence).toMatch(
      'driver_stats: its source data/drivers*.parquet has had no new event for 23h50m, since 2026-01-02 00:10;',
    );
  });
});

test('an aggregated view whose source stopped is an alarm, though its zeros match what is replayed', async () => {
  day = await MonitoredDay.make();
  await day.record(day.orders, {
    runId: 'r-22',
    watermarkUs: at('22:00:00'),
    startedUs: at('22:00:00'),
    finishedUs: at('22:05:00'),
    newestEventUs: at('01:30:00'),
    newestCreatedUs: at('01:31:00'),
  });
  const zeros: OrderRow = {
    customer: 'a',
    event: '06:00:00',
    created: '06:00:00',
    run: 'r-06',
    values: [0n, 0],
  };
  day.serve('07:30:00', 'a', { row: online(zeros), watermark: '07:00:00' }, 1, servedDriver);
  await day.appendOrders([zeros]);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:00:00');
  const snapshot = await day.judge(SETTLED);
  expect(featureOf(snapshot, 'orders__orders_1d')).toMatchObject({ exactMatch: 1 });
  expect(snapshot.verdict).toBe('alarm');
  expect(snapshot.sentence).toBe(
    'Alarm: orders: its source data/orders*.parquet has had no new event for 22h30m, since 2026-01-02 01:30; its ' +
      'sourceFreshness is 4h. What is served of it may no longer hold.',
  );
  expect(snapshot.views[0]).toMatchObject({ newestSourceRow: '2026-01-02T01:30:00.000000Z' });
});

describe('what is kept of a day', () => {
  test('every mismatch in Parquet, and earlier verdicts as the trend', async () => {
    day = await MonitoredDay.make();
    const history = serveMatching(3);
    const zeroed = row('zeroed', '07', [3n, null]);
    const zero = { row: { ...online(zeroed), values: [3n, 0] }, watermark: '07:00:00' };
    const id = day.serve('07:30:00', 'zeroed', zero, 1, servedDriver);
    const { reports } = day.project.settings;
    for (const date of ['2026-01-01', '2025-12-31', '2026-01-03']) {
      writeDurably(
        join(reports, 'churn', `${date}.json`),
        JSON.stringify({ ...goodDay(), date, service: 'churn' }),
      );
    }
    writeDurably(join(reports, 'churn', '2025-12-30.json'), 'no JSON');
    await day.appendOrders([...history, zeroed]);
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    const snapshot = await day.judge(SETTLED);
    expect(snapshot.trend.map((point) => point.date)).toEqual(['2025-12-31', '2026-01-01']);
    expect(day.project.said.join()).toMatch('2025-12-30');

    expect(await judgedMismatches(reports, snapshot)).toEqual([
      {
        requestId: id,
        feature: 'orders__spent_1d',
        served: '0.0',
        replayed: null,
        causes: ['null or default substituted'],
        withinPromise: false,
      },
    ]);
  });
});

/** Flips a byte in the payload of the n-th frame (from 0) of a segment. */
function damageFrame(file: string, n: number): void {
  const bytes = readFileSync(file);
  let from = bytes.indexOf(FRAME_MAGIC);
  for (let i = 0; i < n; i++) from = bytes.indexOf(FRAME_MAGIC, from + 1);
  bytes[from + FRAME_HEADER_BYTES + 40]! ^= 0xff;
  writeFileSync(file, bytes);
}

test('events that were taken back are no row in the replay: served as none they match, served before they came late', async () => {
  day = await MonitoredDay.make();
  const was: OrderRow = {
    customer: 'a',
    event: '06:00:00',
    created: '06:00:00',
    run: 'r-06',
    values: [2n, 5],
  };
  const gone: OrderRow = { ...was, created: '09:00:00', run: 'r-09', values: [null, null], deleted: true };
  for (const [hour, runId] of [
    ['06:00:00', 'r-06'],
    ['09:00:00', 'r-09'],
  ] as const) {
    const times = { watermarkUs: at(hour), startedUs: at(hour), finishedUs: at(hour) + 60_000_000 };
    await day.record(day.orders, { runId, ...times });
  }
  day.serve('07:30:00', 'a', { row: online(was), watermark: '07:00:00' }, 1, servedDriver);
  day.serve('10:30:00', 'a', { watermark: '10:00:00' }, 1, servedDriver);
  await day.appendOrders([was, gone]);
  await day.writeDrivers(DRIVERS);
  await day.setWatermark('23:00:00');
  const feature = featureOf(await day.judge(SETTLED), 'orders__orders_1d');
  expect(feature).toMatchObject({
    present: 1,
    bothAbsent: 1,
    exactMatch: 0,
    causes: { 'late arrival': { values: 1 } },
  });
  expect(JSON.stringify(feature.examples)).toContain('its events were taken back');
});
