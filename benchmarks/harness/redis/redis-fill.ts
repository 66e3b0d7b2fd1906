/** Writes a benchmark's rows to Redis or a cluster, without the materializer's guard. */
import type { FeatureView } from '../../../contract/model.ts';
import { redisAddress } from '../../../project/connections/redis-address.ts';
import { clusterClient, redisClient } from '../../../project/connections/redis-client.ts';
import type { Cluster, Redis } from '../../../project/connections/redis-client.ts';
import type { OnlineSettings } from '../../../project/settings/settings.ts';
import {
  CLUSTER_SLOTS,
  SLOTS_PER_MARKER,
  clusterMarkerKey,
  fieldOf,
  markerKey,
} from '../../../contract/wire/online/online-layout.ts';

/** So many writes are under way at once; those of one tick leave in one pipeline a node. */
const CUSTOMERS_AT_ONCE = 500;

export interface BenchRows {
  readonly views: readonly FeatureView[];
  /** Their ids are 1 to this. */
  readonly customers: number;
  keyOf(customerId: number): string;
  /** The row of a view, by its place. */
  rowOf(customerId: number, view: number): Buffer;
}

/** Rows first, then the markers that vouch for them. */
export async function fillRedis(online: OnlineSettings, rows: BenchRows): Promise<void> {
  const { views, customers } = rows;
  const redis = clientOf(online);
  const fields = views.map(({ id }) => fieldOf(id));
  try {
    for (let from = 1; from <= customers; from += CUSTOMERS_AT_ONCE) {
      const writes: Promise<unknown>[] = [];
      const end = Math.min(customers + 1, from + CUSTOMERS_AT_ONCE);
      for (let c = from; c < end; c++) {
        writes.push(redis.hset(rows.keyOf(c), ...fields.flatMap((field, v) => [field, rows.rowOf(c, v)])));
      }
      await Promise.all(writes);
    }
    const watermark = String(Date.now() * 1_000);
    const marks = views.flatMap(({ id }) => [id, watermark]);
    await Promise.all(markerHashes(online).map((hash) => redis.hset(hash, ...marks)));
  } finally {
    redis.disconnect();
  }
}

function clientOf({ kind, url, access }: OnlineSettings): Redis | Cluster {
  const address = redisAddress(url, access);
  const options = { enableAutoPipelining: true };
  const told = (error: Error): void => console.error(error.message);
  return kind === 'redis-cluster'
    ? clusterClient(address, options, told)
    : redisClient(address, options, told);
}

function markerHashes({ kind, keyPrefix }: OnlineSettings): string[] {
  if (kind !== 'redis-cluster') return [markerKey(keyPrefix)];
  return Array.from({ length: CLUSTER_SLOTS / SLOTS_PER_MARKER }, (_, group) =>
    clusterMarkerKey(keyPrefix, group * SLOTS_PER_MARKER),
  );
}
