/** Keys, times and other values of labels: read exactly, or refused by name, never taken for another value. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runTrain } from '../../../training/train.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import type { FeatureService } from '../../../contract/model.ts';
import { bundleOf, driverStats, feature, makeProject } from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { claimMillis, claimPrecision } from '../../support/fixtures/parquet-footer.ts';

const SERVICE: FeatureService = {
  name: 'svc',
  version: 1,
  features: [{ fullName: 'stats__word', view: 'driver_stats', role: 'stats', feature: 'word' }],
  views: [{ role: 'stats', view: 'driver_stats', requestKeys: ['driver_id'] }],
  requestKeys: [{ name: 'driver_id', type: 'int64' }],
  onDemand: [],
  inputs: [],
  consumers: [],
  tensor: 'float32',
  description: null,
  owner: null,
  tags: [],
};

const IDS = [
  2n ** 24n,
  2n ** 24n - 1n,
  -(2n ** 24n),
  1n - 2n ** 24n,
  2n ** 53n,
  2n ** 53n - 1n,
  -(2n ** 53n),
  1n - 2n ** 53n,
  2n,
];

let project: TestProject;

beforeEach(async () => {
  project = await makeProject();
  publishBundle(project.settings.bundles, {
    ...bundleOf(driverStats({ features: [feature('word', 'string', { missing: 'none' })] })),
    services: new Map([['svc', SERVICE]]),
  });
  await project.writeParquet(
    'drivers',
    `SELECT id AS driver_id, TIMESTAMP '2026-01-01' AS event_timestamp, TIMESTAMP '2026-01-01' AS created, 'w' || id AS word
      FROM (VALUES ${IDS.map((id) => `(${id}::BIGINT)`).join(', ')}) t(id)`,
  );
});
afterEach(async () => {
  await project.remove();
});

function path(name: string): string {
  return join(project.settings.folder, name);
}

async function query(sql: string) {
  const duck = await DuckDb.open();
  try {
    return await duck.rows(sql);
  } finally {
    duck.close();
  }
}

async function labels(columns: string, rows = 'range(1) t(i)'): Promise<string> {
  const file = path('labels.parquet');
  await query(`COPY (SELECT ${columns} FROM ${rows}) TO ${quoteText(file)} (FORMAT parquet)`);
  return file;
}

async function train(file: string, out = 'out.parquet'): Promise<void> {
  await runTrain(project, { labels: file, service: 'svc', out: path(out) });
}

async function words(): Promise<unknown[]> {
  const rows = await query(`SELECT stats__word AS word FROM read_parquet(${quoteText(path('out.parquet'))})`);
  return rows.map((row) => row['word']);
}

const TIME = "TIMESTAMP '2026-01-02' AS event_timestamp";

describe('a key in floating point', () => {
  // The neighbour of 2^53 in integers became 2^53 when it became a double: nobody knows which of the two it was.
  test.each([
    ['DOUBLE', 2n ** 53n],
    ['DOUBLE', -(2n ** 53n)],
    ['FLOAT', 2n ** 24n],
    ['FLOAT', -(2n ** 24n)],
  ])('%s of %s is refused, as it may stand for another', async (type, id) => {
    const file = await labels(`CAST(${id + (id > 0n ? 1n : -1n)}::BIGINT AS ${type}) AS driver_id, ${TIME}`);
    await expect(train(file)).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
      message: expect.stringMatching(/row 1: driver_id should be int64, got -?[\d.]+/) as string,
    });
    const within = id > 0n ? id - 1n : id + 1n;
    await train(await labels(`CAST(${within}::BIGINT AS ${type}) AS driver_id, ${TIME}`));
    expect(await words()).toEqual([`w${within}`]);
  });
});

describe('a decimal of more than 38 digits', () => {
  test('is no key: its column is named with its type', async () => {
    const file = await labels(`2::DECIMAL(38, 0) AS driver_id, ${TIME}`);
    claimPrecision(file, 'driver_id', 40);
    await expect(train(file)).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
      message: `${file}: driver_id should be int64, got DECIMAL(40,0)`,
    });
  });

  test('of another column goes from Parquet to Parquet byte for byte, and is refused in CSV', async () => {
    const file = await labels(`2 AS driver_id, ${TIME}, {'a': [12345678::DECIMAL(38, 2)]} AS price`);
    claimPrecision(file, 'element', 76);
    await train(file);
    expect(await words()).toEqual(['w2']);
    const [before, after] = [readFileSync(file), readFileSync(path('out.parquet'))];
    const footer = before.length - 8 - before.readUInt32LE(before.length - 8);
    expect(after.subarray(0, footer).equals(before.subarray(0, footer))).toBe(true);
    await expect(train(file, 'out.csv')).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
      message: expect.stringContaining(
        'column price holds DECIMAL(76,2), which cannot be written as CSV',
      ) as string,
      details: { field: 'price' },
    });
  });
});

test.each(['02', '-02', '+2', '-0', ' 2', '2.0', '0x2'])(
  'a CSV key %j is not the key 2 or 0',
  async (key) => {
    const file = path('labels.csv');
    writeFileSync(file, `driver_id,event_timestamp\n2,2026-01-02\n"${key}",2026-01-02\n`);
    for (const out of ['out.csv', 'out.parquet'])
      await expect(train(file, out)).rejects.toMatchObject({
        code: 'TRAIN_LABELS',
        message: expect.stringContaining(
          `line 3, column 1, row 2: driver_id should be int64, got ${key}`,
        ) as string,
      });
  },
);

describe('a time in milliseconds past what microseconds hold', () => {
  const LATE = 2n ** 60n;
  const ROWS = 'range(3000) t(i)';
  const some = `CASE i WHEN 2500 THEN ${LATE}::BIGINT ELSE i::BIGINT END`;

  test('is named with its column and its value when it is to go to CSV', async () => {
    const file = await labels(`2 AS driver_id, ${TIME}, i AS n, ${some} AS due`, ROWS);
    claimMillis(file, 'due');
    await train(file);
    await expect(train(file, 'out.csv')).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
      message: `${file}: column due cannot be read: it holds the time ${LATE} ms after 1970 in rows 1 to 3000, and times are read up to the year 294246`,
      details: { field: 'due' },
    });
  });

  test('is named as the time of the labels', async () => {
    const file = await labels(`2 AS driver_id, ${some} AS event_timestamp`, ROWS);
    claimMillis(file, 'event_timestamp');
    await expect(train(file)).rejects.toMatchObject({
      code: 'TRAIN_LABELS',
      message: expect.stringContaining(
        `column event_timestamp cannot be read: it holds the time ${LATE} ms`,
      ) as string,
    });
  });
});

test('a day past what microseconds hold is no time', async () => {
  const file = await labels("2 AS driver_id, DATE '5000000-01-01' AS event_timestamp");
  await expect(train(file)).rejects.toThrow('row 1: event_timestamp should be a time, got 5000000-01-01');
});
