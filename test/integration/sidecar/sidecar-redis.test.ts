/** The sidecar on a real Redis and a real Redis Cluster: reads, markers, outages, deadlines. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  fieldOf,
  markerKey,
  SLOTS_PER_MARKER,
} from '../../../contract/wire/online/online-layout.ts';
import { getVector } from '../../../sidecar/get.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import {
  NOON_US,
  ServingFixture,
  encodeRow,
  keyFor,
  manualClock,
  spend,
} from '../../support/fixtures/serving-fixture.ts';
import type { ManualClock } from '../../support/fixtures/serving-fixture.ts';
import { until } from '../../support/until.ts';

const VIEWS = ['profile', 'spend', 'product'];
/** Long: what a test that is not about deadlines waits for on a busy machine. */
const PATIENT = { 'x-deadline-ms': '5000' };

/** The test's cluster splits the slots evenly between three nodes, in order. */
const LAST_SLOT_OF_FIRST_NODE = 5_461;

type Statuses = Record<string, string>;

async function ask(served: RunningSidecar, ids: number[], headers: Record<string, string> = PATIENT) {
  const response = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ feature_service: 'twice', entities: { buyer_id: ids, seller_id: ids } }),
  });
  expect(response.status).toBe(200);
  const { results } = (await response.json()) as { results: { statuses: Statuses; features: object }[] };
  return results.map((r) => Object.assign(r.features, { status: r.statuses['buyer__total']! }));
}

async function metric(served: RunningSidecar, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

describe('the sidecar on Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let clock: ManualClock;
  let fixture: ServingFixture;
  let served: RunningSidecar;

  const put = (id: number, total: number): Promise<number> =>
    client.hset(keyFor(spend, BigInt(id)), fieldOf('spend'), encodeRow(spend, [total, 1n]));
  const mark = (): Promise<number> =>
    client.hset(
      markerKey(''),
      VIEWS.flatMap((id) => [id, String(NOON_US)]),
    );

  beforeAll(async () => {
    redis = await startRedis();
  }, REDIS_START_LIMIT_MS);
  afterAll(() => redis.stop());

  beforeEach(async () => {
    client = new Redis(redis.url);
    client.on('error', () => {});
    await client.flushall();
    await put(1, 12.5);
    await put(2, 99);
    await mark();
    clock = manualClock();
    fixture = new ServingFixture(clock, { online: redis.url });
    served = await runServe(fixture.project());
  });

  afterEach(async () => {
    await served.stop();
    client.disconnect();
    fixture.close();
  });

  test('reads rows, and says MISSING only under a marker', async () => {
    expect(await ask(served, [1, 404, 2])).toMatchObject([
      { buyer__total: 12.5, seller__total: 12.5, status: 'PRESENT' },
      { buyer__total: null, buyer__orders: 0, status: 'MISSING' },
      { buyer__total: 99, status: 'PRESENT' },
    ]);
  });

  test('makes one read of a hundred requests for one entity', async () => {
    await client.config('RESETSTAT');
    await Promise.all(Array.from({ length: 100 }, () => ask(served, [1])));
    const stats = await client.info('commandstats');
    // One; on a busy machine a read may be older than 50 ms, and whoever asks then reads once more.
    expect(Number(/cmdstat_hmget:calls=(\d+)/.exec(stats)?.[1])).toBeLessThan(10);
  });

  test('an emptied store makes nobody new, though its marker was read a moment ago', async () => {
    expect(await ask(served, [404])).toMatchObject([{ status: 'MISSING' }]);
    await client.flushall();
    expect(await ask(served, [405])).toMatchObject([{ status: 'UNAVAILABLE' }]);
    expect(await ask(served, [1])).toMatchObject([{ status: 'UNAVAILABLE' }]);
    await mark();
    expect(await ask(served, [405])).toMatchObject([{ status: 'MISSING' }]);
  });

  test('serves stale rows while the store is down, up to the limit, and fresh ones when it is back', async () => {
    await ask(served, [1]);
    await redis.kill('SIGKILL');
    clock.us += 10_000_000;
    expect(await ask(served, [1, 2])).toMatchObject([
      { buyer__total: 12.5, status: 'PRESENT' },
      { buyer__total: null, status: 'UNAVAILABLE' },
    ]);
    expect(await metric(served, 'plumbline_stale_rows_total')).toBe(2);
    clock.us += 51_000_000;
    expect(await ask(served, [1])).toMatchObject([{ status: 'UNAVAILABLE' }]);
    expect((await fetch(`http://127.0.0.1:${served.adminPort}/readyz`)).status).toBe(200);
    redis = await startRedis({ port: redis.port });
    await until(
      async () =>
        client.ping().then(
          () => true,
          () => false,
        ),
      'the test is connected again',
    );
    await put(1, 13);
    await mark();
    await until(
      async () => (await ask(served, [1]))[0]!.status === 'PRESENT',
      'the sidecar is connected again',
    );
    expect(await ask(served, [1])).toMatchObject([{ buyer__total: 13 }]);
  });

  test('answers at the deadline with what is there; the late read fills the cache', async () => {
    await ask(served, [1]);
    await redis.kill('SIGSTOP');
    let patientHasAnswer = false;
    const patient = ask(served, [3]).finally(() => (patientHasAnswer = true));
    const answer = await ask(served, [1, 2], { 'x-deadline-ms': '30' });
    expect(patientHasAnswer).toBe(false);
    expect(answer).toMatchObject([
      { buyer__total: 12.5, status: 'PRESENT' },
      { buyer__total: null, status: 'UNAVAILABLE' },
    ]);
    const reads = await metric(served, 'plumbline_store_reads_total');
    await redis.kill('SIGCONT');
    await patient;
    const soon = { 'x-deadline-ms': '0.001' };
    await until(
      async () => (await ask(served, [2], soon))[0]!.status === 'PRESENT',
      'the late row is cached',
    );
    expect(await metric(served, 'plumbline_store_reads_total')).toBeGreaterThanOrEqual(reads);
  });

  test('reads ahead of time, so that a busy entity never waits again', async () => {
    await ask(served, [1]);
    await put(1, 20);
    clock.us += 4_200_000;
    await until(async () => {
      const [row] = await ask(served, [1], { 'x-deadline-ms': '5000' });
      return (row as { buyer__total?: number }).buyer__total === 20;
    }, 'the refreshed value');
  });

  test('plumb get reads the same, and says when the store is down', async () => {
    const keys = { buyer_id: '1', seller_id: '404' };
    const vector = await getVector(fixture.project(), { service: 'twice', keys });
    expect(vector.features.map((f) => [f.name, f.valueText, f.status])).toEqual([
      ['buyer__total', '12.5', 'PRESENT'],
      ['buyer__orders', '1', 'PRESENT'],
      ['seller__total', 'null', 'MISSING'],
      ['seller__orders', '0', 'MISSING'],
    ]);
    const down = fixture.project({ online: 'redis://127.0.0.1:1' });
    await expect(getVector(down, { service: 'twice', keys })).rejects.toMatchObject({ code: 'SRV_STORE' });
  });

  test('plumb get waits for a store that is slow, longer than any request does', async () => {
    await client.call('CLIENT', 'PAUSE', '2000', 'ALL');
    const vector = await getVector(fixture.project(), {
      service: 'twice',
      keys: { buyer_id: '1', seller_id: '2' },
    });
    expect(vector.features.map((f) => f.valueText)).toEqual(['12.5', '1', '99', '1']);
  });

  test('plumb get says when a store that takes connections gives no answer', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    try {
      const keys = { buyer_id: '1', seller_id: '2' };
      const hangs = fixture.project({ online: `redis://127.0.0.1:${port}` });
      await expect(getVector(hangs, { service: 'twice', keys })).rejects.toMatchObject({
        code: 'SRV_STORE',
        message: expect.stringContaining('no answer within 5 s') as string,
      });
    } finally {
      silent.close();
    }
  });
});

const onFirst = (key: string): boolean => clusterSlot(key) <= LAST_SLOT_OF_FIRST_NODE;

/** An absent row needs its own node, its marker's, and those of the markers beside it. */
function ofFirst(id: number): boolean {
  const key = keyFor(spend, BigInt(id));
  const slot = clusterSlot(key);
  const markers = [slot - SLOTS_PER_MARKER, slot, slot + SLOTS_PER_MARKER]
    .filter((near) => near >= 0 && near < CLUSTER_SLOTS)
    .map((near) => clusterMarkerKey('', near));
  return [key, ...markers].some(onFirst);
}

describe('the sidecar on a Redis Cluster', () => {
  /** A node that hangs takes its own rows from the answer, no others; its replica gives them back. */
  const withoutFirstNode = async (served: RunningSidecar, ids: number[]): Promise<void> => {
    // Ids that are not cached: of these the markers stand, and no rows.
    const fresh = ids.map((id) => id + 1_000);
    await nodes.nodes[0]!.kill('SIGSTOP');
    // Commands to the node that hangs fail by their own limit, well before this deadline.
    const rows = await ask(served, fresh);
    for (const [i, id] of fresh.entries()) if (ofFirst(id)) expect(rows[i]!.status).toBe('UNAVAILABLE');
    await until(async () => {
      const again = await ask(served, fresh, { 'x-deadline-ms': '300' });
      return again.every(({ status }, i) => ofFirst(fresh[i]!) || status === 'MISSING');
    }, 'the other nodes answer in time');
    await until(async () => {
      const again = await ask(served, fresh, { 'x-deadline-ms': '300' });
      return again.every((r) => r.status === 'MISSING');
    }, 'the replica has taken over');
    await nodes.nodes[0]!.kill('SIGCONT');
  };

  let nodes: RedisCluster;

  beforeAll(async () => {
    nodes = await startRedisCluster();
  }, REDIS_START_LIMIT_MS);
  afterAll(() => nodes.stop());

  test('reads rows of all nodes in one request, each under the marker of its slots', async () => {
    const [first] = nodes.url.replace('redis+cluster://', '').split(',');
    const client = new Cluster([`redis://${first}`]);
    const ids = Array.from({ length: 300 }, (_, i) => i + 1);
    for (const id of ids) {
      const key = keyFor(spend, BigInt(id));
      await client.hset(key, fieldOf('spend'), encodeRow(spend, [id, 1n]));
    }
    // Every marker stands; past id 1000 there are no rows.
    for (let slot = 0; slot < CLUSTER_SLOTS; slot += SLOTS_PER_MARKER) {
      await client.hset(clusterMarkerKey('', slot), 'spend', String(NOON_US));
    }
    const fixture = new ServingFixture(manualClock(), { online: nodes.url });
    const served = await runServe(fixture.project());
    try {
      await until(async () => (await ask(served, [1]))[0]!.status === 'PRESENT', 'the cluster is connected');
      let rows: Awaited<ReturnType<typeof ask>> = [];
      // On a busy machine a node's answer may come after a command's own limit.
      await until(async () => {
        rows = await ask(served, [...ids, 1_001]);
        return rows.every(({ status }) => status !== 'UNAVAILABLE');
      }, 'all nodes answer in time');
      expect(rows.map((r) => r.status)).toEqual([...ids.map(() => 'PRESENT'), 'MISSING']);
      expect(rows.slice(0, 300).map((r) => (r as { buyer__total?: number }).buyer__total)).toEqual(ids);
      const unvouched = clusterMarkerKey('', clusterSlot(keyFor(spend, 5_002n)));
      await client.del(unvouched);
      expect((await ask(served, [5_002]))[0]!.status).toBe('UNAVAILABLE');
      await client.hset(unvouched, 'spend', String(NOON_US));
      await withoutFirstNode(served, ids);
    } finally {
      await served.stop();
      client.disconnect();
      fixture.close();
    }
  });
});
