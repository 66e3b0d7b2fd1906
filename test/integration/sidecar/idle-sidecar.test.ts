/** What a sidecar asks of its cluster while nobody asks it anything, counted by the nodes themselves. */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { openReader } from '../../../sidecar/store/open-reader.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import { REDIS_START_LIMIT_MS } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';

/** By the nodes' own clock; two rounds of renewed markers lie in it. */
const WINDOW_S = 10;
const POLL_MS = 200;
/** Ours, and what nodes of a cluster say to each other. */
const NOT_OURS = /^(info|ping|replconf|psync|config\|resetstat|publish)$/;

test(
  'an idle sidecar sends a cluster of three primaries less than 2 commands a second',
  { timeout: REDIS_START_LIMIT_MS },
  async () => {
    const cluster = await startRedisCluster();
    const online = { kind: 'redis-cluster', url: cluster.url, keyPrefix: '' } as const;
    const reader = await openReader(online, systemClock(), silentLogger);
    const clients = cluster.nodes.map(({ port }) => new Redis(port, '127.0.0.1'));
    const infoOf = async (section: string): Promise<string[]> =>
      Promise.all(clients.map((client) => client.info(section)));
    const uptimeS = async (): Promise<number> =>
      Number(/uptime_in_seconds:(\d+)/.exec((await infoOf('server'))[0]!)![1]);
    try {
      await reader.start(5_000);
      await until(() => reader.state().kind === 'read', 'the cluster was read');
      for (const client of clients) await client.config('RESETSTAT');
      const fromS = await uptimeS();
      await until(async () => (await uptimeS()) - fromS >= WINDOW_S, 'the window has passed', POLL_MS);
      const lastedS = (await uptimeS()) - fromS;
      let commands = 0;
      for (const stats of await infoOf('commandstats'))
        for (const [, name, calls] of stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g))
          if (!NOT_OURS.test(name!)) commands += Number(calls);
      expect(commands / lastedS).toBeLessThan(2);
      expect(reader.state().isConnected).toBe(true);
    } finally {
      await reader.close();
      for (const client of clients) client.disconnect();
      await cluster.stop();
    }
  },
);
