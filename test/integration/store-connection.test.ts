/** How the sidecar's reader comes to its Redis, and what it says when it does not. */
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../registry/std/clock.ts';
import { silentTalk } from '../../registry/std/talk.ts';
import { fieldOf, markerKey } from '../../registry/wire/online-layout.ts';
import { openReader } from '../../sidecar/store/open-reader.ts';
import type { StoreReader } from '../../sidecar/store/store-reader.ts';
import { movingName } from '../support/moving-name.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../support/redis.ts';
import type { RedisOptions, RedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';

const KEY = 'fstore:customer:1';
const VIEW = { id: 'spend', field: fieldOf('spend'), fieldNumber: fieldOf('spend').readUInt32BE(0) };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function redisWith(options: RedisOptions = {}, row = 'a'): Promise<RedisServer> {
  const redis = await startRedis(options);
  ends.push(() => redis.stop());
  const client = new Redis(redis.port, '127.0.0.1');
  await client.hset(markerKey(''), VIEW.id, '1700000000000000');
  await client.hset(KEY, VIEW.field, row);
  client.disconnect();
  return redis;
}

async function readerOf(url: string): Promise<StoreReader> {
  const kind = url.includes('+cluster') ? 'redis-cluster' : 'redis';
  const reader = await openReader({ kind, url, keyPrefix: '' }, systemClock(), silentTalk);
  ends.push(() => reader.close());
  await reader.start(5_000);
  return reader;
}

/** @returns the row's bytes, or why there are none */
function read(reader: StoreReader): Promise<string | null> {
  return new Promise((resolve) => {
    const onRows = (rows: readonly (string | null)[]): void => resolve(rows[0]!);
    const onFailure = (error: Error): void => resolve(error.message);
    const ask = { key: KEY, views: [VIEW], knownRow: () => null, onRows, onFailure };
    reader.read([ask], Date.now() * 1_000);
  });
}

test(
  'a node that hangs behind a name is left for the node that the name stands for now',
  async () => {
    const first = await redisWith();
    const second = await redisWith({}, 'b');
    const name = await movingName(first.port);
    ends.push(() => name.close());
    const reader = await readerOf(`redis://127.0.0.1:${name.port}`);
    expect(await read(reader)).toBe('a');
    await first.kill('SIGSTOP');
    name.moveTo(second.port);
    await until(async () => (await read(reader)) === 'b', 'rows come from the second node');
  },
  REDIS_START_LIMIT_MS,
);

test('a wrong password is a refusal until the password is right', async () => {
  const redis = await redisWith();
  const client = new Redis(redis.port, '127.0.0.1');
  ends.push(() => client.disconnect());
  await client.config('SET', 'requirepass', 'right');
  const reader = await readerOf(`redis://:wrong@127.0.0.1:${redis.port}`);
  expect(reader.state()).toMatchObject({ kind: 'refused', isConnected: false });
  expect(reader.state().reason).toContain('WRONGPASS');
  expect(await read(reader)).toContain('WRONGPASS');
  await client.config('SET', 'requirepass', 'wrong');
  await until(() => reader.state().kind === 'read', 'the store was read');
  expect(reader.state()).toEqual({ kind: 'read', reason: null, isConnected: true });
  expect(await read(reader)).toBe('a');
});

test('a permission that is lacking is a refusal until it is given', async () => {
  const redis = await redisWith();
  const client = new Redis(redis.port, '127.0.0.1');
  ends.push(() => client.disconnect());
  await client.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '+info', '+ping', '~fstore:*');
  const reader = await readerOf(`redis://reader:secret@127.0.0.1:${redis.port}`);
  await until(() => reader.state().kind === 'refused', 'the refusal is known');
  expect(reader.state().reason).toContain('NOPERM');
  await client.call('ACL', 'SETUSER', 'reader', '+hgetall', '+hmget');
  await until(() => reader.state().kind === 'read', 'the store was read');
  expect(await read(reader)).toBe('a');
});

test('a store that is not there is waited for', async () => {
  const gone = await redisWith();
  await gone.stop();
  const reader = await readerOf(`redis://127.0.0.1:${gone.port}`);
  expect(reader.state()).toMatchObject({ kind: 'waiting', isConnected: false });
  expect(reader.state().reason).toContain('ECONNREFUSED');
  expect(await read(reader)).toContain('ECONNREFUSED');
  await redisWith({ port: gone.port });
  await until(() => reader.state().kind === 'read', 'the store was read');
});
