/**
 * Labels of a training set: every one comes out once, as it was, in whatever file it came; past the history it is told.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runTrain } from '../../../training/train.ts';
import type { TrainResult } from '../../../training/train.ts';
import type { TrainOptions } from '../../../training/train-options.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import { commitHistory } from '../../support/fixtures/committed-history.ts';
import type { FeatureService } from '../../../contract/model.ts';
import {
  bundleOf,
  customer,
  driverStats,
  feature,
  HOUR_US,
  makeProject,
  orders,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

let project: TestProject;

beforeEach(async () => {
  project = await makeProject();
});
afterEach(async () => {
  await project.remove();
});

function service(view: string, key: string, type: 'string' | 'int64', features: string[]): FeatureService {
  return {
    name: 'svc',
    version: 1,
    features: features.map((name) => ({ fullName: `${view}__${name}`, view, role: view, feature: name })),
    views: [{ role: view, view, requestKeys: [key] }],
    requestKeys: [{ name: key, type }],
    onDemand: [],
    inputs: [],
    consumers: [],
    tensor: 'float32',
    description: null,
    owner: null,
    tags: [],
  };
}

function path(name: string): string {
  return join(project.settings.folder, name);
}

async function train(options: Partial<TrainOptions> & Pick<TrainOptions, 'labels'>): Promise<TrainResult> {
  return await runTrain(project, { service: 'svc', out: path('out.parquet'), ...options });
}

async function query(sql: string) {
  const duck = await DuckDb.open();
  const rows = await duck.rows(sql);
  duck.close();
  return rows;
}

/** A stored view of one driver's words, with one row at the beginning of the year. */
async function wordsView(
  rows = "(1, 'a,b'), (2, 'say \"x\"'), (3, ''), (4, NULL), (5, '\ufefftop'), (6, 'z')",
) {
  const view = driverStats({ features: [feature('word', 'string', { missing: 'none' })] });
  publishBundle(project.settings.bundles, {
    ...bundleOf(view),
    services: new Map([['svc', service(view.id, 'driver_id', 'int64', ['word'])]]),
  });
  await project.writeParquet(
    'drivers',
    `SELECT driver_id, TIMESTAMP '2026-01-01' AS event_timestamp, TIMESTAMP '2026-01-01' AS created, word
      FROM (VALUES ${rows}) t(driver_id, word)`,
  );
}

function file(name: string, content: string): string {
  writeFileSync(path(name), content);
  return path(name);
}

describe('CSV labels in a training set in CSV', () => {
  test('are copied byte for byte, with their quotes, line ends and byte order mark', async () => {
    await wordsView();
    const labels = file(
      'labels.csv',
      '\ufeff"driver_id",event_timestamp,note, x \r\n' +
        '1,2026-01-02,"plain", 0.10 \r\n' +
        '"2",2026-01-02,"two\r\nlines",1e5\n' +
        '"3",2026-01-02,\'q\',NULL\n' +
        '4,2026-01-02,"",\n' +
        '5,2026-01-02,#5;|,00123\r\n' +
        '7,2026-01-02,"""",NaN',
    );
    await train({ labels, out: path('out.csv') });
    expect(readFileSync(path('out.csv'), 'utf8')).toBe(
      '\ufeff"driver_id",event_timestamp,note, x ,driver_stats__word\r\n' +
        '1,2026-01-02,"plain", 0.10 ,"a,b"\r\n' +
        '"2",2026-01-02,"two\r\nlines",1e5,"say ""x"""\n' +
        '"3",2026-01-02,\'q\',NULL,""\n' +
        '4,2026-01-02,"",,\n' +
        '5,2026-01-02,#5;|,00123,\ufefftop\r\n' +
        '7,2026-01-02,"""",NaN,none',
    );
  });
});

test('a Parquet set keeps the sign of zeros, however many there are, in features and in CSV labels', async () => {
  const view = driverStats({ features: [feature('x', 'float64'), feature('y', 'float32')] });
  publishBundle(project.settings.bundles, {
    ...bundleOf(view),
    services: new Map([['svc', service(view.id, 'driver_id', 'int64', ['x', 'y'])]]),
  });
  const signed = (odd: string): string => `CASE WHEN i % 2 = 0 THEN 0.0 ELSE ${odd} END`;
  await project.writeParquet(
    'drivers',
    `SELECT i AS driver_id, TIMESTAMP '2026-01-01' AS event_timestamp, TIMESTAMP '2026-01-01' AS created,
      CAST(${signed("'-0.0'::DOUBLE")} AS DOUBLE) AS x, CAST(-(${signed("'-0.0'::DOUBLE")}) AS FLOAT) AS y
      FROM range(3000) t(i)`,
  );
  const lines = Array.from({ length: 3_000 }, (_, i) => `${i},2026-01-02,${i % 2 === 0 ? '0.0' : '-0.0'}`);
  const labels = file('labels.csv', ['driver_id,event_timestamp,z', ...lines].join('\n'));
  await train({ labels });
  const negative = (column: string): string => `(CAST(CAST(${column} AS DOUBLE) AS VARCHAR) = '-0.0')`;
  const [row] =
    await query(`SELECT count(*) FILTER (WHERE ${negative('driver_stats__x')} = (driver_id % 2 = 1)) AS x,
    count(*) FILTER (WHERE ${negative('driver_stats__y')} = (driver_id % 2 = 0)) AS y,
    count(*) FILTER (WHERE ${negative('z')} = (driver_id % 2 = 1)) AS z FROM ${quoteText(path('out.parquet'))}`);
  expect({ x: Number(row!['x']), y: Number(row!['y']), z: Number(row!['z']) }).toEqual({
    x: 3_000,
    y: 3_000,
    z: 3_000,
  });
});

describe('labels in Parquet', () => {
  test('have decimals as join keys where these are whole and in range', async () => {
    await wordsView();
    const labels = path('labels.parquet');
    const write = (key: string): Promise<unknown> =>
      query(`COPY (SELECT ${key} AS driver_id, TIMESTAMP '2026-01-02' AS event_timestamp)
        TO ${quoteText(labels)} (FORMAT parquet)`);
    for (const key of ['6::DECIMAL(20, 0)', '6::DECIMAL(38, 0)', '6::DECIMAL(4, 2)']) {
      await write(key);
      await train({ labels });
      const rows = await query(
        `SELECT driver_stats__word AS word FROM read_parquet(${quoteText(path('out.parquet'))})`,
      );
      expect([key, rows]).toEqual([key, [{ word: 'z' }]]);
    }
    for (const key of ['6.5::DECIMAL(4, 2)', '9223372036854775808::DECIMAL(38, 0)']) {
      await write(key);
      await expect(train({ labels })).rejects.toThrow(/driver_id should be int64, got/);
    }
  });
});

describe('CSV labels in a training set in Parquet', () => {
  test('get types that change no value, found past any sample', async () => {
    await wordsView();
    const lines = Array.from({ length: 30_000 }, (_, i) => `6,2026-01-02,${i % 2},${100 + i},${i},`);
    lines.push('6,2026-01-02,0.7,00123,9007199254740993,""');
    const labels = file('labels.csv', `driver_id,event_timestamp,y,code,n,empty\n${lines.join('\n')}`);
    await train({ labels });
    const rows = await query(
      `SELECT y, code, n, empty, driver_stats__word AS word, typeof(y) AS t, typeof(n) AS u
        FROM read_parquet(${quoteText(path('out.parquet'))}, file_row_number = true)
        WHERE file_row_number IN (0, 30000) ORDER BY file_row_number`,
    );
    const types = { word: 'z', t: 'DOUBLE', u: 'BIGINT' };
    expect(rows).toEqual([
      { y: 0, code: '100', n: 0n, empty: null, ...types },
      { y: 0.7, code: '00123', n: 9_007_199_254_740_993n, empty: '', ...types },
    ]);
  });

  test('a wrong key or time is named with its line, behind a record of two lines too', async () => {
    await wordsView();
    const labels = file(
      'labels.csv',
      'note,driver_id,event_timestamp\n"a\nb",1,2026-01-02\nc,1.5,2026-01-02\n',
    );
    await expect(train({ labels })).rejects.toMatchObject({
      message: expect.stringContaining(
        'line 4, column 2, row 2: driver_id should be int64, got 1.5',
      ) as string,
      details: { line: 4, field: 'driver_id' },
    });
    const late = file('labels.csv', 'driver_id,event_timestamp\n1,infinity\n');
    await expect(train({ labels: late })).rejects.toThrow(
      'line 2, column 2, row 1: event_timestamp should be a time',
    );
  });
});

describe('names of columns', () => {
  test('are found without case, the time under the name that is given', async () => {
    await wordsView();
    const labels = file('labels.csv', 'DRIVER_ID,When,event_timestamp\n1,2026-01-02,x\n');
    const { rows } = await train({ labels, timeColumn: 'when', out: path('out.csv') });
    expect(rows).toBe(1);
    expect(readFileSync(path('out.csv'), 'utf8')).toContain('1,2026-01-02,x,"a,b"');
  });

  test.each([
    ['twice', 'y,driver_id,event_timestamp,y', 'has two columns y'],
    [
      'twice but for case',
      'Y,driver_id,event_timestamp,y',
      'has columns Y and y, which differ in nothing but case',
    ],
    [
      'of a feature in another case',
      'driver_id,event_timestamp,Driver_Stats__Word',
      'already has a column Driver_S',
    ],
    ['that lack', 'id,when', 'lacks driver_id and event_timestamp'],
  ])('%s', async (_, header, message) => {
    await wordsView();
    const labels = file('labels.csv', `${header}\n`);
    for (const out of ['out.csv', 'out.parquet'])
      await expect(train({ labels, out: path(out) })).rejects.toThrow(message);
  });

  test('like our own are columns like others', async () => {
    await wordsView();
    const names = [
      'rid',
      't',
      'key_0',
      'asof_state',
      'event_time',
      'run_id',
      'c0',
      'wrong',
      'file_row_number',
      'filename',
    ];
    const header = `driver_id,event_timestamp,${names.join(',')}`;
    const labels = file('labels.csv', `${header}\n1,2026-01-02,${names.join(',')}\n`);
    await train({ labels });
    const [row] = await query(`SELECT * FROM read_parquet(${quoteText(path('out.parquet'))})`);
    expect(names.map((name) => row![name])).toEqual(names);
  });
});

describe('Parquet labels in a training set in Parquet', () => {
  test('keep their bytes, over several row groups, and the features stand beside the right ones', async () => {
    await wordsView(Array.from({ length: 50 }, (_, i) => `(${i}, 'w${i}')`).join(', '));
    await query(
      `COPY (SELECT 20000 - i AS n, (i * 7) % 60 AS driver_id, TIMESTAMP_NS '2026-01-02 00:00:00.123456789' AS event_timestamp,
        (i % 256)::UTINYINT AS small, [i, NULL] AS list, {'a': i} AS struct, uuid() AS id, (i * 1.5)::DECIMAL(38, 3) AS price
        FROM range(10000) t(i)) TO ${quoteText(path('labels.parquet'))}
        (FORMAT parquet, ROW_GROUP_SIZE 4096)`,
    );
    const { rows, features } = await train({ labels: path('labels.parquet') });
    expect(rows).toBe(10_000);
    expect(features[0]).toMatchObject({ present: 8_334, missing: 1_666 });
    const [before, after] = [readFileSync(path('labels.parquet')), readFileSync(path('out.parquet'))];
    const footer = before.length - 8 - before.readUInt32LE(before.length - 8);
    expect(after.subarray(0, footer).equals(before.subarray(0, footer))).toBe(true);
    const [check] = await query(
      `SELECT count(*) AS rows, count(*) FILTER (l.l IS DISTINCT FROM o.l) AS changed, count(*) FILTER (w IS DISTINCT FROM
        CASE WHEN o.l.driver_id < 50 THEN 'w' || o.l.driver_id ELSE 'none' END) AS wrong
        FROM (SELECT t AS l FROM read_parquet(${quoteText(path('labels.parquet'))}) t) l POSITIONAL JOIN
        (SELECT struct_pack(n, driver_id, event_timestamp, small, list, struct, id, price) AS l, driver_stats__word AS w
          FROM read_parquet(${quoteText(path('out.parquet'))})) o`,
    );
    expect(check).toEqual({ rows: 10_000n, changed: 0n, wrong: 0n });
  });

  test('without any rows have all columns', async () => {
    await wordsView();
    await project.writeParquet(
      'labels',
      "SELECT 1 AS driver_id, TIMESTAMP '2026-01-01' AS event_timestamp WHERE false",
    );
    await train({ labels: path('data/labels.parquet') });
    const types = await query(`DESCRIBE SELECT * FROM read_parquet(${quoteText(path('out.parquet'))})`);
    expect(types.map((row) => row['column_name'])).toEqual([
      'driver_id',
      'event_timestamp',
      'driver_stats__word',
    ]);
  });
});

describe('labels past the history of an aggregated view', () => {
  const HOPS = { hopUs: HOUR_US, delayUs: HOUR_US / 2 };

  async function ordersView(watermarkUs: number | null) {
    const view = orders({
      ...HOPS,
      features: [{ ...orders().features[0]!, missing: -1n }],
    });
    publishBundle(project.settings.bundles, {
      ...bundleOf(view),
      services: new Map([['svc', service(view.id, 'customer_id', 'string', ['orders_1d'])]]),
    });
    if (watermarkUs === null) return view;
    const row = `SELECT 'a' AS customer_id, make_timestamptz(${START_US + HOUR_US}) AS event_time,
      make_timestamptz(${START_US}) AS created_time, 'run' AS run_id, 1::BIGINT AS definition_id, 2::BIGINT AS orders_1d`;
    const days = { '2026-01-01': row };
    await commitHistory(project.settings.history.path, { view, entity: customer, watermarkUs, days });
    return view;
  }

  const LABELS = [
    'customer_id,event_timestamp',
    'a,2026-01-01T02:00:00Z',
    // The edge of 3:00 becomes due at 3:30 and lies past the watermark of 2:00.
    'a,2026-01-01T03:29:59.999999Z',
    'a,2026-01-01T03:30:00Z',
    'b,2026-01-01T02:00:00Z',
    'b,2027-01-01T00:00:00Z',
    ',2027-01-01T00:00:00Z',
    'a,',
  ];

  test('are null, counted and told, and an error where that is asked for', async () => {
    await ordersView(START_US + 2 * HOUR_US);
    const labels = file('labels.csv', `${LABELS.join('\n')}\n`);
    const { features, notes } = await train({ labels, out: path('out.csv') });
    expect(readFileSync(path('out.csv'), 'utf8').trimEnd().split('\n').slice(1)).toEqual([
      'a,2026-01-01T02:00:00Z,2',
      'a,2026-01-01T03:29:59.999999Z,2',
      'a,2026-01-01T03:30:00Z,',
      'b,2026-01-01T02:00:00Z,-1',
      'b,2027-01-01T00:00:00Z,',
      ',2027-01-01T00:00:00Z,-1',
      'a,,-1',
    ]);
    expect(features).toEqual([
      { name: 'orders__orders_1d', present: 2, nulls: 0, missing: 3, outsideTtl: 0, unjudged: 2, notFull: 0 },
    ]);
    expect(notes[0]).toBe(
      '2 labels are unjudged: the history of orders is complete up to its watermark 2026-01-01T02:00:00.000000Z; ' +
        'they got null for its features.',
    );
    await expect(train({ labels, strict: true, out: path('strict.csv') })).rejects.toMatchObject({
      code: 'TRAIN_UNJUDGED',
      kind: 'not-enough-data',
      message: notes[0],
    });
    await train({ labels: file('judged.csv', LABELS.slice(0, 3).join('\n')), strict: true });
  });

  test('find the newest row of their entity however many days it lies before them', async () => {
    const view = await ordersView(START_US + 2 * HOUR_US);
    for (const [day, key, value] of [
      ['2024-03-01', 'old', 7],
      ['2025-06-01', 'old', 8],
      ['2025-12-31', 'a', 9],
      ['2026-01-02', 'old', 10],
    ] as const) {
      const row = `SELECT '${key}' AS customer_id, TIMESTAMPTZ '${day} 12:00:00+00' AS event_time,
        TIMESTAMPTZ '${day} 12:00:00+00' AS created_time, 'run' AS run_id, 1::BIGINT AS definition_id,
        ${value}::BIGINT AS orders_1d`;
      const days = { [day]: row };
      await commitHistory(project.settings.history.path, {
        view,
        entity: customer,
        runId: `run-${key}`,
        days,
      });
    }
    const times = ['2026-01-01T02:00:00Z', '2025-06-01T12:29:00Z', '2025-06-01T12:30:00Z', '2024-01-01'];
    const labels = file(
      'labels.csv',
      ['customer_id,event_timestamp', ...times.map((t) => `old,${t}`), 'a,2026-01-01'].join('\n'),
    );
    for (const as of ['trained', 'available'] as const) {
      await train({ labels, as, out: path('out.csv') });
      const values = readFileSync(path('out.csv'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(',').at(-1));
      expect(values.slice(1)).toEqual(['8', '7', '8', '-1', '9']);
    }
  });

  test('are all labels where nothing was ever computed', async () => {
    await ordersView(null);
    const { features, notes } = await train({ labels: file('labels.csv', `${LABELS.join('\n')}\n`) });
    expect(features[0]).toMatchObject({ present: 0, missing: 2, unjudged: 5 });
    expect(notes[0]).toContain('the history of orders is not there');
  });
});
