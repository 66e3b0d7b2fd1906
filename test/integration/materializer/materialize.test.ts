/** Whole runs on real files, DuckDB and the embedded store; the last part on a Redis Cluster. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Cluster, Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import { workFolder } from '../../../project/history/history-folder.ts';
import type { FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import type { Value } from '../../../contract/value-type.ts';
import { fieldOf } from '../../../contract/wire/online/online-layout.ts';
import { decodeRowValues } from '../../../contract/wire/online/row-codec.ts';
import { readHeader } from '../../../contract/wire/online/row-header.ts';
import {
  bundleOf,
  driverStats,
  feature,
  HOUR_US,
  makeProject,
  orders,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

/** @returns the time `hours` after the start */
const at = (hours: number): number => START_US + hours * HOUR_US;
const sqlTime = (us: number): string => `make_timestamp(${us})`;

const hoursOf = (us: number): number => (us - START_US) / HOUR_US;
const nullableTime = (hours: number | null): string =>
  hours === null ? 'NULL::TIMESTAMP' : sqlTime(at(hours));

interface DriverRow {
  readonly id: number | null;
  /** Hours after the start. */
  readonly event: number | null;
  readonly created: number | null;
  readonly rate?: string;
  readonly trips?: number | null;
}

function driverRows(rows: readonly DriverRow[]): string {
  return rows
    .map(
      ({ id, event, created, rate = '0.5', trips = 1 }) =>
        `SELECT ${id}::BIGINT AS driver_id, ${nullableTime(event)} AS event_timestamp, ${nullableTime(created)} AS created,
         '${rate}'::DOUBLE AS conv_rate, ${trips}::BIGINT AS trips, ['a', NULL] AS tags`,
    )
    .join(' UNION ALL ');
}

async function run(view: FeatureView, options: MaterializeOptions = {}): Promise<RunRecord> {
  const [record] = await runMaterialize(project, bundleOf(view), project.database, options);
  return record!;
}

/** What stands online, by key: values, and the event and created time in hours after the start. */
function online(view: FeatureView): Record<string, { values: Value[]; event: number; created: number }> {
  const store = new DatabaseSync(project.settings.online.url);
  const rows = store
    .prepare('SELECT key, row FROM entity_row WHERE field = ? ORDER BY key')
    .all(fieldOf(view.id).readUInt32BE(0)) as { key: string; row: Uint8Array }[];
  store.close();
  return Object.fromEntries(
    rows.map(({ key, row }) => {
      const bytes = Buffer.from(row);
      const { eventUs, createdUs } = readHeader(bytes)!;
      const values = decodeRowValues(view, bytes);
      return [
        key.replace(/^fstore:\w+:/, ''),
        { values, event: hoursOf(eventUs), created: hoursOf(createdUs) },
      ];
    }),
  );
}

function marker(view: FeatureView): number | null {
  const store = new DatabaseSync(project.settings.online.url);
  const row = store.prepare('SELECT watermark_us FROM marker WHERE view = ?').get(view.id);
  store.close();
  return (row?.['watermark_us'] as number | undefined) ?? null;
}

/** Reasons of the rejected rows by driver. */
async function rejected(view: FeatureView): Promise<Record<string, string>> {
  const files = join(workFolder(project.settings.work, '_rejected', view), '*.online.parquet');
  const duck = await DuckDb.open();
  const rows = await duck.rows(`SELECT driver_id, reject_reason FROM read_parquet(${quoteText(files)})`);
  duck.close();
  return Object.fromEntries(rows.map((row) => [String(row['driver_id']), row['reject_reason'] as string]));
}

/** Of the files of rejected rows: they hold entities' rows, whatever the umask says. */
function rejectModes(view: FeatureView): number[] {
  const folder = workFolder(project.settings.work, '_rejected', view);
  return readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
}

describe('a stored view', () => {
  const view = driverStats();

  test('the newest due row of each driver goes online, however old', async () => {
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: -9_000, created: -9_000, rate: '-0.0' },
        { id: 2, event: 1, created: 1, trips: 1 },
        { id: 2, event: 2, created: 2, trips: 2 },
        { id: 2, event: 2, created: 3, trips: 3 },
        { id: 2, event: 9, created: 9, trips: 9 },
        { id: -3, event: 1, created: 1, rate: 'NaN', trips: null },
        { id: 4, event: 2, created: 9 },
      ]),
    );
    project.setClock(at(5));
    const record = await run(view);
    expect(record).toMatchObject({
      state: 'complete',
      kind: 'ordinary',
      written: 3,
      rejected: 0,
      toUs: at(5),
      watermarkUs: at(5),
      historyRows: 0,
      error: null,
    });
    expect(online(view)).toEqual({
      '1': { values: [-0, 1n, ['a', null]], event: -9_000, created: -9_000 },
      '2': { values: [0.5, 3n, ['a', null]], event: 2, created: 3 },
      '-3': { values: [NaN, null, ['a', null]], event: 1, created: 1 },
    });
    expect(marker(view)).toBe(at(5));
    expect(await project.database.runs({ view: view.id })).toEqual([record]);
  });

  test('the next run takes what was created since, late rows too, and a re-run changes nothing', async () => {
    await project.writeParquet('drivers', driverRows([{ id: 1, event: 1, created: 1, trips: 1 }]));
    project.setClock(at(2));
    await run(view);
    await project.writeParquet(
      'drivers2',
      driverRows([
        { id: 1, event: 0, created: 3, trips: 7 },
        { id: 2, event: -50, created: 3, trips: 8 },
        { id: 3, event: 4, created: 1.5, trips: 9 },
      ]),
    );
    project.setClock(at(5));
    expect(await run(view)).toMatchObject({ written: 2, older: 1, equal: 0 });
    expect(online(view)).toMatchObject({
      '1': { event: 1, values: [0.5, 1n, ['a', null]] },
      '2': { event: -50 },
      '3': { event: 4, created: 1.5 },
    });
    expect(await run(view)).toMatchObject({ written: 0, older: 0, equal: 0 });
    expect(await run(view, { full: true })).toMatchObject({ written: 0, equal: 3 });
  });

  test('reading logic rewrites no row: the run after it finds nothing to do', async () => {
    const before = driverStats({ ttlUs: 10 * HOUR_US });
    await project.writeParquet(
      'drivers',
      driverRows([1, 2, 3].map((id) => ({ id, event: id, created: id }))),
    );
    project.setClock(at(5));
    expect(await run(before)).toMatchObject({ written: 3 });
    const stored = online(before);
    const [rate, ...others] = before.features;
    const after = driverStats({
      ttlUs: 5 * HOUR_US,
      delayUs: HOUR_US,
      features: [{ ...rate!, missing: 0 }, ...others],
    });
    expect(after.definitionId).toBe(before.definitionId);
    project.setClock(at(6));
    const { written, equal, older, conflict } = await run(after);
    expect({ written, equal, older, conflict }).toEqual({ written: 0, equal: 0, older: 0, conflict: 0 });
    expect(online(after)).toEqual(stored);
  });

  test('a longer TTL keeps what is online, and brings back what had gone by the shorter one', async () => {
    const short = driverStats({ ttlUs: HOUR_US });
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: 1, created: 1 },
        { id: 2, event: 2, created: 4 },
      ]),
    );
    project.setClock(at(2));
    expect(await run(short)).toMatchObject({ written: 1 });
    project.setClock(at(5));
    expect(await run(short)).toMatchObject({ written: 1 });
    expect(Object.keys(online(short))).toEqual(['2']);

    const long = driverStats({ ttlUs: 100 * HOUR_US });
    expect(long.definitionId).toBe(short.definitionId);
    // Runs of one instant have no order.
    project.setClock(at(6));
    expect(await run(long)).toMatchObject({ written: 1, equal: 1 });
    await project.writeParquet('drivers3', driverRows([{ id: 3, event: 50, created: 50 }]));
    project.setClock(at(60));
    expect(await run(long)).toMatchObject({ written: 1, equal: 0 });
    expect(Object.keys(online(long))).toEqual(['1', '2', '3']);

    const forEver = driverStats({ ttlUs: null });
    project.setClock(at(61));
    expect(await run(forEver)).toMatchObject({ written: 0, equal: 3 });
    project.setClock(at(62));
    expect(await run(forEver)).toMatchObject({ written: 0, equal: 0 });
  });

  test('equal times are settled by the canonical order of values', async () => {
    const tie = { id: 1, event: 1, created: 1 };
    await project.writeParquet(
      'drivers',
      driverRows([
        { ...tie, rate: '0.0', trips: 5 },
        { ...tie, rate: '-0.0', trips: 9 },
        { ...tie, rate: '0.0', trips: 3 },
      ]),
    );
    project.setClock(at(2));
    await run(view);
    expect(online(view)['1']!.values.slice(0, 2)).toEqual([0, 5n]);
  });

  test('a delay holds no row back: it is for joins, and the monitor measures it', async () => {
    const delayed = driverStats({ delayUs: HOUR_US });
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: 1, created: 1, trips: 1 },
        { id: 1, event: 2, created: 2, trips: 2 },
      ]),
    );
    project.setClock(at(2.5));
    expect(await run(delayed)).toMatchObject({ written: 1 });
    expect(online(delayed)['1']).toMatchObject({ event: 2 });
  });

  test('--to T takes rows with event and created time up to and including T', async () => {
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: 1, created: 1, trips: 1 },
        { id: 1, event: 2, created: 2, trips: 2 },
        { id: 1, event: 2, created: 2.5, trips: 3 },
        { id: 1, event: 2.5, created: 2, trips: 4 },
      ]),
    );
    project.setClock(at(5));
    expect(await run(view, { toUs: at(2) })).toMatchObject({ written: 1, toUs: at(2), watermarkUs: at(2) });
    expect(online(view)['1']!.values[1]).toBe(2n);
    expect(await run(view)).toMatchObject({ written: 1 });
    expect(online(view)['1']!.values[1]).toBe(4n);
  });

  test('replace takes the store back, and the next run brings it forward again', async () => {
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: 1, created: 1 },
        { id: 1, event: 3, created: 3 },
      ]),
    );
    project.setClock(at(5));
    await run(view);
    expect(await run(view, { toUs: at(2) })).toMatchObject({ written: 0, watermarkUs: at(5) });
    expect(await run(view, { toUs: at(2), replace: true })).toMatchObject({ written: 1, watermarkUs: at(2) });
    expect(online(view)['1']).toMatchObject({ event: 1 });
    expect(marker(view)).toBe(at(2));
    expect(await run(view)).toMatchObject({ written: 1, watermarkUs: at(5) });
    expect(online(view)['1']).toMatchObject({ event: 3 });
  });

  test('a backfill repeats a part and moves neither bookmark nor marker', async () => {
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: 1, created: 1 },
        { id: 2, event: 3, created: 3 },
      ]),
    );
    project.setClock(at(4));
    await run(view);
    project.setClock(at(6));
    expect(await run(view, { fromUs: at(2) })).toMatchObject({
      kind: 'backfill',
      equal: 1,
      fromUs: at(2),
      toUs: at(4),
      watermarkUs: at(4),
    });
    expect(marker(view)).toBe(at(4));
    await expect(run(view, { fromUs: at(5) })).rejects.toMatchObject({ code: 'MAT_RANGE' });
  });

  test('a source without created times is read in full each time', async () => {
    const undated = driverStats({ source: { ...view.source, createdTime: null } });
    await project.writeParquet('drivers', driverRows([{ id: 1, event: 1, created: null, trips: 1 }]));
    project.setClock(at(2));
    await run(undated);
    await project.writeParquet('drivers2', driverRows([{ id: 2, event: 0.5, created: null }]));
    project.setClock(at(3));
    expect(await run(undated)).toMatchObject({ written: 1, equal: 1 });
    expect(online(undated)['1']).toMatchObject({ created: -START_US / HOUR_US });
  });

  test('a new definition under the same name replaces the rows of the old one', async () => {
    await project.writeParquet('drivers', driverRows([{ id: 1, event: 1, created: 1, trips: 7 }]));
    project.setClock(at(2));
    await run(view);
    const changed = driverStats({ features: [feature('trips', 'int32')] });
    const bundle = bundleOf(changed, [view]);
    const [record] = await runMaterialize(project, bundle, project.database);
    expect(record).toMatchObject({ written: 1, definitionId: changed.definitionId });
    expect(online(changed)['1']!.values).toEqual([7]);
    // Someone who has not seen the new definition yet leaves it alone.
    expect(await run(view, { full: true })).toMatchObject({ superseded: 1, written: 0 });
  });
});

describe('bad rows', () => {
  const checked = driverStats({
    features: [
      feature('conv_rate', 'float64', { checks: { min: 0, max: 1, maxNullShare: null } }),
      feature('trips', 'int32', { checks: { min: null, max: null, maxNullShare: 0.5 } }),
      feature('tags', 'list<string>'),
    ],
  });

  test('are rejected one by one with their reason, and do not hide the good row before them', async () => {
    const lenient = await makeProject({ 'materialize.maxRejectedShare': '0.9' });
    await project.remove();
    project = lenient;
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: 1, created: 1, rate: '0.25' },
        { id: 1, event: 2, created: 2, rate: '1.5' },
        { id: 2, event: 1, created: 1, rate: '-0.1' },
        { id: 3, event: 1, created: 1, rate: 'NaN' },
        { id: 4, event: 1, created: 1, trips: 3_000_000_000 },
        { id: null, event: 1, created: 1 },
        { id: 6, event: null, created: 1 },
        { id: 7, event: -1_000_000, created: 1 },
        { id: 8, event: 10, created: 1 },
      ]),
    );
    project.setClock(at(5));
    expect(await run(checked)).toMatchObject({ read: 9, counted: 1, written: 1, rejected: 7, waiting: 1 });
    expect(online(checked)).toMatchObject({ '1': { event: 1 } });
    expect(await rejected(checked)).toEqual({
      1: 'conv_rate is above its maximum 1',
      2: 'conv_rate is below its minimum 0',
      3: 'conv_rate is NaN and has a range',
      4: 'trips should be int32, got 3000000000 (BIGINT)',
      null: 'join key driver_id is null',
      6: 'event time is null or infinite',
      7: 'event time is before 1970',
    });
    expect(rejectModes(checked)).toEqual([0o600]);
    // The row of the future is read again when its time has come; the others were new once.
    project.setClock(at(11));
    expect(await run(checked)).toMatchObject({ written: 1, rejected: 0, waiting: 0 });
    expect(online(checked)['8']).toMatchObject({ event: 10 });
  });

  test('too many of them fail the run before anything is online', async () => {
    await project.writeParquet(
      'drivers',
      driverRows([
        { id: 1, event: 1, created: 1 },
        { id: null, event: 1, created: 1 },
      ]),
    );
    project.setClock(at(2));
    await expect(run(checked)).rejects.toMatchObject({ code: 'MAT_REJECTED' });
    expect(online(checked)).toEqual({});
    expect(marker(checked)).toBeNull();
    expect(await rejected(checked)).toEqual({ null: 'join key driver_id is null' });
    expect(await project.database.runs({ view: checked.id })).toMatchObject([
      { state: 'failed', error: expect.stringContaining('1 of 2 rows of driver_stats were rejected') },
    ]);
    expect(await project.database.bookmark(checked.id)).toBeNull();
  });

  // In doubles 0.29 * 100 is below 29, and 0.07 * 100 above 7.
  test.each([
    [1, 2, 0.5],
    [29, 100, 0.29],
    [7, 100, 0.07],
    [0, 3, 0],
    [3, 3, 1],
  ])(
    'as many nulls as the check allows pass, and one more fails the run: %i of %i',
    async (nulls, rows, limit) => {
      const view = driverStats({
        features: [feature('trips', 'int32', { checks: { min: null, max: null, maxNullShare: limit } })],
      });
      const writeNulls = (count: number): Promise<void> =>
        project.writeParquet(
          'drivers',
          driverRows(
            Array.from({ length: rows }, (_, i) => {
              return { id: i + 1, event: 1, created: 1, trips: i < count ? null : 1 };
            }),
          ),
        );
      project.setClock(at(2));
      if (nulls < rows) {
        await writeNulls(nulls + 1);
        await expect(run(view)).rejects.toMatchObject({
          code: 'MAT_NULL_SHARE',
          message:
            `trips of driver_stats is null in ${nulls + 1} of ${rows} rows; ` +
            `its check allows ${Math.round(limit * 100)} %`,
        });
        expect(online(view)).toEqual({});
      }
      await writeNulls(nulls);
      expect(await run(view)).toMatchObject({ written: rows });
    },
  );

  test('a source that is not there is one clear error', async () => {
    await expect(run(checked)).rejects.toMatchObject({ code: 'MAT_SOURCE' });
  });
});

describe('runs', () => {
  const view = driverStats();
  beforeEach(async () => {
    await project.writeParquet('drivers', driverRows([{ id: 1, event: 1, created: 1 }]));
    project.setClock(at(2));
  });

  test('of the same view do not interleave', async () => {
    const first = run(view);
    await expect(run(view)).rejects.toMatchObject({ code: 'MAT_BUSY' });
    expect(await first).toMatchObject({ state: 'complete' });
    expect(await run(view)).toMatchObject({ state: 'complete' });
  });

  test('whose process died are closed by the next one', async () => {
    const record = await run(view);
    await project.database.startRun({ ...record, runId: 'dead', state: 'running', finishedUs: null });
    await run(view);
    const dead = (await project.database.runs({ view: view.id })).find(({ runId }) => runId === 'dead');
    expect(dead).toMatchObject({ state: 'failed', error: 'its process ended before the run did' });
  });

  test('rewrite everything when the store was emptied', async () => {
    await run(view);
    const store = new DatabaseSync(project.settings.online.url);
    store.exec('DELETE FROM entity_row; DELETE FROM marker');
    store.close();
    expect(await run(view)).toMatchObject({ written: 1 });
    expect(marker(view)).toBe(at(2));
  });

  test('refuse an unknown view and a range that does not fit, before anything is done', async () => {
    await expect(run(view, { views: ['driver_stat'] })).rejects.toMatchObject({
      code: 'MAT_UNKNOWN_VIEW',
      message: 'there is no view driver_stat; applied are: driver_stats',
    });
    await expect(run(view, { toUs: at(3) })).rejects.toMatchObject({ code: 'MAT_RANGE' });
    await expect(run(view, { fromUs: at(2) })).rejects.toMatchObject({ code: 'MAT_RANGE' });
    expect(await project.database.runs({ view: view.id })).toEqual([]);
  });
});

type OrderRow = readonly [id: string, event: number, created: number, total: number];

function orderRows(rows: readonly OrderRow[]): string {
  return rows
    .map(
      ([id, event, created, total]) =>
        `SELECT '${id}' AS customer_id, ${sqlTime(at(event))} AS ordered_at,
         ${sqlTime(at(created))} AS loaded_at, ${total}::DOUBLE AS total`,
    )
    .join(' UNION ALL ');
}

describe('an aggregated view', () => {
  test('is computed, served up to the edge that is due, and corrected by late events', async () => {
    const view = orders({ delayUs: HOUR_US });
    await project.writeParquet(
      'orders',
      orderRows([
        ['a|b', 0.5, 0.5, 10],
        ['a|b', 1.5, 1.5, 5],
        ['c', 2.2, 2.2, 1],
      ]),
    );
    project.setClock(at(3.25));
    const first = await run(view);
    expect(first).toMatchObject({ state: 'complete', watermarkUs: at(3), written: 2, historyRows: 3 });
    expect(online(view)).toEqual({
      'a%7Cb': { values: [2n, 15], event: 2, created: 3.25 },
      c: { values: [1n, 1], event: 3, created: 3.25 },
    });
    expect(marker(view)).toBe(at(3));

    await project.writeParquet('orders2', orderRows([['a|b', 0.75, 3.5, 100]]));
    project.setClock(at(4.25));
    const second = await run(view);
    expect(second).toMatchObject({ watermarkUs: at(4), state: 'complete' });
    expect(online(view)).toEqual({
      'a%7Cb': { values: [3n, 115], event: 2, created: 4.25 },
      c: { values: [1n, 1], event: 3, created: 3.25 },
    });
    expect(second.written).toBe(1);
    expect(await run(view)).toMatchObject({ written: 0, historyRows: 0 });

    // Nobody orders any more: the windows run empty, and that is served as well.
    project.setClock(at(40));
    await run(view);
    expect(online(view)).toMatchObject({ 'a%7Cb': { values: [0n, 0] }, c: { values: [0n, 0] } });
  });

  test('what a failed run appended to the history goes online with the next one', async () => {
    const view = orders();
    await project.writeParquet('orders', orderRows([['a', 0.5, 0.5, 10]]));
    project.setClock(at(1));
    await run(view);
    await project.writeParquet('orders2', orderRows([['b', 1.5, 1.5, 10]]));
    project.setClock(at(2));
    const strict = orders({
      features: view.features.map((f) => ({ ...f, checks: { min: 99, max: null, maxNullShare: null } })),
    });
    await expect(run(strict)).rejects.toMatchObject({ code: 'MAT_REJECTED' });
    project.setClock(at(2.5));
    expect(await run(view)).toMatchObject({ historyRows: 0, written: 1 });
    expect(online(view)).toMatchObject({ b: { values: [1n, 10], event: 2 } });
  });
});

test('a store that fails half-way leaves marker and bookmark, and the next run does the rest', async () => {
  const redis = await startRedis();
  const client = new Redis(redis.url);
  const own = await makeProject({ online: redis.url });
  const view = driverStats();
  await own.writeParquet(
    'drivers',
    `SELECT range AS driver_id, ${sqlTime(at(1))} AS event_timestamp, ${sqlTime(at(1))} AS created,
     0.5 AS conv_rate, range AS trips, ['a'] AS tags FROM range(10_000)`,
  );
  own.setClock(at(2));
  const full = {
    ...own,
    logger: { ...own.logger, progress: () => void client.config('SET', 'maxmemory', '1') },
  };
  await expect(runMaterialize(full, bundleOf(view), own.database)).rejects.toMatchObject({
    code: 'MAT_ONLINE',
    message: expect.stringContaining('OOM'),
  });
  await client.config('SET', 'maxmemory', '0');
  const there = await client.dbsize();
  expect(there).toBeGreaterThan(0);
  expect(there).toBeLessThan(10_000);
  expect(await client.exists('fstore:~markers')).toBe(0);
  expect(await own.database.bookmark(view.id)).toBeNull();
  const [record] = await runMaterialize(own, bundleOf(view), own.database);
  expect(record!.written + record!.equal).toBe(10_000);
  expect(record!.written).toBeGreaterThan(0);
  expect(await client.hget('fstore:~markers', view.id)).toBe(String(at(2)));
  client.disconnect();
  await own.remove();
  await redis.stop();
});

test(
  'in a cluster only the slots of a node that was emptied are written again',
  { timeout: REDIS_START_LIMIT_MS },
  async () => {
    const cluster = await startRedisCluster();
    const own = await makeProject({ online: cluster.url });
    const view = driverStats();
    await own.writeParquet(
      'drivers',
      `SELECT range AS driver_id, ${sqlTime(at(1))} AS event_timestamp, ${sqlTime(at(1))} AS created,
     0.5 AS conv_rate, range AS trips, ['a'] AS tags FROM range(3000)`,
    );
    own.setClock(at(2));
    const materialize = async (): Promise<RunRecord> =>
      (await runMaterialize(own, bundleOf(view), own.database))[0]!;
    expect(await materialize()).toMatchObject({ written: 3_000 });
    expect(await materialize()).toMatchObject({ written: 0, equal: 0 });
    const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
    await client.ping();
    const node = client.nodes('master')[0]!;
    const lost = (await node.keys('fstore:driver:*')).length;
    await node.flushall();
    // A group of slots that two nodes share is written on both.
    const healed = await materialize();
    expect(healed.written).toBe(lost);
    expect(healed.equal).toBeLessThan(200);
    expect((await node.keys('fstore:driver:*')).length).toBe(lost);
    client.disconnect();
    await own.remove();
    await cluster.stop();
  },
);
