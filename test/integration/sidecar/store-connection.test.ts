/** How the sidecar's reader comes to its Redis, and what it says when it does not. */
import { Redis } from 'ioredis';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openOnlineWriter } from '../../../materializer/online/open-online-writer.ts';
import { loadSettings } from '../../../project/settings/settings.ts';
import type { OnlineSettings } from '../../../project/settings/settings.ts';
import { canonicalJson } from '../../../contract/std/canonical-json.ts';
import type { Json } from '../../../contract/std/canonical-json.ts';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { fieldOf, markerKey } from '../../../contract/wire/online/online-layout.ts';
import { HEADER_BYTES } from '../../../contract/wire/online/row-header.ts';
import { openReader } from '../../../sidecar/store/open-reader.ts';
import type { StoreReader } from '../../../sidecar/store/store-reader.ts';
import { makeCertificates } from '../../support/processes/certificates.ts';
import type { Certificates } from '../../support/processes/certificates.ts';
import { movingName } from '../../support/faults/moving-name.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisOptions, RedisServer } from '../../support/redis/redis.ts';
import { IS_LONG_RUN } from '../../support/long-run.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { until } from '../../support/until.ts';

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

/** The settings as a program has them. */
function onlineOf(online: Json): OnlineSettings {
  return loadSettings(scratchFolder({ 'plumbline.yaml': canonicalJson({ online }) }), {}).online;
}

async function readerOf(online: Json): Promise<StoreReader> {
  const reader = await openReader(onlineOf(online), systemClock(), silentLogger);
  ends.push(() => reader.close());
  await reader.start(5_000);
  return reader;
}

/** A read may be answered before each connection is seen to be made, so both are waited for. */
async function isRead(reader: StoreReader): Promise<void> {
  const { reason } = reader.state();
  await until(
    () => reader.state().kind === 'read' && reader.state().isConnected,
    `the store was read, and is connected (${reason ?? 'no reason known'})`,
  );
}

/** A client tries again and again: for a moment each time it has a connection that is not refused yet. */
async function hasNoStore(reader: StoreReader, kind: 'waiting' | 'refused', reason: string): Promise<void> {
  const isSo = (): boolean => {
    const state = reader.state();
    return state.kind === kind && !state.isConnected && state.reason?.includes(reason) === true;
  };
  await until(isSo, `the store is ${kind}: ${reason}`);
}

/** The materializer's way in: one row through the guard, and the markers. */
async function fill(online: Json, value: string): Promise<void> {
  const writer = await openOnlineWriter(onlineOf(online));
  const row = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(value)]);
  try {
    await writer.write([{ key: KEY, view: VIEW.id, row, superseded: [], expiresInMs: null }], {
      replace: true,
    });
    await writer.writeMarkers(VIEW.id, 1_700_000_000_000_000);
  } finally {
    await writer.close();
  }
}

/** @returns what the sidecar reads of what the materializer wrote, once its connections to the store are made */
async function thereAndBack(online: Json, value: string): Promise<string | null> {
  await fill(online, value);
  const reader = await readerOf(online);
  await isRead(reader);
  return (await read(reader))?.slice(HEADER_BYTES) ?? null;
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
    await isRead(reader);
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
  await hasNoStore(reader, 'refused', 'WRONGPASS');
  expect(await read(reader)).toContain('WRONGPASS');
  await client.config('SET', 'requirepass', 'wrong');
  await isRead(reader);
  expect(reader.state()).toEqual({ kind: 'read', reason: null, saysDown: false, isConnected: true });
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
  await isRead(reader);
  expect(await read(reader)).toBe('a');
});

test('a store that is not there is waited for', async () => {
  const gone = await redisWith();
  await gone.stop();
  const reader = await readerOf(`redis://127.0.0.1:${gone.port}`);
  await hasNoStore(reader, 'waiting', 'ECONNREFUSED');
  expect(await read(reader)).toContain('ECONNREFUSED');
  await redisWith({ port: gone.port });
  await isRead(reader);
});

describe('TLS', () => {
  const argsOf = ({ ca, serverCert, serverKey }: Certificates, clients: 'yes' | 'no'): string[] => [
    '--tls-cert-file',
    serverCert,
    '--tls-key-file',
    serverKey,
    '--tls-ca-cert-file',
    ca,
    '--tls-auth-clients',
    clients,
  ];

  test('an authority, a certificate and a server name of our own', async () => {
    const made = await makeCertificates('redis.internal');
    const redis = await startRedis({ args: argsOf(made, 'yes') });
    ends.push(() => redis.stop());
    const url = `rediss://127.0.0.1:${redis.port}`;
    const own = { ca: made.ca, cert: made.clientCert, key: made.clientKey };
    const online = { url, tls: { ...own, serverName: 'redis.internal' } };
    expect(await thereAndBack(online, 'secure')).toBe('secure');
    const strangers = [
      { url, tls: { ...own, serverName: 'elsewhere' } },
      { url, tls: { cert: made.clientCert, key: made.clientKey, serverName: 'redis.internal' } },
      { url, tls: { ca: made.ca, serverName: 'redis.internal' } },
    ];
    for (const stranger of strangers) {
      const reader = await readerOf(stranger);
      // A server may close before its alert is read; the next try then tells.
      await until(() => reader.state().kind === 'refused', 'the refusal is told');
      await expect(fill(stranger, 'x')).rejects.toMatchObject({ code: 'MAT_ONLINE' });
    }
  });

  test('a cluster of one node whose certificate is for its host name', async () => {
    const made = await makeCertificates('localhost');
    const cluster = ['--tls-cluster', 'yes', '--cluster-enabled', 'yes'];
    const named = [
      '--cluster-announce-hostname',
      'localhost',
      '--cluster-preferred-endpoint-type',
      'hostname',
    ];
    const redis = await startRedis({ args: [...argsOf(made, 'no'), ...cluster, ...named] });
    ends.push(() => redis.stop());
    const client = new Redis(redis.port, '127.0.0.1', { tls: { rejectUnauthorized: false } });
    ends.push(() => client.disconnect());
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    const online = { url: `rediss+cluster://localhost:${redis.port}`, tls: { ca: made.ca } };
    await until(
      async () => ((await client.cluster('INFO')) as string).includes('state:ok'),
      'the cluster is up',
    );
    expect(await thereAndBack(online, 'named')).toBe('named');
  });
});

describe('a cluster', () => {
  test('of one node that knows no address of its own', async () => {
    const redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    ends.push(() => redis.stop());
    const client = new Redis(redis.port, '127.0.0.1');
    ends.push(() => client.disconnect());
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(
      async () => ((await client.cluster('INFO')) as string).includes('state:ok'),
      'the cluster is up',
    );
    const [[, , [address]]] = (await client.cluster('SLOTS')) as unknown as [[number, number, [string]]];
    expect(address).toBe('');
    expect(await thereAndBack({ url: `redis+cluster://127.0.0.1:${redis.port}` }, 'alone')).toBe('alone');
  });

  test('that has no slots yet is waited for, and says so', async () => {
    const redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    ends.push(() => redis.stop());
    const online = { url: `redis+cluster://127.0.0.1:${redis.port}` };
    const reader = await openReader(onlineOf(online), systemClock(), silentLogger);
    ends.push(() => reader.close());
    await reader.start(500);
    await hasNoStore(reader, 'waiting', 'cluster_state:fail');
    expect(await read(reader)).toContain('cluster_state:fail');
    // It waits for 15 s.
    if (IS_LONG_RUN) await expect(fill(online, 'x')).rejects.toThrow(/cluster_state:fail/);
    const client = new Redis(redis.port, '127.0.0.1');
    ends.push(() => client.disconnect());
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await isRead(reader);
    expect(await thereAndBack(online, 'formed')).toBe('formed');
  });
});

test('a password file is read again when the password has changed', async () => {
  const redis = await redisWith();
  const client = new Redis(redis.port, '127.0.0.1');
  ends.push(() => client.disconnect());
  const folder = scratchFolder({ password: 'first\n' });
  const passwordFile = join(folder, 'password');
  await client.call('ACL', 'SETUSER', 'app', 'on', '>first', '~fstore:*', '+@all');
  const online = { url: `redis://127.0.0.1:${redis.port}`, user: 'app', passwordFile };
  const reader = await readerOf(online);
  await isRead(reader);
  expect(await read(reader)).toBe('a');
  await client.call('ACL', 'SETUSER', 'app', 'resetpass', '>second');
  await client.call('CLIENT', 'KILL', 'USER', 'app');
  await until(
    async () => (await read(reader))?.includes('WRONGPASS') === true,
    'the old password is refused',
  );
  writeFileSync(passwordFile, 'second');
  await until(async () => (await read(reader)) === 'a', 'the new password is taken');
  expect(await thereAndBack(online, 'b')).toBe('b');
  const gone = await readerOf({ ...online, passwordFile: join(folder, 'none') });
  await hasNoStore(gone, 'refused', 'ENOENT');
});

describe('a password file', () => {
  test.each([
    ['that is not there', null, /file .*password cannot be read \(ENOENT/],
    ['that is empty', '\n', /file .*password is empty/],
    ['with a byte order mark', '\uFEFFs3cret\n', /file .*password begins with a byte order mark/],
  ])('%s is told by name and mended by the right one', async (_, text, why) => {
    const redis = await startRedis({ args: ['--requirepass', 's3cret'] });
    ends.push(() => redis.stop());
    const client = new Redis({ port: redis.port, password: 's3cret' });
    ends.push(() => client.disconnect());
    await client.hset(markerKey(''), VIEW.id, '1700000000000000');
    await client.hset(KEY, VIEW.field, 'a');
    const folder = scratchFolder({});
    const passwordFile = join(folder, 'password');
    if (text !== null) writeFileSync(passwordFile, text);
    const online = { url: `redis://127.0.0.1:${redis.port}`, passwordFile };
    const reader = await readerOf(online);
    await until(() => reader.state().kind === 'refused', 'it is refused');
    expect(reader.state()).toMatchObject({ kind: 'refused', lacksFile: true });
    expect(reader.state().reason).toMatch(why);
    expect(await read(reader)).toMatch(why);
    await expect(fill(online, 'b')).rejects.toMatchObject({ message: expect.stringMatching(why) });
    writeFileSync(passwordFile, 's3cret\n');
    await isRead(reader);
    expect(await read(reader)).toBe('a');
  });
});

test(
  'sentinels name the master, and the rows of the new one are read after a failover',
  async () => {
    const master = await redisWith();
    const replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${master.port}`] });
    ends.push(() => replica.stop());
    const watch = [`monitor mymaster 127.0.0.1 ${master.port} 1`, 'down-after-milliseconds mymaster 500'];
    const config = [...watch, 'failover-timeout mymaster 5000'].map((line) => `sentinel ${line}\n`).join('');
    const sentinel = await startRedis({ isSentinel: true, config });
    ends.push(() => sentinel.stop());
    const online = { url: `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster` };
    expect(await thereAndBack(online, 'before')).toBe('before');
    const reader = await readerOf(online);
    await isRead(reader);
    expect(await read(reader)).toContain('before');
    expect(reader.nodeOf(KEY)).toBe(`127.0.0.1:${master.port}`);
    const probe = new Redis(replica.port, '127.0.0.1');
    ends.push(() => probe.disconnect());
    await until(async () => (await probe.hget(KEY, VIEW.field)) !== null, 'the replica has the row');
    await until(async () => {
      const asker = new Redis(sentinel.port, '127.0.0.1');
      const known = (await asker.call('SENTINEL', 'REPLICAS', 'mymaster')) as unknown[];
      asker.disconnect();
      return known.length === 1;
    }, 'the sentinel knows the replica');
    await master.kill('SIGSTOP');
    await until(async () => (await read(reader))?.includes('before') === true, 'rows are read again');
    expect(reader.nodeOf(KEY)).toBe(`127.0.0.1:${replica.port}`);
    expect(await thereAndBack(online, 'after')).toBe('after');
    expect((await read(reader))?.includes('after')).toBe(true);
  },
  REDIS_START_LIMIT_MS,
);

test('sentinels that answer and know no such master are not called unreachable, and say one thing', async () => {
  const sentinel = await startRedis({ isSentinel: true, config: '' });
  ends.push(() => sentinel.stop());
  const reader = await readerOf({ url: `redis+sentinel://127.0.0.1:${sentinel.port}/other` });
  const reasons = new Set<string>();
  await until(() => reader.state().reason !== null, 'the reason is known');
  for (let i = 0; i < 20; i++) {
    await read(reader);
    reasons.add(reader.state().reason!);
  }
  expect([...reasons]).toEqual([
    'no sentinel names a master other that can be used: ERR No such master with that name',
  ]);
});

test('the least rights that the documentation names are enough, for both programs', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/redis.md'), 'utf8');
  const users = page.split('\n').filter((line) => line.startsWith('ACL SETUSER '));
  expect(users).toHaveLength(2);
  const redis = await redisWith();
  const client = new Redis(redis.port, '127.0.0.1');
  ends.push(() => client.disconnect());
  for (const line of users) {
    const [, , name, ...rights] = line.split(' ') as [string, string, string, ...string[]];
    await client.call('ACL', 'SETUSER', name, ...rights);
  }
  const as = (user: string): Json => ({ url: `redis://${user}:secret@127.0.0.1:${redis.port}` });
  const writer = await openOnlineWriter(onlineOf(as('materializer')));
  try {
    const row = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from('least')]);
    const rows = [{ key: KEY, view: VIEW.id, row, superseded: [], expiresInMs: 60_000 }];
    await writer.publishSchemas([{ definitionId: 1, entity: 'customer', joinKeys: [], features: [] }]);
    expect((await writer.write(rows, { replace: true })).written).toBe(1);
    await writer.writeMarkers(VIEW.id, 1_700_000_000_000_000);
    expect(await writer.readMarkers(VIEW.id)).toEqual({ watermarksUs: [1_700_000_000_000_000] });
    expect(await writer.evictions!.counts()).toHaveLength(1);
    expect(await writer.evictions!.listpackWarning(VIEW.id, 1_000)).toContain('listpack');
  } finally {
    await writer.close();
  }
  const reader = await readerOf(as('sidecar'));
  await isRead(reader);
  expect(await read(reader)).toContain('least');
  expect(await reader.loadSchema(1)).toMatchObject({ definitionId: 1 });
});

test('a key that is no hash is named with what to do, and harms no other read', async () => {
  const redis = await redisWith();
  const client = new Redis(redis.port, '127.0.0.1');
  ends.push(() => client.disconnect());
  const reader = await readerOf(redis.url);
  const told = (key: string): string =>
    `the key ${key} holds something else than the hash that plumb keeps there: delete it (redis-cli DEL KEY), then ` +
    'run `plumb materialize --full`';
  const ids = (list: unknown): string[] => String(list).match(/(?<=^id=)\d+/gm)!;
  let lanes: string[] = [];
  await until(async () => {
    const isReadNow = (await read(reader)) === 'a';
    lanes = ids(await client.client('LIST'));
    // The test's, the reader's, and its lane.
    return isReadNow && lanes.length === 3;
  }, 'it is read, and the lane is open');
  await client.set(KEY, 'x');
  for (let i = 0; i < 3; i++) expect(await read(reader)).toBe(told(KEY));
  expect(reader.state().isConnected).toBe(true);
  // The lane that other reads go down stays open.
  expect(ids(await client.client('LIST'))).toEqual(lanes);
  await client.del(KEY);
  await client.hset(KEY, VIEW.field, 'b');
  expect(await read(reader)).toBe('b');
  await client.set('fstore:~schemas', 'x');
  await expect(reader.loadSchema(1)).rejects.toThrow(told('fstore:~schemas'));
  await client.set(markerKey(''), 'x');
  await until(async () => (await read(reader)) === told(markerKey('')), 'the marker hash is told of');
});

test('a password that nobody asked for does no harm', async () => {
  const redis = await redisWith();
  const online = { url: `redis://:needless@127.0.0.1:${redis.port}` };
  expect(await thereAndBack(online, 'open')).toBe('open');
});

describe('a node that hangs, its connections open', () => {
  const looksConnected = (reader: StoreReader, is: boolean): Promise<void> =>
    until(() => reader.state().isConnected === is, is ? 'it answers again' : 'the silence is noticed');

  test('is not connected, also while nobody reads', async () => {
    const redis = await redisWith();
    const reader = await readerOf(redis.url);
    await looksConnected(reader, true);
    await redis.kill('SIGSTOP');
    await looksConnected(reader, false);
    await redis.kill('SIGCONT');
    await looksConnected(reader, true);
    await until(async () => (await read(reader)) === 'a', 'it is read');
  });

  test('is not connected as soon as a read gets no answer', async () => {
    const redis = await redisWith();
    const reader = await readerOf(redis.url);
    await until(async () => (await read(reader)) === 'a', 'it is read');
    await redis.kill('SIGSTOP');
    expect(await read(reader)).toMatch(/silent|timed out/);
    expect(reader.state().isConnected).toBe(false);
    await redis.kill('SIGCONT');
    await looksConnected(reader, true);
  });

  test('is one of a cluster', { timeout: REDIS_START_LIMIT_MS }, async () => {
    const cluster = await startRedisCluster();
    ends.push(() => cluster.stop());
    const reader = await readerOf(cluster.url);
    await read(reader);
    await looksConnected(reader, true);
    const node = cluster.nodes.find(({ port }) => reader.nodeOf(KEY).endsWith(`:${port}`));
    await node!.kill('SIGSTOP');
    expect(await read(reader)).toMatch(/silent|timed out/);
    expect(reader.state().isConnected).toBe(false);
    await node!.kill('SIGCONT');
    await looksConnected(reader, true);
  });

  test('and one that refuses a command answers', async () => {
    const redis = await redisWith();
    const reader = await readerOf(redis.url);
    const client = new Redis(redis.port, '127.0.0.1');
    ends.push(() => client.disconnect());
    await client.call('ACL', 'SETUSER', 'default', '-hmget', '-ping');
    await until(async () => (await read(reader))?.includes('NOPERM') === true, 'it is refused');
    await looksConnected(reader, true);
  });
});
