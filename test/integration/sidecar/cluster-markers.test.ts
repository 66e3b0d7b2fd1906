/** Slots are split between nodes where they like; a marker's group of 128 slots may lie on two nodes. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openReader } from '../../../sidecar/store/open-reader.ts';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  fieldOf,
  SLOTS_PER_MARKER,
} from '../../../contract/wire/online/online-layout.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster?.stop());

/** The first slot of the second primary, as the cluster says. */
async function firstSlotOfSecond(): Promise<number> {
  const client = new Redis(cluster.nodes[1]!.port, '127.0.0.1');
  const myId = (await client.cluster('MYID')) as string;
  const slots = (await client.cluster('SLOTS')) as unknown as [number, number, [string, number, string]][];
  client.disconnect();
  return slots.find(([, , primary]) => primary[2] === myId)![0];
}

function keyInSlots(from: number, to: number): string {
  for (let n = 0; ; n++) {
    const key = `fstore:customer:${n}`;
    const slot = clusterSlot(key);
    if (slot >= from && slot <= to) return key;
  }
}

test('an absent row of a node that came back empty is not vouched for by a marker on its neighbour', async () => {
  const boundary = await firstSlotOfSecond();
  const group = Math.floor(boundary / SLOTS_PER_MARKER);
  expect(boundary % SLOTS_PER_MARKER, 'the boundary should lie inside a group').not.toBe(0);
  const markerSlot = clusterSlot(clusterMarkerKey('', boundary));
  // Two keys of the straddling group, one on each node; one of them lies where the marker does not.
  const keys = [
    keyInSlots(group * SLOTS_PER_MARKER, boundary - 1),
    keyInSlots(boundary, (group + 1) * SLOTS_PER_MARKER - 1),
  ];
  const emptied = markerSlot < boundary ? 1 : 0;
  const view = { id: 'spend', field: fieldOf('spend'), fieldNumber: fieldOf('spend').readUInt32BE(0) };
  const online = { kind: 'redis-cluster', url: cluster.url, keyPrefix: '' } as const;
  const reader = await openReader(online, systemClock(), silentLogger);
  const clients = cluster.nodes.slice(0, 3).map((node) => new Redis(node.port, '127.0.0.1'));
  try {
    for (let slot = 0; slot < CLUSTER_SLOTS; slot += SLOTS_PER_MARKER) {
      const marker = clusterMarkerKey('', slot);
      for (const client of clients) await client.hset(marker, 'spend', '1700000000000000').catch(() => {});
    }
    await reader.start(5_000);
    const watermarksOf = (key: string): Promise<readonly (number | null)[]> =>
      new Promise((resolve, reject) => {
        const onRows = (_: unknown, watermarks: readonly (number | null)[]): void => resolve(watermarks);
        reader.read(
          [{ key, views: [view], knownRow: () => null, onRows, onFailure: reject }],
          Date.now() * 1_000,
        );
      });
    for (const key of keys) expect(await watermarksOf(key)).toEqual([1_700_000_000_000_000]);
    await clients[emptied]!.flushall();
    expect(await watermarksOf(keys[emptied]!)).toEqual([null]);
  } finally {
    await reader.close();
    for (const client of clients) client.disconnect();
  }
});
