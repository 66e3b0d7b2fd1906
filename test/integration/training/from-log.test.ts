/** Training sets of what was answered, against a naive model of the log: who asked, when, and what the model got. */
import { existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCurrentBundle, publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { FeatureService } from '../../../contract/model.ts';
import { STATUSES } from '../../../contract/status.ts';
import type { Status } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { manifestNamed } from '../../../training/manifest/shown-manifest.ts';
import { runTrain } from '../../../training/train.ts';
import type { TrainResult } from '../../../training/train.ts';
import type { TrainOptions } from '../../../training/train-options.ts';
import { DAY, at } from '../../support/day-time.ts';
import { driverStats, feature, orders } from '../../support/fixtures/materialized-project.ts';
import { ComputedFields } from '../../../contract/wire/log/computed-fields.ts';
import { onDemandView } from '../../support/fixtures/on-demand-view.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import type { Served } from '../../support/fixtures/monitored-day.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let day: MonitoredDay;
beforeEach(async () => {
  day = await MonitoredDay.make();
});
afterEach(() => day.remove());

const path = (name: string): string => join(day.project.settings.folder, name);

async function ingest(now = '23:00'): Promise<void> {
  await day.closeLog();
  day.project.setClock(at(now));
  await runIngest(day.project);
}

function labelsCsv(...lines: string[]): string {
  writeFileSync(path('labels.csv'), `${lines.join('\n')}\n`);
  return path('labels.csv');
}

async function train(options: Partial<TrainOptions> = {}): Promise<TrainResult> {
  const given = { service: 'churn', labels: path('labels.csv'), out: path('set.parquet'), fromLog: true };
  return await runTrain(day.project, { ...given, ...options });
}

async function rowsOf(file = path('set.parquet'), select = '*'): Promise<SqlRow[]> {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    return await duck.rows(`SELECT ${select} FROM read_parquet(${quotePath(file)})`);
  } finally {
    duck.close();
  }
}

const row = (...values: Value[]): Served => ({ row: { event: '08:00', created: '08:00', values } });
const minute = (n: number): string =>
  `${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}`;

describe('labels with a request', () => {
  test('get the vector that was answered, in the bytes of their file', async () => {
    day.serve('09:10', 'c-1', row(2n ** 60n, -0), 7, row(0.25, 1n, null));
    day.serve('09:11', 'c-2', { status: 'UNAVAILABLE', source: 'none' }, 7);
    await ingest();
    const lines = [
      'note,request_id,event_timestamp',
      '"a, ""b""",q-2,2026-01-02T10:00:00Z',
      ',q-1,2026-01-02 10:00',
      'x,q-3,2026-01-02 10:00',
    ];
    labelsCsv(...lines);
    const result = await train({ out: path('set.csv'), statuses: true });
    expect(readFileSync(path('set.csv'), 'utf8').trimEnd().split('\n')).toEqual([
      `${lines[0]},orders__orders_1d,orders__spent_1d,driver_stats__conv_rate,` +
        '_status__orders__orders_1d,_status__orders__spent_1d,_status__driver_stats__conv_rate',
      `${lines[1]},,,,UNAVAILABLE,UNAVAILABLE,MISSING`,
      `${lines[2]},${2n ** 60n},-0.0,0.25,PRESENT,PRESENT,PRESENT`,
      `${lines[3]},,,,,,`,
    ]);
    expect(result.notes).toEqual(['1 label has no vector: the archive has none of their request.']);
    expect(result.features[0]).toEqual({
      name: 'orders__orders_1d',
      present: 1,
      nulls: 0,
      missing: 0,
      outsideTtl: 0,
      unjudged: 0,
      notFull: 0,
      log: { unavailable: 1, noVector: 1, lacking: 0, undecoded: 0 },
    });
    const manifest = await manifestNamed(day.project.database, 'set.csv');
    expect(manifest).toMatchObject({
      as: 'logged',
      log: { by: 'request', withinUs: null, statuses: true, labels: 2, others: 0 },
    });
    expect(manifest.features[0]!.sketch).toMatchObject({ rows: 3, nulls: 2 });
  });

  test('of a time before the answer get none, and it is said', async () => {
    day.serve('09:10', 'c-1', row(1n, 1));
    await ingest();
    labelsCsv('request_id,event_timestamp', 'q-1,2026-01-02 09:09', ',2026-01-02 09:12', 'q-1,');
    const { notes } = await train();
    expect(notes).toEqual([
      '1 label has no time and got no vector.',
      '1 label has a null request_id, which matches no vector.',
      '1 label has no vector: the archive has none of their request; 1 of them are from before it was answered.',
    ]);
    expect((await rowsOf()).map((one) => one['orders__orders_1d'])).toEqual([null, null, null]);
  });

  test('without request_id and without --within are refused with what to do', async () => {
    day.serve('09:10', 'c-1', row(1n, 1));
    await ingest();
    labelsCsv('customer_id,driver_id,event_timestamp', 'c-1,1,2026-01-02 09:11');
    await expect(train()).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
      message: expect.stringContaining('has no column request_id, by which vectors of the log are found'),
      details: { help: expect.stringContaining('--within 5s') },
    });
    await expect(train({ within: '5 seconds' })).rejects.toMatchObject({ code: 'REG_USAGE' });
    await expect(train({ fromLog: false, statuses: true })).rejects.toMatchObject({
      code: 'REG_USAGE',
      message: '--statuses belongs to training sets of the log',
    });
  });

  test('without request_id of a service without join keys are told that nothing else finds a vector', async () => {
    const view = onDemandView('half', '({ n }) => ({ n })', { n: 'float64' }, { n: 'float64' });
    const service = {
      ...SERVICE,
      features: [{ fullName: 'half__n', view: 'half', role: 'half', feature: 'n' }],
      views: [],
      onDemand: [{ role: 'half', view: 'half', uses: [] }],
      inputs: view.inputs,
      requestKeys: [],
    };
    publishBundle(day.project.settings.bundles, {
      ...loadCurrentBundle(day.project.settings.bundles),
      onDemand: new Map([['half', view]]),
      services: new Map([[service.name, service]]),
    });
    labelsCsv('n,event_timestamp', '1,2026-01-02 09:11');
    for (const within of [{}, { within: '1h' }]) {
      await expect(train(within)).rejects.toMatchObject({
        code: 'TRAIN_LABELS',
        message: expect.stringContaining('has no column request_id, by which vectors of the log are found'),
        details: { help: 'Give labels with request_id: churn has no join keys to find its vectors by.' },
      });
    }
  });
});

/** A vector of the naive model. */
interface Answered {
  readonly requestId: string;
  readonly row: number;
  readonly us: number;
  /** The order in which the log took it. */
  readonly place: number;
  readonly customer: string | null;
  readonly driver: number;
  readonly version: number;
  /** By full name what the model got, and the status of it. */
  readonly got: ReadonlyMap<string, readonly [Value, Status]>;
}

/** A service without `spent_1d`, and with `trips`. */
const NEXT: FeatureService = {
  ...SERVICE,
  version: 2,
  features: [
    ...SERVICE.features.filter(({ feature: name }) => name !== 'spent_1d'),
    { fullName: 'driver_stats__trips', view: 'driver_stats', role: 'driver_stats', feature: 'trips' },
  ],
};

/** Serves random requests: ids that come again, at few times, of three bundles in turn. @returns all vectors */
function serveMuch(random: () => number): Answered[] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const answered: Answered[] = [];
  const short = driverStats({ features: [feature('conv_rate', 'float64', { missing: -3 })] });
  const stages = [
    { service: SERVICE, spent: null, drivers: short },
    { service: SERVICE, spent: -7.5, drivers: driverStats() },
    { service: NEXT, spent: -7.5, drivers: driverStats() },
  ];
  for (const { service, spent, drivers } of stages) {
    day.driverStats = drivers;
    day.publish(
      orders({
        features: orders().features.map((f) => (f.name === 'spent_1d' ? { ...f, missing: spent } : f)),
      }),
      service,
    );
    for (let i = 0; i < 40; i++) {
      const time = minute(600 + Math.floor(random() * 12));
      const requestId = `id-${Math.floor(random() * 45)}`;
      const vectors = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, at_) => {
        const customer = pick(['c-1', 'c-2', 'c-3', null]);
        const driver = pick([1, 2]);
        const statuses: Status[] = ['PRESENT', 'PRESENT', 'MISSING', 'OUTSIDE_TTL', 'UNAVAILABLE'];
        const [ofOrders, ofDrivers] = [pick(statuses), pick(statuses)];
        const [count, amount] = [pick([null, 1n, 2n ** 62n]), pick([null, -0, 0.1 + 0.2])];
        const [rate, trips] = [pick([null, 0.5, -0]), pick([null, 5n])];
        // A row of the definition that has no trips yet may still be served.
        const isOld = random() < 0.3;
        const definition = isOld ? short : drivers;
        const driverValues = definition === short ? [rate] : [rate, trips, null];
        const got = new Map<string, readonly [Value, Status]>();
        const take = (name: string, status: Status, value: Value | undefined, missing: Value): void => {
          if (!service.features.some(({ fullName }) => fullName === name)) return;
          if (status !== 'PRESENT') got.set(name, [missing, status]);
          else if (value === undefined) got.set(name, [missing, 'MISSING']);
          else got.set(name, [value, value === null ? 'NULL' : 'PRESENT']);
        };
        take('orders__orders_1d', ofOrders, count, null);
        take('orders__spent_1d', ofOrders, amount, spent);
        take('driver_stats__conv_rate', ofDrivers, rate, drivers === short ? -3 : null);
        take('driver_stats__trips', ofDrivers, definition === short ? undefined : trips, null);
        const us = at(time);
        answered.push({
          requestId,
          row: at_,
          us,
          place: answered.length,
          customer,
          driver,
          version: service.version,
          got,
        });
        const of = (status: Status, values: Value[]): Served =>
          status === 'PRESENT' || status === 'OUTSIDE_TTL' ? { ...row(...values), status } : { status };
        const rows = [
          servedRow(day.orders, time, of(ofOrders, [count, amount])),
          servedRow(drivers, time, { ...of(ofDrivers, driverValues), definition }),
        ];
        return { keys: [customer, String(driver)], rows };
      });
      const change = { requestId, vectors, serviceVersion: service.version };
      day.append(time, { customer_id: '', driver_id: '' }, [], 0, change);
    }
    day.earlierDrivers.push(drivers);
  }
  return answered;
}

/** What a label should get: of the vectors that fit the one that was answered last, in the log's order. */
function lastOf(answered: readonly Answered[], fits: (one: Answered) => boolean): Answered | null {
  return answered
    .filter(fits)
    .reduce<Answered | null>((last, one) => (last === null || one.us >= last.us ? one : last), null);
}

const NAMES = ['orders__orders_1d', 'driver_stats__conv_rate', 'driver_stats__trips'];

function expectAnswered(rows: readonly SqlRow[], expected: readonly (Answered | null)[]): void {
  expect(rows.length).toBe(expected.length);
  for (const [i, label] of rows.entries()) {
    for (const name of NAMES) {
      const [value, status] = expected[i]?.got.get(name) ?? [null, null];
      const got = [label[name], label[`_status__${name}`]];
      expect(got, `label ${i}, ${name}`).toEqual([value, status]);
      expect(Object.is(got[0], value)).toBe(true);
    }
  }
}

describe('a naive model of the log', () => {
  test('agrees on every label: ids that come again, rows, ties, versions, definitions, statuses', async () => {
    const random = seededRandom();
    const answered = serveMuch(random);
    await ingest();
    const lines: string[] = [];
    const expected: (Answered | null)[] = [];
    let others = 0;
    for (let i = 0; i < 300; i++) {
      const requestId = random() < 0.1 ? null : `id-${Math.floor(random() * 50)}`;
      const rowText = ['', '0', '1', '2', '3'][Math.floor(random() * 5)]!;
      const time = minute(598 + Math.floor(random() * 16));
      lines.push(`${requestId ?? ''},${rowText},${DAY} ${time}`);
      const isOf = (one: Answered): boolean => one.requestId === requestId && one.row === Number(rowText);
      const found = lastOf(answered, (one) => isOf(one) && one.us <= at(time));
      expected.push(found);
      if (found !== null) others += answered.filter(isOf).length - 1;
    }
    labelsCsv('request_id,row,event_timestamp', ...lines);
    const result = await train({ statuses: true });
    expectAnswered(await rowsOf(), expected);
    const met = expected.filter((one) => one !== null);
    const lacking = met.filter(({ version }) => version === 1).length;
    expect(met.length).toBeGreaterThan(100);
    expect(lacking).toBeGreaterThan(30);
    expect(result.features.map(({ name }) => name)).toEqual(NAMES);
    for (const { name, log, ...counts } of result.features) {
      const of = (status: Status): number => met.filter(({ got }) => got.get(name)?.[1] === status).length;
      expect({ name, present: counts.present, nulls: counts.nulls, log }).toEqual({
        name,
        present: of('PRESENT'),
        nulls: of('NULL'),
        log: {
          unavailable: of('UNAVAILABLE'),
          noVector: expected.length - met.length,
          lacking: name === 'driver_stats__trips' ? lacking : 0,
          undecoded: 0,
        },
      });
      expect([counts.missing, counts.outsideTtl]).toEqual([of('MISSING'), of('OUTSIDE_TTL')]);
    }
    const { log } = await manifestNamed(day.project.database, 'set.parquet');
    expect(log).toMatchObject({ labels: met.length, others });
    expect(
      STATUSES.every((status) => met.some(({ got }) => [...got.values()].some(([, s]) => s === status))),
    ).toBe(true);
  });

  test('agrees by keys and time, within so long before the label', async () => {
    const random = seededRandom();
    const answered = serveMuch(random);
    await ingest();
    const lines: string[] = [];
    const expected: (Answered | null)[] = [];
    for (let i = 0; i < 300; i++) {
      const customer = ['c-1', 'c-2', 'c-3', 'c-4', null][Math.floor(random() * 5)]!;
      const driver = 1 + Math.floor(random() * 3);
      const time = minute(595 + Math.floor(random() * 22));
      lines.push(`${customer ?? ''},${driver},${DAY} ${time}`);
      expected.push(
        customer === null
          ? null
          : lastOf(answered, (one) => {
              const age = at(time) - one.us;
              return one.customer === customer && one.driver === driver && age >= 0 && age <= 180_000_000;
            }),
      );
    }
    labelsCsv('customer_id,driver_id,event_timestamp', ...lines);
    await train({ statuses: true, within: '3m' });
    expectAnswered(await rowsOf(), expected);
    expect(expected.filter((one) => one !== null).length).toBeGreaterThan(80);
    expect(expected.filter((one) => one === null).length).toBeGreaterThan(80);
  });
});

describe('what the log lacks', () => {
  /** Takes numbers out of what the state says was read. */
  function loseRecords(from: number, to: number): void {
    const file = join(day.project.settings.served, 'ingest.json');
    const state = JSON.parse(readFileSync(file, 'utf8')) as {
      epochs: { seen: [number, number, number, number][] }[];
    };
    const [[first, last, fromUs, toUs]] = state.epochs[0]!.seen as [[number, number, number, number]];
    state.epochs[0]!.seen = [
      [first, from - 1, fromUs, at('10:00')],
      [to + 1, last, at('11:00'), toUs],
    ];
    writeFileSync(file, JSON.stringify(state));
  }

  async function fourRequests(): Promise<void> {
    for (const time of ['09:00', '10:00', '11:00', '12:00']) day.serve(time, 'c-1', row(1n, 2));
    await ingest();
    labelsCsv('request_id,event_timestamp', 'q-1,2026-01-02 13:00', 'q-4,2026-01-02 13:00');
  }

  test('a day with gaps is named and refused, unless they are allowed', async () => {
    await fourRequests();
    loseRecords(3, 3);
    await expect(train()).rejects.toMatchObject({
      code: 'TRAIN_GAPS',
      kind: 'check-failed',
      message: 'The log of 2026-01-02 has gaps: 1 record that never came.',
    });
    expect(existsSync(path('set.parquet'))).toBe(false);
    const { notes } = await train({ allowGaps: true });
    expect(notes).toEqual(['The log of 2026-01-02 has gaps: 1 record that never came.']);
    expect((await rowsOf()).map((one) => one['orders__spent_1d'])).toEqual([2, 2]);
  });

  test('a gap on which no label can lie is nobody’s', async () => {
    await fourRequests();
    loseRecords(3, 3);
    labelsCsv('request_id,event_timestamp', 'q-1,2026-01-02 09:30');
    expect((await train()).notes).toEqual([]);
    labelsCsv('request_id,event_timestamp', 'q-4,2026-01-02 12:30');
    expect((await train()).notes).toEqual([]);
    // One that is not found may be among the lost ones.
    labelsCsv('request_id,event_timestamp', 'q-4,2026-01-02 12:30', 'q-3x,2026-01-02 12:30');
    await expect(train()).rejects.toMatchObject({ code: 'TRAIN_GAPS' });
    expect((await train({ within: '1h' })).notes).toEqual([
      '1 label has no vector: the archive has none of their request within 1h before them.',
    ]);
  });

  function archivedFiles(): string[] {
    const folder = join(day.project.settings.served, 'churn');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => join(folder, name))
      .toSorted();
  }

  test('a file that is gone is a gap, one that is damaged is named', async () => {
    await fourRequests();
    const [first, second] = archivedFiles();
    rmSync(second!);
    await expect(train()).rejects.toMatchObject({
      code: 'TRAIN_GAPS',
      message: 'The log of 2026-01-02 has gaps: 1 file of the archive that is gone.',
    });
    truncateSync(first!, 100);
    await expect(train({ allowGaps: true })).rejects.toMatchObject({
      code: 'TRAIN_LOG',
      message: expect.stringContaining(`${first} of the archive cannot be read`),
    });
  });

  test('labels later than what was ingested are unjudged', async () => {
    day.serve('09:00', 'c-1', row(1n, 2));
    await ingest('12:00');
    labelsCsv(
      'request_id,event_timestamp',
      'q-1,2026-01-02 09:30',
      'q-9,2026-01-02 12:30',
      'q-8,2026-01-02 11:00',
    );
    const { notes, features } = await train();
    expect(notes).toEqual([
      '1 label is unjudged, later than what was ingested of the log, which goes up to 2026-01-02T12:00:00.000000Z: ' +
        'null for all features. `plumb monitor ingest` reads on.',
      '1 label has no vector: the archive has none of their request.',
    ]);
    expect(features[0]).toMatchObject({ present: 1, unjudged: 1, log: { noVector: 1 } });
    await expect(train({ strict: true })).rejects.toMatchObject({ code: 'TRAIN_UNJUDGED' });
  });

  test('without an archive it is said how to make one', async () => {
    day.serve('09:00', 'c-1', row(1n, 2));
    await day.closeLog();
    labelsCsv('request_id,event_timestamp', 'q-1,2026-01-02 09:30');
    await expect(train()).rejects.toMatchObject({ code: 'TRAIN_NO_LOG', kind: 'not-enough-data' });
  });
});

describe('what definitions keep out of the log', () => {
  test('features are refused, or left out', async () => {
    const marked = orders({
      features: orders().features.map((f) => (f.name === 'spent_1d' ? { ...f, log: 'hmac' as const } : f)),
    });
    day.publish(marked);
    day.serve('09:00', 'c-1', row(1n, 2));
    await ingest();
    labelsCsv('request_id,event_timestamp', 'q-1,2026-01-02 09:30');
    await expect(train()).rejects.toMatchObject({
      code: 'TRAIN_MASKED',
      message: 'orders__spent_1d is a feature that definitions keep out of the log',
    });
    const { notes, features } = await train({ withoutMasked: true });
    expect(features.map(({ name }) => name)).toEqual(['orders__orders_1d', 'driver_stats__conv_rate']);
    expect(notes).toEqual(['Left out, since definitions keep them out of the log: orders__spent_1d.']);
  });

  test('a feature that was kept out of it for some of the vectors is no better', async () => {
    const marked = orders({
      features: orders().features.map((f) => (f.name === 'spent_1d' ? { ...f, log: 'drop' as const } : f)),
    });
    day.publish(marked);
    day.serve('09:00', 'c-1', row(1n, 2));
    day.publish(orders());
    day.serve('09:01', 'c-1', row(1n, 2));
    await ingest();
    labelsCsv('request_id,event_timestamp', 'q-2,2026-01-02 09:30');
    expect((await train()).features.length).toBe(3);
    labelsCsv('request_id,event_timestamp', 'q-2,2026-01-02 09:30', 'q-1,2026-01-02 09:30');
    await expect(train()).rejects.toMatchObject({ code: 'TRAIN_MASKED' });
  });

  test.each(['hmac', 'drop'] as const)(
    'ids that it has as %s cannot be looked for, and requests can',
    async (ids) => {
      day.publish(day.orders, SERVICE, ids);
      const keys = { customer_id: ids === 'hmac' ? 'ab'.repeat(32) : '', driver_id: '' };
      const policies = {
        keyPolicies: [1, 1].map(() => (ids === 'hmac' ? 1 : 2)),
        hmacKeyId: ids === 'hmac' ? 'k1' : '',
      };
      const [first, second] = [
        servedRow(day.orders, '09:00', row(1n, 2)),
        servedRow(day.driverStats, '09:00', {}),
      ];
      if (ids === 'hmac') keys.driver_id = 'cd'.repeat(32);
      day.append('09:00', keys, [first, second], 0, policies);
      await ingest();
      labelsCsv('customer_id,driver_id,event_timestamp', 'c-1,1,2026-01-02 09:00');
      await expect(train({ within: '5s' })).rejects.toMatchObject({
        code: 'TRAIN_MASKED',
        message: 'the log does not have the ids of customer_id as they are',
      });
      labelsCsv('request_id,event_timestamp', 'q-1,2026-01-02 09:00');
      await train();
      expect((await rowsOf()).map((one) => one['orders__spent_1d'])).toEqual([2]);
    },
  );
});

test('the present hour, whose files are still to be joined, is read too', async () => {
  day.serve('09:10', 'c-1', row(1n, 2));
  await ingest('09:12');
  await day.openLog();
  day.serve('09:20', 'c-1', row(1n, 3));
  await ingest('09:22');
  expect(existsSync(join(day.project.settings.served, '_open', 'churn'))).toBe(true);
  labelsCsv('request_id,event_timestamp', 'q-1,2026-01-02 09:21', 'q-2,2026-01-02 09:21');
  await train();
  expect((await rowsOf()).map((one) => one['orders__spent_1d'])).toEqual([2, 3]);
});

test('what was computed on demand is what was answered, with its fallback where there was nothing', async () => {
  const double = { kind: 'float64' as const };
  const plain = onDemandView(
    'half',
    '({ cart }) => ({ x: cart / 2 })',
    { cart: 'float64' },
    { x: 'float64' },
  );
  const view = { ...plain, features: plain.features.map((one) => ({ ...one, missing: -7 })) };
  const half = { fullName: 'halved', view: 'half', role: 'half', feature: 'x' };
  day.serve('08:00', 'c-1', row(1n, 2));
  day.onDemand = [view];
  day.publish(day.orders, {
    ...SERVICE,
    features: [half, ...SERVICE.features],
    onDemand: [{ role: 'half', view: 'half', uses: [] }],
    inputs: view.inputs,
  });
  const serve = (time: string, outputs: readonly Value[], status: Status): void => {
    const fields = new ComputedFields();
    fields.open('outputs', outputs.length);
    for (const value of outputs) fields.add(double, value);
    fields.close();
    fields.statuses([STATUSES.indexOf(status)], 0, 1);
    const rows = [servedRow(day.orders, time, row(1n, 2)), servedRow(day.driverStats, time, {})];
    const computed = { buffer: fields.written, from: 0, to: fields.length };
    day.append(time, { customer_id: 'c-1', driver_id: '1' }, rows, 0, {
      vectors: [{ keys: ['c-1', '1'], rows, computed }],
      onDemand: [{ role: 'half', view: 'half', definitionId: view.definitionId, outputPolicies: [] }],
    });
  };
  serve('09:00', [2.5], 'PRESENT');
  serve('09:01', [null], 'PRESENT');
  serve('09:02', [null], 'UNAVAILABLE');
  serve('09:03', [], 'PRESENT');
  await ingest();
  labelsCsv('request_id,event_timestamp', ...[1, 2, 3, 4, 5].map((n) => `q-${n},2026-01-02 10:00`));
  const { features, notes } = await train({ statuses: true });
  const found = await rowsOf(undefined, 'halved AS x, _status__halved AS s');
  expect(found.map(({ x, s }) => [x, s])).toEqual([
    [null, null],
    [2.5, 'PRESENT'],
    [null, 'NULL'],
    [-7, 'UNAVAILABLE'],
    [null, 'UNDECODED'],
  ]);
  const log = { unavailable: 1, lacking: 1, undecoded: 1 };
  expect(features[0]).toMatchObject({ name: 'halved', present: 1, nulls: 1, log });
  expect(notes.join()).toContain('1 label got null for halved: the service did not compute it then');
});
