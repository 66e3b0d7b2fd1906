/** Every fault of the sidecar's short tests for longer, with its figures on stderr: run by `npm run test:long`. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { CLIENT_FAULTS } from '../../support/faults/client-faults.ts';
import { CLUSTER_FAULTS } from '../../support/faults/cluster-faults.ts';
import { FULL_DISK_FAULTS, STALL, mountSmallVolume } from '../../support/faults/disk-faults.ts';
import { overloadSidecar } from '../../support/faults/overload-fault.ts';
import { REDIS_FAULTS } from '../../support/redis/redis-faults.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';
import { REDIS_START_LIMIT_MS } from '../../support/redis/redis.ts';

const SECONDS = 12;
const timeout = REDIS_START_LIMIT_MS;

describe('Redis', () => {
  for (const { name, run } of REDIS_FAULTS) test(name, { timeout }, () => run(null, SECONDS).then(() => {}));
});

describe('in a Redis Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, REDIS_START_LIMIT_MS);
  afterAll(() => cluster?.stop());

  for (const { name, run } of CLUSTER_FAULTS) {
    test(name, { timeout }, () => run(cluster, SECONDS).then(() => {}));
  }
});

describe("the log's disk", () => {
  const volume = mountSmallVolume();
  afterAll(() => volume?.unmount());

  test(STALL.name, { timeout }, () => STALL.run(null, SECONDS).then(() => {}));
  for (const { name, run } of FULL_DISK_FAULTS) {
    test.skipIf(volume === null)(name, { timeout }, () => run(volume!.folder, SECONDS).then(() => {}));
  }
});

describe.each(['uws', 'node'])('clients (%s)', (transport) => {
  for (const { name, run } of CLIENT_FAULTS) {
    test(name, { timeout }, () => run(transport, SECONDS).then(() => {}));
  }
});

test.each(['uws', 'node'])('under overload (%s)', { timeout }, (transport) =>
  overloadSidecar(transport, { capacityS: 3, overloadS: 6, afterS: 3, sockets: 4_000 }),
);
