/** Training sets from real files: columns and order kept, values by the as-of rule, fallbacks as in serving. */
import { existsSync, linkSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runTrain } from '../../../training/train.ts';
import type { TrainResult } from '../../../training/train.ts';
import type { TrainOptions } from '../../../training/train-options.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import type { FeatureService } from '../../../contract/model.ts';
import {
  bundleOf,
  customer,
  driver,
  driverStats,
  feature,
  makeProject,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

const HOUR = 3_600_000_000;

/** `driver_stats` for the driver and, in the role `rival`, for another one. */
const SERVICE: FeatureService = {
  name: 'rank',
  version: 1,
  features: [
    { fullName: 'rival__trips', view: 'driver_stats', role: 'rival', feature: 'trips' },
    { fullName: 'driver_stats__conv_rate', view: 'driver_stats', role: 'driver_stats', feature: 'conv_rate' },
    { fullName: 'driver_stats__trips', view: 'driver_stats', role: 'driver_stats', feature: 'trips' },
    { fullName: 'driver_stats__tags', view: 'driver_stats', role: 'driver_stats', feature: 'tags' },
  ],
  views: [
    { role: 'rival', view: 'driver_stats', requestKeys: ['rival_id'] },
    { role: 'driver_stats', view: 'driver_stats', requestKeys: ['driver_id'] },
  ],
  requestKeys: [
    { name: 'rival_id', type: 'int64' },
    { name: 'driver_id', type: 'int64' },
  ],
  onDemand: [],
  inputs: [],
  consumers: [],
  tensor: 'float32',
  description: null,
  owner: null,
  tags: [],
};

let project: TestProject;

beforeEach(async () => {
  project = await makeProject();
  const view = driverStats({
    ttlUs: 2 * HOUR,
    delayUs: HOUR / 60,
    features: [
      feature('conv_rate', 'float64', { missing: -0.5 }),
      feature('trips', 'int64'),
      feature('tags', 'list<string>', { missing: ['none', "it's"] }),
    ],
  });
  publishBundle(project.settings.bundles, {
    ...bundleOf(view),
    entities: new Map([driver, customer].map((each) => [each.name, each])),
    services: new Map([[SERVICE.name, SERVICE]]),
    schemas: new Map([[view.id, [rowSchemaOf(view, driver)]]]),
  });
  await project.writeParquet(
    'drivers',
    `SELECT * FROM (VALUES
      (1, TIMESTAMP '2026-01-01 10:00:00', TIMESTAMP '2026-01-01 10:05:00', 0.1, 9007199254740993, ['a']),
      (1, TIMESTAMP '2026-01-01 10:00:00', TIMESTAMP '2026-01-01 12:00:00', 0.2, 2, ['b']),
      (1, TIMESTAMP '2026-01-01 11:00:00', TIMESTAMP '2026-01-01 11:05:00', NULL, 3, NULL),
      (2, TIMESTAMP '2026-01-01 10:00:00', TIMESTAMP '2026-01-01 10:05:00', 0.4, 4, ['d']))
      t(driver_id, event_timestamp, created, conv_rate, trips, tags)`,
  );
});
afterEach(async () => {
  await project.remove();
});

function path(name: string): string {
  return join(project.settings.folder, name);
}

async function train(options: Partial<TrainOptions> & Pick<TrainOptions, 'labels'>): Promise<TrainResult> {
  return await runTrain(project, { service: 'rank', out: path('out.parquet'), ...options });
}

async function query(sql: string) {
  const duck = await DuckDb.open();
  const rows = await duck.rows(sql);
  duck.close();
  return rows;
}

/** Labels as text, in CSV. */
function csv(...lines: string[]): string {
  writeFileSync(path('labels.csv'), `${lines.join('\n')}\n`);
  return path('labels.csv');
}

const HEAD = 'churned,event_timestamp,driver_id,rival_id,note';

describe('a training set', () => {
  test('keeps the columns and rows of a CSV as text, and adds features in the order of the service', async () => {
    const labels = csv(
      HEAD,
      '01,2026-01-01T10:30:00Z,1,2,"a, b"',
      '00,2026-01-01 11:30:00,1,,',
      '01,2026-01-01T13:00:00+02:00,2,1,',
      '1,2026-01-01T15:00:00Z,1,3,late',
    );
    const result = await train({ labels, out: path('out.csv') });
    expect(readFileSync(path('out.csv'), 'utf8').trimEnd().split('\n')).toEqual([
      `${HEAD},rival__trips,driver_stats__conv_rate,driver_stats__trips,driver_stats__tags`,
      '01,2026-01-01T10:30:00Z,1,2,"a, b",4,0.2,2,[b]',
      '00,2026-01-01 11:30:00,1,,,,,3,',
      // 11:00 UTC: the row of 11:00 is visible a minute later.
      `01,2026-01-01T13:00:00+02:00,2,1,,2,0.4,4,[d]`,
      `1,2026-01-01T15:00:00Z,1,3,late,,-0.5,,"[none, 'it\\'s']"`,
    ]);
    expect(result).toMatchObject({
      rows: 4,
      notes: ['1 label has a null join key, which matches no entity.'],
    });
    expect(result.features[1]).toEqual({
      name: 'driver_stats__conv_rate',
      present: 2,
      nulls: 1,
      missing: 0,
      outsideTtl: 1,
      unjudged: 0,
      notFull: 0,
    });
  });

  test('leaves out rows that are no rows of their view, and says which', async () => {
    await project.writeParquet(
      'drivers2',
      `SELECT * FROM (VALUES
        (1::DOUBLE, TIMESTAMP '2026-01-01 10:10:00', TIMESTAMP '2026-01-01 10:10:00', 0.7, 1.5::DOUBLE, ['x']),
        (1.8e18, TIMESTAMP '2026-01-01 10:10:00', TIMESTAMP '2026-01-01 10:10:00', 0.7, 1, ['x']),
        (NULL, TIMESTAMP '2026-01-01 10:10:00', TIMESTAMP '2026-01-01 10:10:00', 0.7, 1, ['x']),
        (1, TIMESTAMP 'infinity', TIMESTAMP '2026-01-01 10:10:00', 0.7, 1, ['x']),
        (2, TIMESTAMP '2026-01-01 10:10:00', TIMESTAMP '2026-01-01 10:10:00', 0.7, 7, ['x']))
        t(driver_id, event_timestamp, created, conv_rate, trips, tags)`,
    );
    const labels = csv(HEAD, '1,2026-01-01T10:30:00Z,1,2,', '1,2026-01-01T10:05:00Z,1,2,');
    const { notes } = await train({ labels, out: path('out.csv'), as: 'available' });
    expect(readFileSync(path('out.csv'), 'utf8').trimEnd().split('\n').slice(1)).toEqual([
      // What stands in the other file keeps every digit.
      '1,2026-01-01T10:30:00Z,1,2,,7,0.1,9007199254740993,[a]',
      '1,2026-01-01T10:05:00Z,1,2,,4,0.1,9007199254740993,[a]',
    ]);
    expect(notes).toEqual([
      '4 bad rows of driver_stats are left out (driver_id should be int64, got 1.8e+18 (DOUBLE) in ' +
        'data/drivers2.parquet, row 2; event time is null or infinite in data/drivers2.parquet, row 4; ' +
        'join key driver_id is null in data/drivers2.parquet, row 3; trips should be int64, got 1.5 (DOUBLE) in ' +
        'data/drivers2.parquet, row 1).',
    ]);
  });

  test('from Parquet to Parquet keeps types, order and every digit', async () => {
    await project.writeParquet(
      'labels',
      `SELECT 20000 - i AS n, TIMESTAMPTZ '2026-01-01 10:30:00+00' AS event_timestamp, 1::INTEGER AS driver_id,
       (1 + i % 2)::DOUBLE AS rival_id FROM range(20000) t(i)`,
    );
    const result = await train({ labels: path('data/labels.parquet'), as: 'available' });
    expect(result.rows).toBe(20_000);
    const from = `read_parquet(${quoteText(path('out.parquet'))}, file_row_number = true)`;
    const [check] = await query(
      `SELECT count(*) FILTER (n != 20000 - file_row_number) AS moved, min(driver_stats__trips) AS trips,
       count(DISTINCT driver_stats__conv_rate) AS rates, sum(rival__trips % 10) AS rivals FROM ${from}`,
    );
    expect(check).toEqual({
      moved: 0n,
      trips: 9_007_199_254_740_993n,
      rates: 1n,
      rivals: 20_000n * 3n + 10_000n,
    });
    const types = await query(`DESCRIBE SELECT * FROM ${from}`);
    expect(types.slice(0, 8).map((row) => row['column_type'])).toEqual([
      'BIGINT',
      'TIMESTAMP WITH TIME ZONE',
      'INTEGER',
      'DOUBLE',
      'BIGINT',
      'DOUBLE',
      'BIGINT',
      'VARCHAR[]',
    ]);
  });

  test('from CSV to Parquet gives keys and time the types of the service, and finds the others', async () => {
    await train({ labels: csv('label,event_timestamp,driver_id,rival_id', '1,2026-01-01 10:30:00,1,2') });
    const types = await query(`DESCRIBE SELECT * FROM read_parquet(${quoteText(path('out.parquet'))})`);
    expect(types.slice(0, 4).map((row) => row['column_type'])).toEqual([
      'BIGINT',
      'TIMESTAMP WITH TIME ZONE',
      'BIGINT',
      'BIGINT',
    ]);
  });

  test('as available without created times is the same, and says so', async () => {
    const view = driverStats({
      source: {
        name: 'd',
        path: 'data/drivers*.parquet',
        eventTime: 'event_timestamp',
        createdTime: null,
        maxAheadUs: null,
      },
    });
    publishBundle(project.settings.bundles, {
      ...bundleOf(view),
      services: new Map([[SERVICE.name, SERVICE]]),
    });
    const labels = csv('event_timestamp,driver_id,rival_id', '2026-01-01T10:30:00Z,2,2');
    const { features, notes } = await train({ labels, as: 'available' });
    expect(features[1]!.present).toBe(1);
    expect(notes).toEqual([
      expect.stringMatching('no created times'),
      expect.stringMatching('no created times'),
    ]);
  });

  test('of no labels at all is empty and has all columns', async () => {
    const result = await train({ labels: csv(HEAD) });
    expect(result).toMatchObject({ rows: 0 });
    expect(await query(`SELECT * FROM read_parquet(${quoteText(path('out.parquet'))})`)).toEqual([]);
  });
});

describe('bad labels', () => {
  const row = '2026-01-01T10:30:00Z,1,2';
  test.each<[string, string[], RegExp]>([
    [
      'a missing key',
      ['event_timestamp,driver_id', '2026-01-01T10:30:00Z,1'],
      /lacks rival_id; the service rank needs/,
    ],
    ['no time', ['driver_id,rival_id', '1,2'], /lacks event_timestamp/],
    [
      'a name that is taken',
      ['event_timestamp,driver_id,rival_id,rival__trips', `${row},9`],
      /already has a column rival__trips/,
    ],
    [
      'a key that is no integer',
      ['event_timestamp,driver_id,rival_id', row, '2026-01-01,1.5,2'],
      /row 2: driver_id should be int64, got 1\.5/,
    ],
    [
      'a key past int64',
      ['event_timestamp,driver_id,rival_id', '2026-01-01,9223372036854775808,2'],
      /row 1: driver_id/,
    ],
    [
      'a time that is none',
      ['event_timestamp,driver_id,rival_id', row, 'soon,1,2'],
      /row 2: event_timestamp should be a time, got soon/,
    ],
  ])('%s', async (_, lines, message) => {
    await expect(train({ labels: csv(...lines) })).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
      message: expect.stringMatching(message) as string,
    });
    expect(readdirSync(project.settings.folder).filter((file) => file.startsWith('out'))).toEqual([]);
  });

  test('a column of another type in Parquet', async () => {
    await project.writeParquet('labels', "SELECT 1 AS event_timestamp, 'x' AS driver_id, 1 AS rival_id");
    await expect(train({ labels: path('data/labels.parquet') })).rejects.toThrow(
      'event_timestamp should be a timestamp, a date or RFC 3339 text, got INTEGER',
    );
    await project.writeParquet(
      'labels',
      "SELECT DATE '2026-01-01' AS event_timestamp, true AS driver_id, 1 AS rival_id",
    );
    await expect(train({ labels: path('data/labels.parquet') })).rejects.toThrow(
      'driver_id should be int64, got BOOLEAN',
    );
  });

  test('no file, no Parquet, no such ending, an unknown service, a place that cannot be written', async () => {
    await expect(train({ labels: path('nowhere.csv') })).rejects.toThrow('nowhere.csv does not exist');
    writeFileSync(path('broken.parquet'), 'no Parquet');
    await expect(train({ labels: path('broken.parquet') })).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
    });
    await expect(train({ labels: path('labels.txt') })).rejects.toMatchObject({ code: 'TRAIN_FORMAT' });
    const labels = csv('event_timestamp,driver_id,rival_id', row);
    await expect(train({ labels, service: 'rnak' })).rejects.toMatchObject({ code: 'REG_UNKNOWN' });
    const out = join(labels, 'below-a-file.parquet');
    await expect(train({ labels, out })).rejects.toMatchObject({ code: 'TRAIN_OUT', kind: 'failed' });
  });

  test('the place of the labels themselves, whatever it is called', async () => {
    const labels = csv('event_timestamp,driver_id,rival_id', row);
    const before = readFileSync(labels, 'utf8');
    symlinkSync(labels, path('soft.csv'));
    linkSync(labels, path('hard.csv'));
    const other = join(labels, '..', '.', 'data', '..', basename(labels));
    for (const out of [labels, other, path('soft.csv'), path('hard.csv')]) {
      await expect(train({ labels, out })).rejects.toMatchObject({ code: 'TRAIN_PLACE', kind: 'usage' });
    }
    await expect(train({ labels: path('soft.csv'), out: labels })).rejects.toThrow(
      'is the file of the labels',
    );
    await expect(train({ labels, out: 's3://bucket/out.csv' })).rejects.toThrow(
      /lies in s3, where no training/,
    );
    expect(readFileSync(labels, 'utf8')).toBe(before);
    expect(readdirSync(project.settings.folder).filter((file) => /^out|tmp$/.test(file))).toEqual([]);
  });

  test('fields between semicolons, tabs or bars, with a hint', async () => {
    for (const [sign, name] of [
      [';', 'semicolons'],
      ['\t', 'tabs'],
      ['|', 'bars'],
    ] as const) {
      const labels = csv(`event_timestamp${sign}driver_id${sign}rival_id`, row.replaceAll(',', sign));
      await expect(train({ labels })).rejects.toThrow(
        `Fields of CSV stand between commas; here they seem to stand between ${name}`,
      );
    }
  });

  test('a source that cannot be read, and nothing is left half-written', async () => {
    const labels = csv('event_timestamp,driver_id,rival_id', row);
    writeFileSync(path('data/drivers.parquet'), 'no Parquet');
    await expect(train({ labels })).rejects.toMatchObject({ code: 'REG_SOURCE' });
    expect(existsSync(path('out.parquet'))).toBe(false);
  });
});
