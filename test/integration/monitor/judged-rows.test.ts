/** The Parquet beside a report: what stands in each column, which rows are whole, which are a sample. */
import { statSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { judgedRowsFile } from '../../../monitor/verdict/snapshot-folder.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { DAY, at } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';

const SETTLED = '2026-01-10T00:00:00';
const MATCHING = 900;

let day: MonitoredDay;
afterEach(() => day.remove());

const file = (): string => judgedRowsFile(day.project.settings.reports, SERVICE.name, DAY);

/** @param sql  `FILE` stands for the file */
async function ask(sql: string): Promise<SqlRow[]> {
  const duck = await DuckDb.open();
  try {
    return await duck.rows(sql.replaceAll('FILE', `read_parquet(${quotePath(file())})`));
  } finally {
    duck.close();
  }
}

function order(customer: string, hour: string, values: OrderRow['values']): OrderRow {
  return { customer, event: `${hour}:00:00`, created: `${hour}:01:00`, run: `r-${hour}`, values };
}

const online = ({ event, created, values }: OrderRow) => ({ event, created, values });

/** Runs of 05:00 and, two hours late, of 06:00. */
async function recordRuns(): Promise<void> {
  for (const [hour, done] of [
    ['05', '05:10:00'],
    ['06', '08:00:00'],
  ] as const) {
    const edge = at(`${hour}:00:00`);
    const times = { watermarkUs: edge, toUs: edge, startedUs: edge, finishedUs: at(done) };
    await day.record(day.orders, { runId: `r-${hour}`, ...times });
  }
}

const US = ['served_time', 'fetched', 'watermark', 'event_time', 'created_time', 'written_time'];
const REPLAYED = ['replayed_event_time', 'replayed_created_time'];
const times = [...US, ...REPLAYED]
  .map((name) => `epoch_us(_${name})::DOUBLE - ${at('00:00:00')} AS ${name}_us`)
  .join(', ');
const sinceMidnight = (time: string): number => at(time) - at('00:00:00');

test('a row that differs has who was served, what, when, and by which cause and run', async () => {
  day = await MonitoredDay.make();
  const [was, is] = [order('a', '05', [1n, 0.5]), order('a', '06', [1n, 1.5])];
  await recordRuns();
  const driver = { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] };
  const served = { row: driver, watermark: '00:30:00' };
  const lagging = {
    row: online(was),
    watermark: '05:00:00',
    fetched: '07:29:59.5',
    source: 'cache',
  } as const;
  const id = day.serve('07:30:00', 'a', lagging, 1, served);
  await day.appendOrders([was, is]);
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  await day.judge(SETTLED);
  const rows =
    await ask(`SELECT * EXCLUDE (_epoch, _bundle, ${[...US, ...REPLAYED].map((name) => `_${name}`).join(', ')}),
    ${times} FROM FILE WHERE _weight = 1`);
  expect(rows).toHaveLength(1);
  const {
    orders__spent_1d: spent,
    orders__orders_1d: count,
    driver_stats__conv_rate: rate,
    ...own
  } = rows[0]!;
  expect(own).toEqual({
    _request_id: id,
    _row: 0,
    _pod: 'pod-1',
    _sequence: 1n,
    _surface: 'native',
    _service_version: 1,
    customer_id: 'a',
    driver_id: 1n,
    _view: 'orders',
    _role: 'orders',
    _status: 'PRESENT',
    _source: 'cache',
    _definition_id: BigInt(day.orders.definitionId),
    _replayed_status: 'PRESENT',
    _replayed_run: 'r-06',
    _outcome: 'differs',
    _fidelity: 'true',
    _cause: 'materialization lag',
    _causes: { items: ['materialization lag'] },
    _run: 'r-06',
    _within_promise: true,
    _mismatches: 1,
    _beyond_promise: 0,
    _weight: 1,
    served_time_us: sinceMidnight('07:30:00'),
    fetched_us: sinceMidnight('07:29:59.5'),
    watermark_us: sinceMidnight('05:00:00'),
    event_time_us: sinceMidnight('05:00:00'),
    created_time_us: sinceMidnight('05:01:00'),
    written_time_us: sinceMidnight('07:30:00'),
    replayed_event_time_us: sinceMidnight('06:00:00'),
    replayed_created_time_us: sinceMidnight('06:01:00'),
  });
  const told = { cause: 'materialization lag', causes: { items: ['materialization lag'] } };
  expect(spent).toMatchObject({
    entries: { served: 0.5, replayed: 1.5, ...told, run: 'r-06', within_promise: true },
  });
  expect(count).toMatchObject({
    entries: { served: 1n, replayed: 1n, cause: null, causes: null, run: null, within_promise: null },
  });
  expect(rate).toBe(null);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test('of rows that agree one in a hundred stands for the others, all views of a vector or none', async () => {
  day = await MonitoredDay.make();
  await recordRuns();
  const history: OrderRow[] = [];
  for (let i = 0; i < MATCHING; i++) {
    const own = order(`same-${i}`, '05', [BigInt(i % 7), i / 4]);
    history.push(own);
    const driver = { row: { event: '00:10:00', created: '00:15:00', values: [i, null, null] } };
    day.serve('05:30:00', own.customer, { row: online(own), watermark: '05:00:00' }, i, driver);
  }
  await day.appendOrders(history);
  const drivers = { event: '00:10:00', created: '00:15:00' };
  await day.writeDrivers(history.map((_, i) => ({ driver: i, convRate: i, ...drivers })));
  await day.setWatermark('23:00:00');
  await day.judge(SETTLED);
  const [all] = await ask(`SELECT count(*)::INTEGER AS n, sum(_weight)::INTEGER AS stands_for,
    count(DISTINCT _request_id)::INTEGER AS requests, bool_and(_outcome = 'agrees' AND _fidelity = 'true'
      AND _mismatches = 0 AND _cause IS NULL AND _replayed_event_time = _event_time) AS agree,
    bool_and(orders__spent_1d.served = driver_id / 4 AND orders__spent_1d.replayed = orders__spent_1d.served)
      AS orders_agree,
    bool_and(driver_stats__conv_rate.served = driver_id) AS drivers_agree FROM FILE`);
  const requests = all!['requests'] as number;
  expect(all).toMatchObject({ n: requests * 2, stands_for: requests * 200, agree: true });
  expect(all).toMatchObject({ orders_agree: true, drivers_agree: true });
  // Nine in the mean; the hash is the same each time.
  expect(requests).toBeGreaterThan(2);
  expect(requests).toBeLessThan(25);
});

test('a right value in a row that was never so is kept whole, and says so', async () => {
  day = await MonitoredDay.make();
  await recordRuns();
  const [was, is] = [order('a', '05', [0n, 2.5]), order('a', '06', [0n, 9.75])];
  // The values of 06:00 under the times of 05:00.
  day.serve('08:30:00', 'a', { row: { ...online(was), values: [0n, 9.75] }, watermark: '06:00:00' });
  await day.appendOrders([was, is]);
  await day.writeDrivers([{ driver: 9, event: '00:10:00', created: '00:15:00', convRate: 1 }]);
  await day.setWatermark('23:00:00');
  await day.judge(SETTLED);
  const rows = await ask(`SELECT _fidelity, _outcome, _mismatches, _weight, orders__spent_1d.cause AS cause,
    orders__spent_1d.served AS served, orders__spent_1d.replayed AS replayed FROM FILE WHERE _role = 'orders'`);
  expect(rows).toEqual([
    {
      _fidelity: 'altered',
      _outcome: 'agrees',
      _mismatches: 0,
      _weight: 1,
      cause: null,
      served: 9.75,
      replayed: 9.75,
    },
  ]);
});

test('-0 for 0 keeps its sign', async () => {
  day = await MonitoredDay.make();
  await recordRuns();
  const zero = order('a', '05', [1n, 0]);
  day.serve('05:30:00', 'a', { row: { ...online(zero), values: [1n, -0] }, watermark: '05:00:00' });
  await day.appendOrders([zero]);
  await day.writeDrivers([{ driver: 9, event: '00:10:00', created: '00:15:00', convRate: 1 }]);
  await day.setWatermark('23:00:00');
  await day.judge(SETTLED);
  const rows = await ask(`SELECT orders__spent_1d.cause AS cause, signbit(orders__spent_1d.served) AS served,
    signbit(orders__spent_1d.replayed) AS replayed FROM FILE WHERE _outcome = 'differs'`);
  expect(rows).toEqual([{ cause: 'precision / type', served: true, replayed: false }]);
});

test('so do 0 and -0 that stand in one column, in their places', async () => {
  day = await MonitoredDay.make();
  await recordRuns();
  const zeros = Array.from({ length: 60 }, (_, i) => order(`c-${i}`, '05', [1n, i % 3 === 0 ? 0 : -0]));
  for (const zero of zeros) {
    const values = [1n, -zero.values[1]!] as const;
    day.serve('05:30:00', zero.customer, { row: { ...online(zero), values }, watermark: '05:00:00' });
  }
  await day.appendOrders(zeros);
  await day.writeDrivers([{ driver: 9, event: '00:10:00', created: '00:15:00', convRate: 1 }]);
  await day.setWatermark('23:00:00');
  await day.judge(SETTLED);
  const [counts] = await ask(`SELECT count(*)::INTEGER AS n,
      count(*) FILTER (signbit(orders__spent_1d.served) = (substr(customer_id, 3)::INTEGER % 3 = 0))::INTEGER AS served,
      count(*) FILTER (signbit(orders__spent_1d.replayed) <> (substr(customer_id, 3)::INTEGER % 3 = 0))::INTEGER AS replayed
    FROM FILE WHERE _outcome = 'differs'`);
  expect(counts).toEqual({ n: 60, served: 60, replayed: 60 });
});
