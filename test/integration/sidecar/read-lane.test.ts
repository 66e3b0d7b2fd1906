/**
 * The read lane on real servers: a login and a database, a connection that is killed, rows that move to another node.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { clusterSlot, fieldOf, markerKey } from '../../../contract/wire/online/online-layout.ts';
import {
  CLUSTER_SLOTS,
  SLOTS_PER_MARKER,
  clusterMarkerKey,
} from '../../../contract/wire/online/online-layout.ts';
import { openReader } from '../../../sidecar/store/open-reader.ts';
import type { StoreReader } from '../../../sidecar/store/store-reader.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';

const WATERMARK = '1700000000000000';
/** Every byte there is, so that a row is the same text however it came. */
const ROW = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const VIEWS = ['spend', 'none'].map((id) => {
  const field = fieldOf(id);
  return { id, field, fieldNumber: field.readUInt32BE(0) };
});

function read(reader: StoreReader, key: string): Promise<readonly (string | null)[]> {
  return new Promise((resolve, reject) => {
    reader.read(
      [{ key, views: VIEWS, knownRow: () => null, onRows: (rows) => resolve(rows), onFailure: reject }],
      Date.now() * 1_000,
    );
  });
}

/** The lane only reads rows; when it does, the client library has read markers last. */
async function laneIds(client: Redis): Promise<string[]> {
  const lines = ((await client.client('LIST')) as string).split('\n');
  if (!lines.some((line) => line.includes('cmd=hgetall'))) return [];
  return lines.filter((line) => line.includes('cmd=hmget')).map((line) => /id=(\d+)/.exec(line)![1]!);
}

describe('on Redis, as a user, in database 3', () => {
  let redis: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.port, '127.0.0.1', { db: 3 });
    await client.acl('SETUSER', 'app', 'on', '>a secret', '~*', '+@all');
    await client.hset(markerKey(''), 'spend', WATERMARK, 'none', WATERMARK);
    await client.hset('fstore:c:ü', VIEWS[0]!.field, ROW);
  }, REDIS_START_LIMIT_MS);
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });

  test('rows come by the lane; killed, every read is still answered, and it opens again', async () => {
    const url = `redis://app:a%20secret@127.0.0.1:${redis.port}/3`;
    const reader = await openReader({ kind: 'redis', url, keyPrefix: '' }, systemClock(), silentLogger);
    try {
      await reader.start(5_000);
      const rows = [ROW.toString('latin1'), null];
      const lane = async (): Promise<boolean> => {
        expect(await read(reader, 'fstore:c:ü')).toEqual(rows);
        return (await laneIds(client)).length === 1;
      };
      await until(lane, 'the lane reads');
      const [before] = await laneIds(client);
      const all = Array.from({ length: 200 }, () => read(reader, 'fstore:c:ü'));
      await client.client('KILL', 'ID', before!);
      for (const each of await Promise.all(all)) expect(each).toEqual(rows);
      await until(
        async () => (await lane()) && (await laneIds(client))[0] !== before,
        'the lane reads again',
      );
    } finally {
      await reader.close();
    }
  });
});

describe('on a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.stop());

  test('a row is found wherever its slot moves', async () => {
    const clients = cluster.nodes.slice(0, 3).map((node) => new Redis(node.port, '127.0.0.1'));
    const url = cluster.url;
    const reader = await openReader(
      { kind: 'redis-cluster', url, keyPrefix: '' },
      systemClock(),
      silentLogger,
    );
    try {
      for (let slot = 0; slot < CLUSTER_SLOTS; slot += SLOTS_PER_MARKER) {
        const marks = ['spend', WATERMARK, 'none', WATERMARK];
        for (const client of clients) await client.hset(clusterMarkerKey('', slot), ...marks).catch(() => {});
      }
      const key = 'fstore:c:7';
      const slot = clusterSlot(key);
      const ids = (await Promise.all(clients.map((client) => client.cluster('MYID')))) as string[];
      const wrote = await Promise.allSettled(clients.map((c) => c.hset(key, VIEWS[0]!.field, ROW)));
      const from = wrote.findIndex(({ status }) => status === 'fulfilled');
      const to = (from + 1) % 3;
      await reader.start(5_000);
      const rows = [ROW.toString('latin1'), null];
      const lane = async (): Promise<boolean> => {
        expect(await read(reader, key)).toEqual(rows);
        return (await laneIds(clients[from]!)).length === 1;
      };
      await until(lane, 'the lane reads');
      await clients[to]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from]!);
      await clients[from]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to]!);
      expect(await read(reader, key)).toEqual(rows);
      await clients[from]!.call('MIGRATE', '127.0.0.1', cluster.nodes[to]!.port, key, 0, 5_000);
      // The old node answers ASK now, then MOVED.
      expect(await read(reader, key)).toEqual(rows);
      for (const client of [clients[to]!, clients[from]!]) {
        await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to]!);
      }
      expect(await read(reader, key)).toEqual(rows);
    } finally {
      await reader.close();
      for (const client of clients) client.disconnect();
    }
  });
});
