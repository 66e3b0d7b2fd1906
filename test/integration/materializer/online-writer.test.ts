/** One contract for the three stores, then what only Redis and only a cluster can get wrong. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { guardOutcome, isWrite, noWrites } from '../../../materializer/online/guard-outcome.ts';
import { openOnlineWriter } from '../../../materializer/online/open-online-writer.ts';
import type { OnlineWriter } from '../../../materializer/online/online-writer.ts';
import { systemClock } from '../../../project/clock.ts';
import type { OnlineSettings } from '../../../project/settings/settings.ts';
import {
  clusterMarkerKey,
  clusterSlot,
  fieldOf,
  markerKey,
  MARKERS,
  SLOTS_PER_MARKER,
} from '../../../contract/wire/online/online-layout.ts';
import { openReader } from '../../../sidecar/store/open-reader.ts';
import { hostileLocale } from '../../support/faults/hostile-locale.ts';
import { anyOnlineRow, onlineRow } from '../../support/redis/online-rows.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';

const GUARDED = { replace: false };

/** A store under test: how to write it, and how to look at it past the writer. */
interface Store {
  readonly settings: OnlineSettings;
  readonly writer: OnlineWriter;
  row(key: string, view: string): Promise<Buffer | null>;
  put(key: string, view: string, row: Buffer): Promise<void>;
  /** Milliseconds until the key expires, counted from `nowMs` where the store has no clock; null: never. */
  expiresInMs(key: string, nowMs: number): Promise<number | null>;
  /** Of the view, the marker that vouches for `key`. */
  garbleMarker(key: string, view: string, text: string): Promise<void>;
  empty(): Promise<void>;
  close(): Promise<void>;
}

async function sqliteStore(): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-online-'));
  const settings: OnlineSettings = { kind: 'sqlite', url: join(folder, 'online.db'), keyPrefix: '' };
  const writer = await openOnlineWriter(settings);
  const reader = new DatabaseSync(settings.url);
  return {
    settings,
    writer,
    async row(key, view) {
      const found = reader
        .prepare('SELECT row FROM entity_row WHERE key = ? AND field = ?')
        .get(key, fieldOf(view).readUInt32BE(0)) as { row: Uint8Array } | undefined;
      return found === undefined ? null : Buffer.from(found.row);
    },
    async put(key, view, row) {
      reader
        .prepare('INSERT OR REPLACE INTO entity_row (key, field, row) VALUES (?, ?, ?)')
        .run(key, fieldOf(view).readUInt32BE(0), row);
    },
    async expiresInMs(key, nowMs) {
      const found = reader.prepare('SELECT expires_ms FROM entity_expiry WHERE key = ?').get(key);
      return found === undefined ? null : (found['expires_ms'] as number) - nowMs;
    },
    async garbleMarker(_key, view, text) {
      reader.prepare('UPDATE marker SET watermark_us = ? WHERE view = ?').run(BigInt(text), view);
    },
    async empty() {
      reader.exec('DELETE FROM entity_row; DELETE FROM entity_expiry; DELETE FROM marker');
    },
    async close() {
      reader.close();
      await writer.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function redisStore(client: Redis | Cluster, settings: OnlineSettings): Promise<Store> {
  const writer = await openOnlineWriter(settings);
  return {
    settings,
    writer,
    row: (key, view) => client.hgetBuffer(key, fieldOf(view)),
    async put(key, view, row) {
      await client.hset(key, fieldOf(view), row);
    },
    async expiresInMs(key) {
      const left = await client.pttl(key);
      return left < 0 ? null : left;
    },
    async garbleMarker(key, view, text) {
      const isCluster = settings.kind === 'redis-cluster';
      await client.hset(isCluster ? clusterMarkerKey('', clusterSlot(key)) : markerKey(''), view, text);
    },
    async empty() {
      const nodes = client instanceof Cluster ? client.nodes('master') : [client];
      await Promise.all(nodes.map((node) => node.flushall()));
    },
    async close() {
      client.disconnect();
      await writer.close();
    },
  };
}

const locale = hostileLocale();
let redis: RedisServer;
let cluster: RedisCluster;
const stores = new Map<string, Store>();
const store = (name: string): Store => stores.get(name)!;

beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis({ env: locale.env }), startRedisCluster()]);
  stores.set('sqlite', await sqliteStore());
  stores.set(
    'redis',
    await redisStore(new Redis(redis.url), { kind: 'redis', url: redis.url, keyPrefix: '' }),
  );
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  stores.set(
    'redis-cluster',
    await redisStore(new Cluster(nodes), { kind: 'redis-cluster', url: cluster.url, keyPrefix: '' }),
  );
}, REDIS_START_LIMIT_MS);

afterAll(async () => {
  await Promise.all([...stores.values()].map((each) => each.close()));
  await Promise.all([redis?.stop(), cluster?.stop()]);
  rmSync(locale.folder, { recursive: true });
});

describe.each(['sqlite', 'redis', 'redis-cluster'])('the contract on %s', (name) => {
  test('any sequence of rows ends as the guard has it', async () => {
    const { writer, row, empty } = store(name);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyOnlineRow, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
        async (batches) => {
          await empty();
          const model = new Map<string, Buffer>();
          for (const batch of batches) {
            const expected = noWrites();
            for (const each of batch) {
              const at = `${each.view} ${each.key}`;
              const outcome = guardOutcome(model.get(at) ?? null, each.row, each.superseded);
              expected[outcome] += 1;
              if (isWrite(outcome)) model.set(at, each.row);
            }
            expect(await writer.write(batch, GUARDED)).toEqual(expected);
          }
          for (const [at, expected] of model) {
            const [view, key] = at.split(' ') as [string, string];
            expect(await row(key, view)).toEqual(expected);
          }
        },
      ),
      { numRuns: name === 'redis' ? 300 : 100 },
    );
  });

  test('a stored row with impossible times is none, as it is to readers', async () => {
    const { writer, put, row, empty } = store(name);
    await empty();
    const key = 'fstore:c:corrupt';
    const sound = onlineRow(key, { eventUs: 10 }).row;
    const times: [at: number, bytes: string][] = [
      [4, 'ff'],
      [4, '20'],
      [11, '20'],
      [18, 'ffffffffffff'],
      [18, '083126e978d5'],
    ];
    for (const [at, hex] of times) {
      const corrupt = Buffer.from(sound);
      corrupt.write(hex, at, 'hex');
      await put(key, 'purchases', corrupt);
      const older = onlineRow(key, { eventUs: 5 });
      expect([hex, await writer.write([older], GUARDED)]).toEqual([hex, { ...noWrites(), written: 1 }]);
      expect(await row(key, 'purchases')).toEqual(older.row);
    }
    const last = Buffer.from(sound);
    last.write('1fffffffffffff1fffffffffffff083126e978d4', 4, 'hex');
    await put(key, 'purchases', last);
    expect(await writer.write([onlineRow(key, { eventUs: 11 })], GUARDED)).toEqual({
      ...noWrites(),
      older: 1,
    });
  });

  test('of any stored bytes the guard has one notion', async () => {
    const { writer, put, empty } = store(name);
    await empty();
    const near = fc.constantFrom(0, 1, 8, 0x1f, 0x20, 0x31, 0x80, 0xff);
    const byte = fc.oneof(near, fc.integer({ min: 0, max: 255 }));
    const incoming = onlineRow('fstore:c:any', { eventUs: 2 ** 52 });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 20, maxLength: 30 }),
        fc.array(byte, { minLength: 20, maxLength: 20 }),
        async (rest, times) => {
          const stored = Buffer.from(rest);
          incoming.row.copy(stored, 0, 0, 4);
          Buffer.from(times).copy(stored, 4);
          await put(incoming.key, 'purchases', stored);
          const outcome = guardOutcome(stored, incoming.row, []);
          expect(await writer.write([incoming], GUARDED)).toEqual({ ...noWrites(), [outcome]: 1 });
        },
      ),
      { numRuns: 150 },
    );
  });

  test('replace goes past the guard', async () => {
    const { writer, row, empty } = store(name);
    await empty();
    const newer = onlineRow('fstore:c:r', { eventUs: 10, definitionId: 9 });
    const older = onlineRow('fstore:c:r', { eventUs: 5 });
    await writer.write([newer], GUARDED);
    expect(await writer.write([older], GUARDED)).toEqual({ ...noWrites(), superseded: 1 });
    expect(await writer.write([older], { replace: true })).toEqual({ ...noWrites(), written: 1 });
    expect(await row('fstore:c:r', 'purchases')).toEqual(older.row);
  });

  test('expiry is raised, never lowered, and a key that must never expire does not', async () => {
    const { writer, expiresInMs, empty } = store(name);
    await empty();
    const key = 'fstore:c:e';
    const write = (eventUs: number, expires: number | null, view = 'stored'): Promise<unknown> =>
      writer.write([onlineRow(key, { eventUs, expiresInMs: expires, writtenMs: 1_000 }, view)], GUARDED);
    await write(1, 60_000);
    expect(await expiresInMs(key, 1_000)).toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000);
    await write(2, 90_000);
    expect(await expiresInMs(key, 1_000)).toSatisfy((ms: number) => ms > 80_000 && ms <= 90_000);
    await write(3, 30_000);
    expect(await expiresInMs(key, 1_000)).toSatisfy((ms: number) => ms > 80_000);
    await write(1, null, 'aggregated');
    expect(await expiresInMs(key, 1_000)).toBeNull();
    await write(4, 90_000);
    expect(await expiresInMs(key, 1_000)).toBeNull();
  });

  test('a row that is already there makes its key permanent when its view lost its TTL', async () => {
    const { writer, expiresInMs, empty } = store(name);
    await empty();
    await writer.write([onlineRow('fstore:c:p', { expiresInMs: 60_000 })], GUARDED);
    expect(await writer.write([onlineRow('fstore:c:p', {})], GUARDED)).toMatchObject({ equal: 1 });
    expect(await expiresInMs('fstore:c:p', 0)).toBeNull();
  });

  test('a row that is already there keeps its key longer when its view keeps rows longer', async () => {
    const { writer, expiresInMs, empty } = store(name);
    await empty();
    const write = (expires: number, writtenMs: number): Promise<unknown> =>
      writer.write([onlineRow('fstore:c:l', { expiresInMs: expires, writtenMs })], GUARDED);
    await write(60_000, 1_000);
    expect(await write(900_000, 2_000)).toMatchObject({ equal: 1 });
    expect(await expiresInMs('fstore:c:l', 2_000)).toSatisfy((ms: number) => ms > 800_000 && ms <= 900_000);
    expect(await write(60_000, 3_000)).toMatchObject({ equal: 1 });
    expect(await expiresInMs('fstore:c:l', 3_000)).toSatisfy((ms: number) => ms > 800_000);
  });

  test('a key that holds nothing but tombstones expires, and lives for ever again with the next row', async () => {
    const { writer, expiresInMs, empty } = store(name);
    await empty();
    const key = 'fstore:c:t';
    const write = (eventUs: number, values: string, expires: number | null, view: string): Promise<unknown> =>
      writer.write(
        [onlineRow(key, { eventUs, values, expiresInMs: expires, writtenMs: 1_000 }, view)],
        GUARDED,
      );
    await write(1, 'a', null, 'one');
    await write(1, 'a', null, 'two');
    await write(2, '', 60_000, 'one');
    expect(await expiresInMs(key, 1_000)).toBeNull();
    await write(2, '', 60_000, 'two');
    expect(await expiresInMs(key, 1_000)).toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000);
    await write(3, 'a', null, 'one');
    expect(await expiresInMs(key, 1_000)).toBeNull();
  });

  test('markers are missing, then written for every group', async () => {
    const { writer, empty } = store(name);
    await empty();
    const groups = name === 'redis-cluster' ? MARKERS : 1;
    expect((await writer.readMarkers('v@v2')).watermarksUs).toEqual(Array(groups).fill(null));
    await writer.writeMarkers('v@v2', 1_300_000_000_000_001);
    expect((await writer.readMarkers('v@v2')).watermarksUs).toEqual(
      Array(groups).fill(1_300_000_000_000_001),
    );
    expect((await writer.readMarkers('v')).watermarksUs).toEqual(Array(groups).fill(null));
  });

  test('a marker that is no time is a missing one, for both programs', async () => {
    const { writer, empty, garbleMarker, settings } = store(name);
    await empty();
    await writer.writeMarkers('v', 5);
    const key = 'fstore:garbled:1';
    for (const text of ['99999999999999999', '-5', '9223372036854775807']) {
      await garbleMarker(key, 'v', text);
      const { watermarksUs } = await writer.readMarkers('v');
      expect(watermarksUs[writer.markerGroupOf(key)]).toBeNull();
      const told: string[] = [];
      const logger = { ...silentLogger, warn: (line: string) => void told.push(line) };
      const reader = await openReader(settings, systemClock(), logger);
      await reader.start(10_000);
      const field = fieldOf('v');
      const read = await new Promise((resolve, reject) =>
        reader.read(
          [
            {
              key,
              views: [{ id: 'v', field, fieldNumber: field.readUInt32BE(0) }],
              knownRow: () => undefined,
              onRows: (rows, watermarks) => resolve([rows, watermarks]),
              onFailure: reject,
            },
          ],
          systemClock().nowUs(),
        ),
      );
      await reader.close();
      expect(read).toEqual([[null], [null]]);
      const words = `the marker of v should be microseconds before the year 2200, got "${text}"`;
      expect(told.filter((line) => line.includes(words))).toHaveLength(1);
    }
  });

  test('schemas may be published again and again', async () => {
    const { writer } = store(name);
    const schema = {
      definitionId: 0xf1f2f3f4,
      entity: 'customer',
      joinKeys: [{ name: 'customer_id', type: 'int64' as const }],
      features: [{ name: 'a', type: { kind: 'int64' } as const }],
    };
    await writer.publishSchemas([schema]);
    await writer.publishSchemas([schema, { ...schema, definitionId: 1 }]);
    await writer.publishSchemas([]);
  });
});

test('an expired row of SQLite is swept out when markers are written', async () => {
  const { writer, row, close } = await sqliteStore();
  await writer.write([onlineRow('fstore:c:old', { expiresInMs: 1_000, writtenMs: 5_000 })], GUARDED);
  await writer.write([onlineRow('fstore:c:new', { expiresInMs: 1_000, writtenMs: 7_000 })], GUARDED);
  await writer.writeMarkers('purchases', 1);
  expect(await row('fstore:c:old', 'purchases')).toBeNull();
  expect(await row('fstore:c:new', 'purchases')).not.toBeNull();
  await close();
});

test('a Redis that lost its scripts, and one that was restarted, are given them anew', async () => {
  const own = await startRedis();
  const writer = await openOnlineWriter({ kind: 'redis', url: own.url, keyPrefix: 'p:' });
  const client = new Redis(own.url);
  await client.script('FLUSH');
  expect(await writer.write([onlineRow('p:fstore:c:1', {})], GUARDED)).toMatchObject({ written: 1 });
  client.disconnect();
  await own.kill('SIGKILL');
  const again = await startRedis({ port: own.port });
  expect(await writer.write([onlineRow('p:fstore:c:1', {})], GUARDED)).toMatchObject({ written: 1 });
  await writer.close();
  await again.stop();
});

test('a Redis that is not there, or refuses, is one clear error', async () => {
  const own = await startRedis({ args: ['--requirepass', 'secret'] });
  await expect(openOnlineWriter({ kind: 'redis', url: own.url, keyPrefix: '' })).rejects.toMatchObject({
    code: 'MAT_ONLINE',
    message: expect.stringContaining('NOAUTH'),
  });
  const url = own.url.replace('//', '//:secret@');
  const writer = await openOnlineWriter({ kind: 'redis', url, keyPrefix: '' });
  const client = new Redis(url);
  await client.config('SET', 'maxmemory', '1');
  const refused = writer.write([onlineRow('fstore:c:1', {})], GUARDED);
  await expect(refused).rejects.toMatchObject({
    code: 'MAT_ONLINE',
    message: expect.stringContaining('OOM'),
  });
  await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  client.disconnect();
  await writer.close();
  await own.stop();
  await expect(openOnlineWriter({ kind: 'redis', url: own.url, keyPrefix: '' })).rejects.toMatchObject({
    code: 'MAT_ONLINE',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('Redis itself agrees on the slot of any key', async () => {
  const client = new Redis(cluster.nodes[0]!.port);
  const anyKey = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('{', '}', 'a', 'é'), maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyKey, { minLength: 1, maxLength: 50 }), async (keys) => {
      const slots = await Promise.all(keys.map((key) => client.cluster('KEYSLOT', key)));
      expect(keys.map(clusterSlot)).toEqual(slots);
    }),
  );
  client.disconnect();
});

test('in a cluster a marker lies in the slots that it vouches for', () => {
  const { writer } = store('redis-cluster');
  for (let slot = 0; slot < 16_384; slot += 37) {
    const key = clusterMarkerKey('prefix:', slot);
    expect(writer.markerGroupOf(key)).toBe(Math.floor(slot / SLOTS_PER_MARKER));
  }
});

test('rows are written while slots move and while a primary dies', async () => {
  const own = await startRedisCluster();
  const writer = await openOnlineWriter({ kind: 'redis-cluster', url: own.url, keyPrefix: '' });
  const rows = Array.from({ length: 600 }, (_, i) => onlineRow(`fstore:c:${i}`, {}));
  expect(await writer.write(rows.slice(0, 200), GUARDED)).toMatchObject({ written: 200 });

  // The slot of one of the keys moves, half way: keys that are not yet there get ASK, then MOVED.
  const [from, to] = [new Redis(own.nodes[0]!.port), new Redis(own.nodes[1]!.port)];
  const moving = rows.slice(200, 400).find(({ key }) => clusterSlot(key) < 5_000)!;
  const slot = String(clusterSlot(moving.key));
  const [fromId, toId] = [await from.cluster('MYID'), await to.cluster('MYID')] as [string, string];
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  expect(await writer.write([moving], GUARDED)).toMatchObject({ written: 1 });
  for (const key of await from.cluster('GETKEYSINSLOT', Number(slot), 100))
    await from.migrate('127.0.0.1', own.nodes[1]!.port, key as string, 0, 5_000);
  for (const node of [to, from]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  expect(await writer.write(rows.slice(200, 400), GUARDED)).toMatchObject({ written: 199, equal: 1 });

  await own.nodes[2]!.kill('SIGKILL');
  const counts = await writer.write(rows.slice(400), GUARDED);
  expect(counts.written + counts.equal).toBe(200);
  await writer.writeMarkers('purchases', 5);
  expect((await writer.readMarkers('purchases')).watermarksUs).toEqual(Array(MARKERS).fill(5));
  expect(await writer.write(rows, GUARDED)).toMatchObject({ conflict: 0, older: 0, superseded: 0 });
  for (const client of [from, to]) client.disconnect();
  await writer.close();
  await own.stop();
});
