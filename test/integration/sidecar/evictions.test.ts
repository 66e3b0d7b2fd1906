/** Rows that a Redis evicted: what the sidecar says of them, and what the materializer does. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runMaterialize } from '../../../materializer/materialize.ts';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { fieldOf } from '../../../contract/wire/online/online-layout.ts';
import { openReader } from '../../../sidecar/store/open-reader.ts';
import { MAY_BE_EVICTED } from '../../../sidecar/store/store-reader.ts';
import type { StoreReader } from '../../../sidecar/store/store-reader.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';

const DRIVERS = 4_000;
const NOBODY = 'fstore:driver:999999';

let redis: RedisServer;
let client: Redis;
let project: TestProject;

beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  project = await makeProject({ online: redis.url });
  const time = `make_timestamp(${START_US})`;
  await project.writeParquet(
    'drivers',
    `SELECT range AS driver_id, ${time} AS event_timestamp, ${time} AS created,
     0.5 AS conv_rate, range AS trips, ['a'] AS tags FROM range(${DRIVERS})`,
  );
}, REDIS_START_LIMIT_MS);
afterAll(async () => {
  client.disconnect();
  await project.remove();
  await redis.stop();
});

/** Another tenant fills the memory; only rows with an expiry go, as Redis's managed services are set up. */
async function evictSome(): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
  const before = await client.dbsize();
  await client.config('SET', 'maxmemory-policy', 'volatile-lru');
  await client.config('SET', 'maxmemory', String(used + 100_000));
  await client.set('other', 'x'.repeat(300_000));
  expect(await client.dbsize()).toBeLessThan(before);
  await client.config('SET', 'maxmemory', '0');
  await client.del('other');
}

async function keyThatWent(): Promise<string> {
  for (let id = 0; id < DRIVERS; id++)
    if ((await client.exists(`fstore:driver:${id}`)) === 0) return `fstore:driver:${id}`;
  throw new Error('none went');
}

const view = driverStats({ ttlUs: 24 * HOUR_US });

/** @returns MISSING, UNAVAILABLE or PRESENT, as the sidecar makes it of what the store says */
async function statusOf(reader: StoreReader, key: string): Promise<string> {
  const field = fieldOf(view.id);
  const views = [{ id: view.id, field, fieldNumber: field.readUInt32BE(0) }];
  return new Promise((resolve, reject) => {
    const onRows = (rows: readonly unknown[], watermarks: readonly (number | null)[]): void =>
      resolve(
        watermarks[0] === null || watermarks[0] === MAY_BE_EVICTED
          ? 'UNAVAILABLE'
          : rows[0] === null
            ? 'MISSING'
            : 'PRESENT',
      );
    reader.read([{ key, views, onRows, onFailure: reject, knownRow: () => undefined }], Date.now() * 1_000);
  });
}

test('an evicted row is UNAVAILABLE until all are written again, at most once an hour', async () => {
  const run = () => runMaterialize(project, bundleOf(view), project.database);
  const told: string[] = [];
  const online = project.settings.online;
  const reader = await openReader(online, systemClock(), {
    ...silentLogger,
    warn: (text) => void told.push(text),
  });
  try {
    await reader.start(5_000);
    project.setClock(START_US + 60e6);
    expect(await run()).toMatchObject([{ written: DRIVERS }]);
    expect(await statusOf(reader, 'fstore:driver:1')).toBe('PRESENT');
    expect(await statusOf(reader, NOBODY)).toBe('MISSING');

    await evictSome();
    const gone = await keyThatWent();
    await until(async () => (await statusOf(reader, gone)) === 'UNAVAILABLE', 'the sidecar sees evictions');
    expect(await statusOf(reader, NOBODY)).toBe('UNAVAILABLE');
    expect(told.join()).toContain('Redis has evicted');

    project.setClock(START_US + 120e6);
    const [healed] = await run();
    expect(healed!.written + healed!.equal).toBe(DRIVERS);
    expect(healed!.written).toBeGreaterThan(0);
    expect(project.said.join()).toContain('they are written again');
    await until(async () => (await statusOf(reader, NOBODY)) === 'MISSING', 'absence is vouched for again');
    expect(await statusOf(reader, gone)).toBe('PRESENT');
    expect(await run()).toMatchObject([{ written: 0, equal: 0 }]);

    await evictSome();
    project.setClock(START_US + 180e6);
    await expect(run()).rejects.toMatchObject({ code: 'MAT_EVICTED', kind: 'failed' });
    const runs = await project.database.runs({ view: view.id });
    expect(runs.at(-1)).toMatchObject({ state: 'complete', written: 0 });
    const goneAgain = await keyThatWent();
    await until(async () => (await statusOf(reader, goneAgain)) === 'UNAVAILABLE', 'seen again');

    project.setClock(START_US + 120e6 + HOUR_US + 60e6);
    const [again] = await run();
    expect(again!.written + again!.equal).toBe(DRIVERS);
    await until(async () => (await statusOf(reader, NOBODY)) === 'MISSING', 'healed once more');
  } finally {
    await reader.close();
  }
});

test('a user who may not ask INFO has no marks, and rows are served as before', async () => {
  await client.flushall();
  const rights = ['on', '>secret', '~fstore:*', '+@all', '-info', '-config'];
  await client.call('ACL', 'SETUSER', 'tight', ...rights);
  const own = await makeProject({ online: `redis://tight:secret@127.0.0.1:${redis.port}` });
  const time = `make_timestamp(${START_US})`;
  await own.writeParquet(
    'drivers',
    `SELECT range AS driver_id, ${time} AS event_timestamp, ${time} AS created,
     0.5 AS conv_rate, range AS trips, ['a'] AS tags FROM range(10)`,
  );
  const reader = await openReader(own.settings.online, systemClock(), silentLogger);
  try {
    own.setClock(START_US + 60e6);
    expect(await runMaterialize(own, bundleOf(view), own.database)).toMatchObject([{ written: 10 }]);
    expect(Object.keys(await client.hgetall('fstore:~markers'))).toEqual([view.id]);
    await reader.start(5_000);
    expect(await statusOf(reader, 'fstore:driver:1')).toBe('PRESENT');
    expect(await statusOf(reader, NOBODY)).toBe('MISSING');
  } finally {
    await reader.close();
    await own.remove();
  }
});

test('what may evict is told before it does, and what costs memory for nothing', async () => {
  await client.flushall();
  await client.config('SET', 'maxmemory', String(2 ** 30));
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await client.config('SET', 'hash-max-listpack-value', '8');
  project.said.length = 0;
  await runMaterialize(project, bundleOf(view), project.database, { full: true });
  const said = project.said.join('\n');
  expect(said).toContain('maxmemory-policy allkeys-lru');
  expect(said).toContain('hash-max-listpack-value is 8');
});
