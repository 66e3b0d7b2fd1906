/**
 * A node of a Redis Cluster is emptied, slow, resharded or killed, while a sidecar of its own process is under load.
 */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { CLUSTER_FAULTS } from '../../support/faults/cluster-faults.ts';
import { shortFaults } from '../../support/faults/fault.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';
import { REDIS_START_LIMIT_MS } from '../../support/redis/redis.ts';

const SECONDS = 2;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, REDIS_START_LIMIT_MS);
afterAll(() => cluster?.stop());

describe('in a Redis Cluster', () => {
  for (const { name, run } of shortFaults(CLUSTER_FAULTS)) {
    test(name, () => run(cluster, SECONDS).then(() => {}));
  }
});
