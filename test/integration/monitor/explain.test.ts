/** `plumb explain` over a real spool and history: it says of one vector what the monitor says of the day. */
import { rmSync, truncateSync } from 'node:fs';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { CodedError } from '../../../contract/std/coded-error.ts';
import { explainEntity, explainRequest } from '../../../monitor/explain/explain.ts';
import { renderExplanation } from '../../../monitor/explain/explanation-text.ts';
import type { ExplainedVector } from '../../../monitor/explain/explanation.ts';
import { loggedRequests } from '../../../monitor/explain/logged-requests.ts';
import { loggedVectors } from '../../../monitor/explain/logged-vectors.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { BundleBook } from '../../../monitor/judge/bundle-book.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { archivedFiles } from '../../../project/archive/archive-files.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { IngestLedger } from '../../../project/archive/ledger.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { at } from '../../support/day-time.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { MonitoredDay, SERVICE, earlierOrders, servedRow } from '../../support/fixtures/monitored-day.ts';
import { orders as ordersView } from '../../support/fixtures/materialized-project.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';

const SETTLED = '2026-01-10T00:00:00';

let day: MonitoredDay;

afterEach(async () => {
  await day.remove();
});

const rowOf = (customer: string, event: string, created: string, values: OrderRow['values']): OrderRow => ({
  customer,
  event: `${event}:00`,
  created: `${created}:00`,
  run: `r-${created.slice(0, 2)}`,
  values,
});

const online = ({ event, created, values }: OrderRow) => ({ event, created, values });

const DRIVER = {
  row: { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] },
  watermark: '00:30:00',
} as const;

/** Hourly runs of `orders`, five minutes each; 11:00 failed, 13:00 made up for it. */
async function makeDay(): Promise<Record<string, string>> {
  day = await MonitoredDay.make();
  for (const hour of ['08', '09', '10', '11', '13', '15']) {
    const startedUs = at(`${hour}:00:00`);
    await day.record(day.orders, {
      runId: `r-${hour}`,
      watermarkUs: startedUs,
      toUs: startedUs,
      startedUs,
      finishedUs: startedUs + 300_000_000,
      ...(hour === '11'
        ? { state: 'failed' as const, error: 'the store was full' }
        : { read: 130, counted: 120 }),
      ...(hour === '13' ? { lateEvents: 3, rejected: 7 } : {}),
    });
  }
  await day.record(day.driverStats, {
    runId: 's-00',
    watermarkUs: at('00:30:00'),
    toUs: at('00:30:00'),
    startedUs: at('00:30:00'),
    finishedUs: at('00:31:00'),
  });
  const lag = [rowOf('lag', '08:00', '08:00', [1n, 10]), rowOf('lag', '11:00', '13:00', [2n, 20])];
  const zero = rowOf('zero', '08:00', '08:00', [3n, null]);
  const late = [rowOf('late', '08:00', '08:00', [1n, 1]), rowOf('late', '09:00', '15:00', [2n, 2])];
  const lost = [rowOf('lost', '08:00', '08:00', [5n, 5]), rowOf('lost', '10:00', '10:00', [6n, 6])];
  const same = rowOf('same', '10:00', '10:00', [9n, 9]);
  await day.appendOrders([...lag, zero, ...late, ...lost, same]);
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  const serve = (time: string, who: string, row: OrderRow, watermark: string, values = row.values): string =>
    day.serve(time, who, { row: { ...online(row), values }, watermark }, 1, DRIVER);
  return {
    lag: serve('11:42:00', 'lag', lag[0]!, '10:00:00'),
    zero: serve('09:30:00', 'zero', zero, '09:00:00', [3n, 0]),
    late: serve('10:30:00', 'late', late[0]!, '10:00:00'),
    lost: serve('10:40:00', 'lost', lost[0]!, '10:00:00'),
    same: serve('10:50:00', 'same', same, '10:00:00'),
    redefined: day.serve(
      '10:55:00',
      'same',
      { row: { ...online(same), values: [8n, 8] }, definition: earlierOrders, watermark: '10:00:00' },
      1,
      DRIVER,
    ),
    // A driver that is in no history, and a customer whom nobody knows.
    stranger: day.serve('10:56:00', 'nobody', {}, 7, {
      ...DRIVER,
      row: { ...DRIVER.row, values: [0.7, null, null] },
    }),
    unavailable: day.serve('10:57:00', 'same', { status: 'UNAVAILABLE', source: 'none' }, 1, DRIVER),
    noKey: day.serve('10:58:00', null, {}, 1, DRIVER),
  };
}

function explained(
  requestId: string,
  narrowed: Parameters<typeof explainRequest>[3] = {},
): Promise<ExplainedVector[]> {
  return explainRequest(day.project, day.project.database, { requestId }, narrowed);
}

/** Cause, evidence and promise of every example, by request and feature. */
function judgedOf(snapshot: Snapshot): Map<string, string> {
  return new Map(
    snapshot.features.flatMap(({ name, examples }) =>
      examples.map((e): [string, string] => [
        `${e.requestId} ${name}`,
        `${e.causes[0]}: ${e.evidence} ${e.withinPromise}`,
      ]),
    ),
  );
}

describe('a request of the log', () => {
  test('has the causes, evidence and promise that the monitor gave it, and a match has none', async () => {
    const ids = await makeDay();
    const judged = judgedOf(await day.judge(SETTLED));
    expect(judged.size).toBeGreaterThanOrEqual(10);
    const told = new Map<string, string>();
    for (const id of Object.values(ids)) {
      const [vector] = await explained(id);
      for (const feature of vector!.views.flatMap(({ features }) => features)) {
        const { name, same, cause, evidence, withinPromise } = feature;
        // UNAVAILABLE is no mismatch of the report.
        if (id === ids['unavailable'] && name.startsWith('orders')) expect(cause).toBe('unavailable');
        else if (same === false) told.set(`${id} ${name}`, `${cause}: ${evidence} ${withinPromise}`);
        else expect(cause).toBeNull();
      }
    }
    expect(told).toEqual(judged);
  });

  test('is told with the rows around it, the rule that chose, and the runs with their counts', async () => {
    const ids = await makeDay();
    await day.closeLog();
    const [vector] = await explained(ids['lag']!);
    const orders = vector!.views[0]!;
    expect(orders.history.map(({ eventTime, is }) => [eventTime.slice(11, 16), is.join()])).toEqual([
      ['08:00', 'served,as available'],
      ['11:00', 'as trained'],
    ]);
    const text = renderExplanation([vector!]);
    for (const words of [
      'churn v1 for customer_id lag, driver_id 1, served 2026-01-02 11:42',
      'The edge of 11:00 was due at 11:42',
      'As trained: all 2 rows of the entity count at 11:42, by event time; the newest is that of 11:00, written at 13:00',
      'As available: of the rows that had been written by 11:42, the newest is that of 08:00',
      '← as trained',
      '← brought the row as trained',
      'Run r-11 failed: the store was full',
      'which events made this row is not recorded',
    ]) {
      expect(text.replaceAll(/\s+/g, ' ')).toContain(words);
    }
    expect(orders.runs.find(({ runId }) => runId === 'r-13')).toMatchObject({
      counted: 120,
      late: 3,
      rejected: 7,
    });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });

  test('can be narrowed to a feature, by its full name or its own, and is found by pod, epoch and sequence', async () => {
    const ids = await makeDay();
    await day.closeLog();
    const [vector] = await explained(ids['zero']!, { feature: 'spent_1d' });
    // The history's row of these times has another value: it is not what was served.
    expect(vector!.views[0]!.history.map(({ is }) => is)).toEqual([
      ['of the served times', 'as trained', 'as available'],
    ]);
    expect(vector!.views.flatMap(({ features }) => features.map(({ name }) => name))).toEqual([
      'orders__spent_1d',
    ]);
    const { pod, epoch, sequence } = vector!.request!;
    const again = await explainRequest(
      day.project,
      day.project.database,
      { pod, epoch, sequence },
      { feature: 'orders__spent_1d' },
    );
    expect(again).toEqual([vector]);
  });

  test('counts once when spool and archive both have it; an id that was used twice lists both', async () => {
    const ids = await makeDay();
    day.append('12:00:00', { customer_id: 'same', driver_id: '1' }, []);
    await day.closeLog();
    day.project.setClock(at('23:30:00'));
    const before = await explained(ids['lag']!);
    await runIngest(day.project);
    expect(await explained(ids['lag']!)).toEqual(before);
    await day.openLog();
    day.append('14:00:00', { customer_id: 'lag', driver_id: '1' }, [], 0, { requestId: ids['lag']! });
    await day.closeLog();
    const both = await explained(ids['lag']!);
    expect(both.map(({ at: time }) => time.slice(11, 16))).toEqual(['11:42', '14:00']);
  });

  test('whose id another service has too is told where it fits; what fits nowhere has the first reason', async () => {
    await makeDay();
    const keys = { customer_id: 'same', driver_id: '1' };
    const id = day.append('10:50:00', keys, [], 0, { service: 'gone' });
    day.append('10:50:01', keys, [], 0, { requestId: id });
    const two = Object.values(keys);
    const vectors = [two, two].map((own) => ({ keys: own, rows: [] }));
    day.append('10:50:02', keys, [], 0, { requestId: id, vectors });
    await day.closeLog();
    const told = async (narrowed = {}): Promise<string[]> =>
      (await explained(id, narrowed)).map(({ at: time, request }) => `${time.slice(17, 19)} ${request!.row}`);
    expect(await told()).toEqual(['01 0', '02 0', '02 1']);
    expect(await told({ row: 1, feature: 'spent_1d' })).toEqual(['02 1']);
    await expect(told({ row: 2 })).rejects.toThrow('has no row 2: it has 1');
    await expect(told({ feature: 'spent' })).rejects.toThrow('gone');
    const [vector] = await explained(id, { row: 1 });
    expect(vector!.request).toMatchObject({ requests: 3 });
    expect(renderExplanation([vector!])).toContain('2 more requests have this id and are not shown');
  });

  test('whose id a caller never changes: the newest ten are told, and how many more there are', async () => {
    await makeDay();
    const keys = { customer_id: 'same', driver_id: '1' };
    const append = (n: number): string =>
      day.append(`12:00:${String(n).padStart(2, '0')}`, keys, [], 0, { requestId: 'the-same' });
    for (let n = 0; n < 13; n++) append(n);
    await day.closeLog();
    const told = await explainRequest(day.project, day.project.database, { requestId: 'the-same' });
    expect(told.map(({ at: time }) => Number(time.slice(17, 19)))).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(renderExplanation(told)).toContain('3 more requests have this id and are not shown');
  });

  test('whose file retention removes meanwhile is told as that; what is removed before it is read is read no more', async () => {
    const ids = await makeDay();
    await day.closeLog();
    day.project.setClock(at('23:30:00'));
    await runIngest(day.project);
    const { settings, logger } = day.project;
    rmSync(settings.log.spool, { recursive: true });
    const duck = await DuckDb.open();
    onTestFinished(() => duck.close());
    const book = new BundleBook(settings, logger);
    const find = () => loggedRequests(duck, day.project, scratchFolder(), { requestId: ids['lag']! });
    const [request] = await find();
    const service = book.current.services.get('churn')!;
    const read = () =>
      loggedVectors({ project: day.project, duck, book, service, request: request! }, [0, 1]);
    expect(await read()).toHaveLength(1);
    // Another one of the day goes between the list and the reading of it.
    const rows = duck.rows.bind(duck);
    const other = request!.file.replace('hour=11', 'hour=10');
    vi.spyOn(duck, 'rows').mockImplementationOnce((sql) => {
      rmSync(other);
      return rows(sql);
    });
    expect(await find()).toMatchObject([{ requestId: ids['lag'], file: request!.file }]);
    rmSync(request!.file);
    await expect(read()).rejects.toMatchObject({
      code: 'MON_REQUEST',
      message: expect.stringContaining('was removed while it was read: monitor.keepServedDays') as string,
    });
  });

  test('is found beside a damaged file of the archive, which is warned of', async () => {
    const ids = await makeDay();
    await day.closeLog();
    day.project.setClock(at('23:30:00'));
    await runIngest(day.project);
    const before = await explained(ids['lag']!);
    const { settings, said } = day.project;
    rmSync(settings.log.spool, { recursive: true });
    const { archive } = await IngestLedger.read(localFolder(settings.served));
    const { files } = await archivedFiles(localFolder(settings.served), [archive], () => true);
    const damaged = files.find(({ hour }) => hour.endsWith('T10'))!;
    truncateSync(damaged.path, 300);
    expect(await explained(ids['lag']!)).toEqual(before);
    expect(said.filter((line) => line.includes('left out'))).toEqual([
      expect.stringContaining(`${damaged.path} cannot be read, and is left out: `),
    ]);
    await expect(explained(ids['late']!)).rejects.toMatchObject({ code: 'MON_REQUEST' });
  });

  test('whose answer is logged is held against it: what the model was told is not what the row says', async () => {
    await makeDay();
    const row = { event: '10:00:00', created: '10:00:00', values: [9n, 9] };
    const rows = [
      servedRow(day.orders, '10:50:00', { row, watermark: '10:00:00' }),
      servedRow(day.driverStats, '10:50:00', DRIVER),
    ];
    const features = { orders__orders_1d: 9, orders__spent_1d: 8, driver_stats__conv_rate: 0.5 };
    const answer = Buffer.from(JSON.stringify({ results: [{ features }] }));
    const id = day.append('10:50:00', { customer_id: 'same', driver_id: '1' }, rows, 0, { answer });
    const judged = judgedOf(await day.judge(SETTLED));
    const [vector] = await explained(id);
    expect(vector!.request).toMatchObject({ isAnswerLogged: true });
    const [count, spent] = vector!.views[0]!.features;
    expect(count).toMatchObject({ same: true, cause: null });
    expect(spent).toMatchObject({ same: false, cause: 'answer altered' });
    const { cause, evidence, withinPromise } = spent!;
    expect(judged.get(`${id} orders__spent_1d`)).toBe(`${cause}: ${evidence} ${withinPromise}`);
    expect(renderExplanation([vector!])).toContain('held against the logged answer');
  });

  test('whose row cannot be decoded gets no cause: it says so, spool and archive alike', async () => {
    await makeDay();
    const row = { event: '10:00:00', created: '10:00:00', values: [8n, 8] };
    const unknown = { ...day.orders, definitionId: 99 };
    const id = day.serve('10:50:00', 'same', { row, definition: unknown, watermark: '10:00:00' }, 1, DRIVER);
    await day.closeLog();
    day.project.setClock(at('23:30:00'));
    const fromSpool = await explained(id);
    await runIngest(day.project);
    expect(await explained(id)).toEqual(fromSpool);
    const [orders, drivers] = fromSpool[0]!.views;
    for (const feature of orders!.features) {
      expect(feature).toMatchObject({ served: { state: 'undecoded', value: null }, same: null, cause: null });
    }
    expect(drivers!.features).toMatchObject([{ same: true }]);
    expect(orders!.unknown[0]).toContain('The served row cannot be decoded');
    expect(renderExplanation(fromSpool)).toContain('cannot be decoded');
  });

  test("another entity's row is told apart by what the service does not take", async () => {
    await makeDay();
    const { features } = SERVICE;
    day.publish(day.orders, {
      ...SERVICE,
      features: features.filter(({ feature }) => feature !== 'orders_1d'),
    });
    const row = { event: '08:00:00', created: '08:00:00', values: [1n, 10] };
    const id = day.serve('09:30:00', 'lost', { row, watermark: '09:00:00' }, 1, DRIVER);
    await day.closeLog();
    const [vector] = await explained(id, { feature: 'spent_1d' });
    expect(vector!.views[0]!.features[0]).toMatchObject({ same: false, cause: 'foreign row' });
    expect(vector!.views[0]!.features[0]!.evidence).toContain('lag');
  });

  test('of an entity with more rows than are read counts them all', async () => {
    day = await MonitoredDay.make();
    await day.project.writeParquet(
      'drivers',
      `SELECT 1::BIGINT AS driver_id, make_timestamp(${at('03:00')} + i * 1000000) AS event_timestamp,
        make_timestamp(${at('02:00')}) AS created, 0.5::DOUBLE AS conv_rate, NULL::BIGINT AS trips, NULL::VARCHAR[] AS tags
       FROM range(5040) t(i)`,
    );
    const id = day.serve('04:23:20', 'c', {}, 1, DRIVER);
    await day.closeLog();
    const [vector] = await explained(id, { feature: 'conv_rate' });
    expect(vector!.views[0]!.rule.join(' ')).toContain("5001 of the entity's 5040 rows count");
    expect(vector!.views[0]!.unknown.join(' ')).toContain('more rows than are read here');
  });

  test('that is not there, a row that it lacks, and a feature that no service has are refused with what there is', async () => {
    const ids = await makeDay();
    await day.closeLog();
    const refused = async (...args: Parameters<typeof explained>): Promise<string> => {
      const error: unknown = await explained(...args).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(CodedError);
      return `${(error as CodedError).code}: ${(error as CodedError).message}`;
    };
    expect(await refused("nobody's")).toContain("MON_REQUEST: request nobody's is neither in");
    expect(await refused(ids['lag']!, { row: 3 })).toContain('has no row 3: it has 1, numbered from 0');
    expect(await refused(ids['lag']!, { feature: 'spent' })).toContain(
      'it has orders__orders_1d, orders__spent_1d',
    );
  });
});

describe('what a definition says', () => {
  test('the delay decides which row counts', async () => {
    day = await MonitoredDay.make({ delayUs: 1_800_000_000 });
    const rows = [rowOf('c', '10:00', '10:00', [1n, 1]), rowOf('c', '11:00', '11:00', [2n, 2])];
    await day.appendOrders(rows);
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    await day.setWatermark('23:00:00');
    const early = day.serve('11:29:59', 'c', { row: online(rows[0]!), watermark: '10:00:00' }, 1, DRIVER);
    const due = day.serve('11:30:00', 'c', { row: online(rows[0]!), watermark: '10:00:00' }, 1, DRIVER);
    await day.closeLog();
    const valuesOf = async (id: string): Promise<unknown[]> =>
      (await explained(id))[0]!.views[0]!.features.map(({ trained }) => trained.value);
    expect(await valuesOf(early)).toEqual(['1', 1]);
    expect(await valuesOf(due)).toEqual(['2', 2]);
    const [vector] = await explained(early);
    expect(renderExplanation([vector!]).replaceAll(/\s+/g, ' ')).toContain(
      "1 of the entity's 2 rows counts at 11:29:59, by event time + delay of 30m",
    );
  });

  test.each(['drop', 'hmac'] as const)('a value that is marked %s is shown nowhere', async (log) => {
    const marked = ordersView().features.map((one) => (one.name === 'spent_1d' ? { ...one, log } : one));
    day = await MonitoredDay.make({ features: marked });
    await day.appendOrders([rowOf('c', '10:00', '10:00', [1n, 98_765.25])]);
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    await day.setWatermark('23:00:00');
    const row = { event: '10:00:00', created: '10:00:00', values: [1n, 98_765.25] };
    const id = day.serve('10:30:00', 'c', { row, watermark: '10:00:00' }, 1, DRIVER);
    await day.closeLog();
    const vectors = await explained(id);
    expect(JSON.stringify(vectors)).not.toContain('98765');
    const text = renderExplanation(vectors);
    expect(text).not.toContain('98765');
    expect(text).toContain(`its definition says log: ${log}`);
  });
});

describe('an entity at a time', () => {
  test('is told without a request: what training sees, and what was available', async () => {
    await makeDay();
    await day.closeLog();
    const asked = { service: 'churn', keys: { customer_id: 'lag', driver_id: '1' }, atUs: at('11:42:00') };
    const vector = await explainEntity(day.project, day.project.database, asked);
    const [count] = vector.views[0]!.features;
    expect(count).toMatchObject({
      served: null,
      same: null,
      trained: { value: '2' },
      available: { value: '1' },
    });
    const text = renderExplanation([vector]);
    expect(text).toContain('as if it had been asked then');
    expect(text).not.toContain('cannot be judged');
  });

  test('names the join keys that are missing, unknown or of another type', async () => {
    await makeDay();
    await day.closeLog();
    const tell = async (keys: Record<string, string>): Promise<string> =>
      explainEntity(day.project, day.project.database, { service: 'churn', keys, atUs: at('11:42:00') }).then(
        () => 'told',
        (error: Error) => error.message,
      );
    expect(await tell({ customer_id: 'lag' })).toBe('churn needs the join key driver_id');
    expect(await tell({ customer_id: 'lag', driver: '1' })).toContain(
      'no join key driver; it has customer_id, driver_id',
    );
    expect(await tell({ customer_id: 'lag', driver_id: 'one' })).toContain(
      'driver_id should be of type int64',
    );
  });
});
