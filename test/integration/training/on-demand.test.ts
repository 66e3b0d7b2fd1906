/** On-demand features in training sets: what the function gives for the label's inputs and the row that it sees. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCurrentBundle, publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import type { FeatureService, OnDemandView, UsedView } from '../../../contract/model.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath, quoteTarget } from '../../../project/engine/duckdb/file-sql.ts';
import { trainAgain } from '../../../training/again.ts';
import { manifestNamed } from '../../../training/manifest/shown-manifest.ts';
import { runTrain } from '../../../training/train.ts';
import type { TrainResult } from '../../../training/train.ts';
import type { TrainOptions } from '../../../training/train-options.ts';
import {
  bundleOf,
  driver,
  driverStats,
  feature,
  makeProject,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay, SERVICE } from '../../support/fixtures/monitored-day.ts';
import { onDemandView } from '../../support/fixtures/on-demand-view.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const path = (name: string): string => join(project.settings.folder, name);

const STATS = driverStats({
  features: [feature('conv_rate', 'float64', { missing: 0.25 }), feature('trips', 'int64')],
});

const usesStats: UsedView = {
  role: 'driver_stats',
  view: 'driver_stats',
  requestKeys: ['driver_id'],
  features: [
    { feature: 'conv_rate', argument: 'conv_rate' },
    { feature: 'trips', argument: 'trips' },
  ],
};

/** Publishes a service of the stored view and of on-demand ones, each of which may use those before it. */
async function publish(views: readonly OnDemandView[]): Promise<void> {
  const service: FeatureService = {
    name: 'rank',
    version: 1,
    features: [
      { fullName: 'driver_stats__trips', view: 'driver_stats', role: 'driver_stats', feature: 'trips' },
      ...views.flatMap(({ id, name, features }) =>
        features.map((one) => ({
          fullName: `${name}__${one.name}`,
          view: id,
          role: name,
          feature: one.name,
        })),
      ),
    ],
    views: [{ role: 'driver_stats', view: 'driver_stats', requestKeys: ['driver_id'] }],
    onDemand: views.map(({ id, name, uses }) => ({
      role: name,
      view: id,
      uses: uses.map(({ role }) => role),
    })),
    inputs: views.flatMap(({ inputs }) => inputs).filter(({ name }) => name !== 'driver_id'),
    requestKeys: [{ name: 'driver_id', type: 'int64' }],
    consumers: [],
    tensor: 'float64',
    description: null,
    owner: null,
    tags: [],
  };
  publishBundle(project.settings.bundles, {
    ...bundleOf(STATS),
    entities: new Map([[driver.name, driver]]),
    onDemand: new Map(views.map((view) => [view.id, view])),
    services: new Map([[service.name, service]]),
    schemas: new Map([[STATS.id, [rowSchemaOf(STATS, driver)]]]),
  });
  await project.writeParquet(
    'drivers',
    `SELECT i AS driver_id, TIMESTAMP '2026-01-01 10:00' AS event_timestamp, event_timestamp AS created,
      CASE WHEN i % 3 = 0 THEN NULL ELSE i / 8 END AS conv_rate, CASE WHEN i % 4 = 0 THEN NULL ELSE i * 1000 END AS trips
      FROM range(1, 21) t(i)`,
  );
}

async function train(options: Partial<TrainOptions> = {}): Promise<TrainResult> {
  const given = { service: 'rank', labels: path('labels.csv'), out: path('set.parquet') };
  return await runTrain(project, { ...given, ...options });
}

async function query(sql: string): Promise<SqlRow[]> {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    return await duck.rows(sql);
  } finally {
    duck.close();
  }
}
const setRows = (): Promise<SqlRow[]> =>
  query(`SELECT * FROM read_parquet(${quotePath(path('set.parquet'))})`);

function labels(head: string, ...lines: string[]): void {
  writeFileSync(path('labels.csv'), `${[head, ...lines].join('\n')}\n`);
}

const required = (view: OnDemandView, ...names: string[]): OnDemandView => ({
  ...view,
  inputs: view.inputs.map((input) => ({ ...input, optional: !names.includes(input.name) })),
});

const trip = (): OnDemandView => {
  const view = onDemandView(
    'trip',
    `({ cart, coupon, now, conv_rate, trips }) => ({
      ratio: conv_rate === null ? null : cart / conv_rate, hour: Math.floor(now / 3600000000) % 24,
      note: (coupon === null ? 'none' : coupon) + ':' + trips })`,
    { cart: 'float64', coupon: 'string', now: 'timestamp' },
    { ratio: 'float64', hour: 'int32', note: 'string' },
    { uses: [usesStats] },
  );
  const inputs = view.inputs.map((input) => (input.name === 'now' ? { ...input, requestTime: true } : input));
  return required({ ...view, inputs }, 'cart', 'now');
};

describe('values', () => {
  test('are those of the function over the label’s inputs and its row, whatever format the labels have', async () => {
    await publish([trip()]);
    const random = seededRandom();
    const lines: string[] = [];
    const expected: unknown[] = [];
    for (let i = 0; i < 500; i++) {
      const id = Math.floor(random() * 25);
      const [cart, hour] = [Math.floor(random() * 1e6) / 100, Math.floor(random() * 24)];
      const coupon = random() < 0.5 ? null : `c${Math.floor(random() * 3)}`;
      lines.push(`${cart},${coupon ?? ''},2026-01-01 ${String(hour).padStart(2, '0')}:30,${id}`);
      const isThere = id >= 1 && id <= 20 && hour >= 10;
      const rate = isThere ? (id % 3 === 0 ? null : id / 8) : 0.25;
      const trips = isThere && id % 4 !== 0 ? id * 1_000 : null;
      expected.push([rate === null ? null : cart / rate, hour, `${coupon ?? 'none'}:${trips}`]);
    }
    labels('basket_total,coupon,event_timestamp,driver_id', ...lines);
    const result = await train({ input: ['cart=basket_total'] });
    const got = async (): Promise<unknown[]> =>
      (await setRows()).map((row) => [row['trip__ratio'], row['trip__hour'], row['trip__note']]);
    expect(await got()).toEqual(expected);
    expect(result.notes).toEqual([]);
    const nulls = expected.filter((one) => (one as unknown[])[0] === null).length;
    expect(result.features[1]).toMatchObject({ name: 'trip__ratio', nulls, present: 500 - nulls, failed: 0 });
    const duck = await DuckDb.open();
    await duck.run(
      `COPY (SELECT * FROM read_csv(${quotePath(path('labels.csv'))})) TO ${quoteTarget(path('labels.parquet'))}`,
    );
    duck.close();
    await train({ labels: path('labels.parquet'), input: ['cart=basket_total'] });
    expect(await got()).toEqual(expected);
    const { features } = await manifestNamed(project.database, 'set.parquet');
    expect(features.map(({ name }) => name)).toEqual([
      'driver_stats__trips',
      'trip__ratio',
      'trip__hour',
      'trip__note',
    ]);
  });

  test('of one view are what another one takes', async () => {
    const uses = {
      role: 'trip',
      view: 'trip',
      requestKeys: [],
      features: [{ feature: 'ratio', argument: 'ratio' }],
    };
    const twice = onDemandView(
      'twice',
      '({ ratio }) => ({ x: ratio === null ? -1 : ratio * 2 })',
      {},
      { x: 'float64' },
      { uses: [uses] },
    );
    await publish([trip(), twice]);
    labels('cart,coupon,event_timestamp,driver_id', '8,,2026-01-01 12:00,8', '8,,2026-01-01 12:00,3');
    await train();
    expect((await setRows()).map((row) => [row['trip__ratio'], row['twice__x']])).toEqual([
      [8, 16],
      [null, -1],
    ]);
  });

  test('of all types pass through a function and come out the same', async () => {
    const types = {
      a: 'bool',
      b: 'int32',
      c: 'int64',
      d: 'float32',
      e: 'float64',
      f: 'string',
      g: 'bytes',
      h: 'timestamp',
      i: 'list<string>',
      j: 'embedding(2)',
      k: 'map<int64>',
      l: 'struct<x: int32, y: list<float64>>',
      m: 'list<struct<at: timestamp, TIMESTAMP: int32>>',
    };
    const outputs = Object.fromEntries(Object.entries(types).map(([name, type]) => [`o${name}`, type]));
    const body = Object.keys(types).map((name) => `o${name}: ${name}`);
    const view = onDemandView(
      'same',
      `({ ${Object.keys(types).join(', ')} }) => ({ ${body.join(', ')} })`,
      types,
      outputs,
    );
    await publish([view]);
    const duck = await DuckDb.open();
    await duck.run(`COPY (SELECT 1::BIGINT AS driver_id, TIMESTAMP '2026-01-02' AS event_timestamp, true AS a, -7::INTEGER AS b,
        9007199254740991::BIGINT AS c, 0.1::FLOAT AS d, '-0.0'::DOUBLE AS e, 'é' AS f, 'q'::BLOB AS g,
        TIMESTAMP '2026-01-01 00:00:00.000001' AS h, ['a', NULL] AS i, [1, 0.5]::FLOAT[] AS j, MAP {'k': 1::BIGINT} AS k,
        {'x': 1::INTEGER, 'y': [1::DOUBLE, NULL]} AS l, [{'at': TIMESTAMP '2026-01-01', 'TIMESTAMP': 1::INTEGER}] AS m
      UNION ALL SELECT 2, TIMESTAMP '2026-01-02', NULL, NULL, NULL, NULL, 'NaN'::DOUBLE, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
      TO ${quoteTarget(path('labels.parquet'))} (FORMAT parquet, DICTIONARY_SIZE_LIMIT 0)`);
    duck.close();
    await train({ labels: path('labels.parquet') });
    const names = Object.keys(types);
    const [found] =
      await query(`SELECT ${names.map((name) => `bool_and(same__o${name} IS NOT DISTINCT FROM ${name}) AS ${name}`).join(', ')},
      min(signbit(same__oe)) AS sign FROM read_parquet(${quotePath(path('set.parquet'))})`);
    expect(found).toMatchObject(Object.fromEntries(names.map((name) => [name, true])));
    const columns = await query(
      `SELECT typeof(same__oh) AS h, typeof(same__om) AS m FROM read_parquet(${quotePath(path('set.parquet'))})`,
    );
    expect(columns[0]).toEqual({
      h: 'TIMESTAMP WITH TIME ZONE',
      m: 'STRUCT("at" TIMESTAMP WITH TIME ZONE, "TIMESTAMP" INTEGER)[]',
    });
  });

  test('are null and unjudged where what they take is', async () => {
    await publish([trip()]);
    labels('cart,coupon,event_timestamp,driver_id', '8,,,8');
    const { features, notes } = await train();
    expect(features[1]).toMatchObject({ present: 0, missing: 1, failed: 0 });
    expect(notes).toEqual(['1 label has no event_timestamp and got no feature values.']);
  });
});

describe('a function that gives no values', () => {
  const faulty = (script: string, more: Partial<OnDemandView> = {}): OnDemandView => {
    const view = onDemandView('odd', script, { cart: 'float64' }, { x: 'float64' }, more);
    return { ...view, features: view.features.map((one) => ({ ...one, missing: -5 })) };
  };

  test('leaves the fallback, is counted, and is named with the first row', async () => {
    await publish([
      faulty("({ cart }) => { if (cart > 2) throw new Error('too much'); return { x: cart }; }"),
    ]);
    labels('cart,event_timestamp,driver_id', ...[1, 3, 2, 4].map((cart) => `${cart},2026-01-02,1`));
    const { features, notes } = await train();
    expect((await setRows()).map((row) => row['odd__x'])).toEqual([1, -5, 2, -5]);
    expect(features[1]).toMatchObject({ present: 2, failed: 2 });
    expect(notes).toEqual([
      expect.stringMatching(/^2 labels have no odd: odd\.ts:1: Error: too much \(row 2 is the first\)\.$/),
    ]);
  });

  test('since it loops is ended after a second', async () => {
    const loop = '({ cart }) => { let x = cart; while (x === 13) x = 13; return { x }; }';
    await publish([faulty(loop, { costly: 'has a loop (odd.ts:1)', isolated: false })]);
    labels('cart,event_timestamp,driver_id', ...[1, 13, 2].map((cart) => `${cart},2026-01-02,1`));
    const { notes } = await train();
    expect((await setRows()).map((row) => row['odd__x'])).toEqual([1, -5, 2]);
    expect(notes).toEqual(['1 label has no odd: odd.ts: a call took over 1000 ms and was ended (row 2).']);
  });

  test('leaves a view that uses it without values, unless it has a fallback', async () => {
    const uses = { role: 'odd', view: 'odd', requestKeys: [], features: [{ feature: 'x', argument: 'x' }] };
    const after = onDemandView('after', '({ x }) => ({ y: x })', {}, { y: 'float64' }, { uses: [uses] });
    const bad = faulty("() => { throw new Error('no'); }");
    await publish([bad, after]);
    labels('cart,event_timestamp,driver_id', '1,2026-01-02,1');
    await train();
    expect((await setRows())[0]).toMatchObject({ odd__x: -5, after__y: -5 });
    await publish([{ ...bad, features: bad.features.map((one) => ({ ...one, missing: null })) }, after]);
    const { features } = await train();
    expect(features[2]).toMatchObject({ name: 'after__y', present: 0, failed: 1 });
  });
});

describe('inputs that do not fit are refused', () => {
  const refusals: readonly (readonly [string, string, string, readonly string[], string, string])[] = [
    ['a column that lacks', 'x', '1', [], 'TRAIN_LABELS', 'lacks cart, the input cart of rank'],
    ['an optional one that lacks', 'cart', '1', [], 'TRAIN_LABELS', 'lacks coupon, the input coupon of rank'],
    ['an input that is none', 'cart', '1', ['card=cart'], 'REG_USAGE', 'rank takes no input card'],
    ['the time of the request', 'cart', '1', ['now=x'], 'REG_USAGE', 'now is the time of the request'],
    ['no column for a needed one', 'cart', '1', ['cart='], 'REG_USAGE', 'the input cart is not optional'],
    ['no pair', 'cart', '1', ['cart'], 'REG_USAGE', '--input should be NAME=COLUMN, got cart'],
    ['one twice', 'cart', '1', ['cart=a', 'cart=b'], 'REG_USAGE', '--input names cart twice'],
    ['text for a number', 'cart', 'abc', ['coupon='], 'TRAIN_LABELS', 'cart should be float64, got abc'],
    [
      'a number past all doubles',
      'cart',
      '1e999',
      ['coupon='],
      'TRAIN_LABELS',
      'cart should be float64, got 1e999',
    ],
    [
      'null for a needed one',
      'cart',
      '',
      ['coupon='],
      'TRAIN_LABELS',
      'got null, and this input is not optional',
    ],
  ];
  test.each(refusals)('%s', async (_, head, value, input, code, message) => {
    await publish([trip()]);
    labels(`${head},event_timestamp,driver_id`, `${value},2026-01-02,1`);
    await expect(train({ input })).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('an optional one that is left out is null', async () => {
    await publish([trip()]);
    labels('cart,event_timestamp,driver_id', '2,2026-01-02 12:00,1');
    await train({ input: ['coupon='] });
    expect((await setRows())[0]).toMatchObject({ trip__note: 'none:1000' });
  });

  test('they belong to sets of the history', async () => {
    await publish([trip()]);
    await expect(train({ fromLog: true, input: ['cart=x'] })).rejects.toMatchObject({ code: 'REG_USAGE' });
  });
});

describe('inputs of structs and maps', () => {
  const STRUCT = 'struct<lat: float64, lon: float64>';
  const DOUBLE_KEY = "MAP {'1': 1.0, '01': 2.0}::MAP(INTEGER, DOUBLE)::MAP(VARCHAR, DOUBLE)";

  async function trainOn(type: string, value: string): Promise<unknown> {
    const plain = '(_, v) => (v !== null && typeof v.get === "function" ? Object.fromEntries(v) : v)';
    const script = `({ x }) => ({ text: JSON.stringify(x, ${plain}) })`;
    await publish([onDemandView('told', script, { x: type }, { text: 'string' })]);
    await query(`COPY (SELECT 1::BIGINT AS driver_id, TIMESTAMP '2026-01-02' AS event_timestamp, ${value} AS x)
      TO ${quoteTarget(path('labels.parquet'))} (FORMAT parquet)`);
    await train({ labels: path('labels.parquet') });
    return JSON.parse((await setRows())[0]!['told__text'] as string);
  }

  test.each([
    [STRUCT, '{lat: 1.0, lng: 2.0}', 'STRUCT(lat DOUBLE, lng DOUBLE), which lacks the field lon'],
    [STRUCT, '{lon: 1.0}', 'STRUCT(lon DOUBLE), which lacks the field lat'],
    [STRUCT, '{lat: 1.0, lon: 2.0, alt: 3.0}', 'which has the field alt besides'],
    [STRUCT, '{other: 1.0}', 'which lacks the field lat'],
    [`list<${STRUCT}>`, '[{lat: 1.0, lng: 2.0}]', 'which lacks the field lon'],
    [`map<${STRUCT}>`, "MAP {'a': {lat: 1.0, lon: 2.0, alt: 3.0}}", 'which has the field alt besides'],
    [`struct<spots: list<${STRUCT}>>`, '{spots: [{lat: 1.0}]}', 'which lacks the field spots.lon'],
    ['bool', '1', 'row 1: x should be bool, got 1'],
    ['list<bool>', '[0, 1]', 'x should be list<bool>, got INTEGER[], which is neither true nor false'],
    ['struct<b: bool>', '{b: 1.0}', 'which is neither true nor false'],
    ['int32', "'12'", 'x should be int32, got VARCHAR, which is text'],
    ['list<int32>', "['12']", 'which is text'],
    ['map<float64>', DOUBLE_KEY, 'x should be map<float64> with each key once, got {1=1.0, 1=2.0}'],
    ['list<map<float64>>', `[NULL, ${DOUBLE_KEY}]`, 'with each key once, got [NULL, {1=1.0, 1=2.0}]'],
    ['struct<m: map<float64>, n: int64>', `{m: ${DOUBLE_KEY}, n: 1}`, 'with each key once'],
    ['map<list<map<float64>>>', `MAP {'a': [${DOUBLE_KEY}], 'b': NULL}`, 'with each key once'],
  ])('are refused as in serving: %s of %s', async (type, value, message) => {
    const refused = { code: 'TRAIN_LABELS', message: expect.stringContaining(message) };
    // DuckDB writes decimals where no type is named.
    await expect(trainOn(type, value.replaceAll(/\d\.0/g, '$&::DOUBLE'))).rejects.toMatchObject(refused);
  });

  test.each([
    [STRUCT, '{lon: 2, LAT: 1}', { lat: 1, lon: 2 }],
    [STRUCT, '{lat: NULL, lon: 2}', { lat: null, lon: 2 }],
    [`list<${STRUCT}>`, '[{lat: 1, lon: 2}, NULL]', [{ lat: 1, lon: 2 }, null]],
    [
      'list<struct<m: map<float64>>>',
      "[{m: MAP {'a': 1}}, {m: NULL}, NULL]",
      [{ m: { a: 1 } }, { m: null }, null],
    ],
    ['struct<m: map<float64>, n: int32>', "{m: MAP {'b': 1, 'a': 2}, n: 1}", { m: { a: 2, b: 1 }, n: 1 }],
    ['struct<m: map<float64>, n: int32>', 'NULL::STRUCT(m MAP(VARCHAR, DOUBLE), n INTEGER)', null],
    ['map<float64>', 'NULL::MAP(VARCHAR, DOUBLE)', null],
    ['bool', 'true', true],
    ['bool', 'NULL', null],
    // The nearest, as of a request in JSON.
    ['float32', '0.1::DOUBLE', Math.fround(0.1)],
  ])('that fit are taken: %s of %s', async (type, value, told) => {
    expect(await trainOn(type, value)).toEqual(told);
  });
});

test('functions that were applied on another engine run where that is taken', async () => {
  await publish([{ ...trip(), engine: 'V8 1.2.3 z80' }]);
  labels('cart,coupon,event_timestamp,driver_id', '2,,2026-01-02 12:00,1');
  await expect(train()).rejects.toMatchObject({
    code: 'REG_ENGINE',
    message: `trip was applied on V8 1.2.3 z80, and this is V8 ${process.versions.v8} ${process.arch}`,
  });
  expect(await train({ otherEngine: true })).toMatchObject({ rows: 1 });
  // What was made on this one is made again without a word.
  expect(await trainAgain(project, { again: 'set.parquet', out: path('again.parquet') })).toMatchObject({
    rows: 1,
  });
});

describe('a set that is made again', () => {
  test('has the same bytes, and asks before its functions run on another V8', async () => {
    await publish([trip()]);
    labels('basket,coupon,event_timestamp,driver_id', '2,,2026-01-02 12:00,1', '3,x,2026-01-02 12:00,2');
    await train({ input: ['cart=basket'] });
    const sha256 = (await manifestNamed(project.database, 'set.parquet')).out.sha256!;
    const again = (options = {}) =>
      trainAgain(project, { again: 'set.parquet', out: path('again.parquet'), ...options });
    expect(await again()).toMatchObject({ sha256, rows: 2 });
    const manifest = await manifestNamed(project.database, 'set.parquet');
    const made = { ...manifest.made, v8: '9.9.9' };
    await project.database.recordTrainingSet({ ...manifest, made });
    await expect(again()).rejects.toMatchObject({
      code: 'TRAIN_AGAIN',
      message: expect.stringContaining('its functions ran on V8 9.9.9'),
    });
    expect(await again({ otherEngine: true })).toMatchObject({ sha256 });
  });
});

test('a label that is unjudged in what a function takes is unjudged in what it gives', async () => {
  const day = await MonitoredDay.make();
  try {
    const { settings } = day.project;
    const takes = { role: 'orders', view: 'orders', requestKeys: ['customer_id'] };
    const uses = { ...takes, features: [{ feature: 'spent_1d', argument: 'spent' }] };
    const view = onDemandView(
      'odd',
      '({ spent }) => ({ x: spent === null ? -1 : spent })',
      {},
      { x: 'float64' },
      { uses: [uses] },
    );
    const feature_ = { fullName: 'odd__x', view: 'odd', role: 'odd', feature: 'x' };
    const service = {
      ...SERVICE,
      features: [feature_],
      views: [takes],
      onDemand: [{ role: 'odd', view: 'odd', uses: ['orders'] }],
    };
    publishBundle(settings.bundles, {
      ...loadCurrentBundle(settings.bundles),
      onDemand: new Map([['odd', view]]),
      services: new Map([
        ['churn', { ...service, requestKeys: [{ name: 'customer_id', type: 'string' as const }] }],
      ]),
    });
    const row = { customer: 'c-1', event: '08:00', created: '08:00', run: 'r', values: [1n, 2.5] as const };
    await day.appendOrders([row]);
    await day.setWatermark('12:00');
    const file = join(settings.folder, 'labels.csv');
    writeFileSync(
      file,
      'customer_id,event_timestamp\nc-1,2026-01-02 10:00\nc-1,2026-01-03 10:00\nc-2,2026-01-02 10:00\n',
    );
    const out = join(settings.folder, 'set.csv');
    const { features } = await runTrain(day.project, { labels: file, service: 'churn', out });
    expect(
      readFileSync(out, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(',')[2]),
    ).toEqual(['odd__x', '2.5', '', '-1.0']);
    expect(features).toMatchObject([{ name: 'odd__x', present: 2, unjudged: 1, failed: 0 }]);
  } finally {
    await day.remove();
  }
});
