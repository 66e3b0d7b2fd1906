/** What befalls the online store: a primary dies or hangs and its replica takes over, or all of it hangs. */
import { Redis } from 'ioredis';
import { clusterNodes } from '../../support/redis/redis-cluster.ts';
import type { ClusterNode, RedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';
import { lackedRows } from '../seen.ts';
import { oneOf, sleepS } from './fault.ts';
import type { SoakFault } from './fault.ts';

const SLOTS = 16_384;

async function asking<T>(port: number, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 3 });
  // What went wrong shows in the answer.
  client.on('error', () => {});
  try {
    return await ask(client);
  } finally {
    client.disconnect();
  }
}

function isPrimary({ flags, slots }: ClusterNode): boolean {
  return flags.includes('master') && slots.length > 0;
}

/** A primary whose rows a replica has, so that no acknowledged write goes with it. */
async function somePrimary({ nodes }: RedisCluster, random: () => number): Promise<RedisServer> {
  const known = await asking(nodes[0]!.port, clusterNodes);
  const { port } = oneOf(known.filter(isPrimary), random);
  await asking(port, (client) => client.call('WAIT', '1', '5000'));
  return nodes.find((node) => node.port === port)!;
}

/** Waits until every node sees all slots served and each replica is in step. */
async function untilSettled({ nodes }: RedisCluster): Promise<void> {
  const isSettled = ({ port }: RedisServer): Promise<boolean> =>
    asking(port, async (client) => {
      const info = (await client.cluster('INFO')) as string;
      const replication = await client.info('replication');
      const isInStep = replication.includes('role:master') || replication.includes('master_link_status:up');
      return info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`) && isInStep;
    }).catch(() => false);
  await until(
    async () => (await Promise.all(nodes.map(isSettled))).every(Boolean),
    'the Redis Cluster is whole again',
    250,
  );
}

/** Of a primary that is gone, its replica answers. */
async function untilTakenOver({ nodes }: RedisCluster, gone: RedisServer): Promise<void> {
  const others = nodes.filter((node) => node !== gone);
  await until(
    async () => {
      const seen = await Promise.all(others.map(({ port }) => asking(port, clusterNodes)));
      return seen.every((known) => !known.some((node) => node.port === gone.port && isPrimary(node)));
    },
    'a replica has taken over',
    100,
  );
}

const SHOWS: SoakFault['shows'] = (seen, happened) => {
  const { unavailable, stale } = lackedRows(seen, happened);
  if (unavailable + stale === 0) return null;
  return `${unavailable} rows unavailable, ${stale} older ones stood in`;
};

export const REDIS_FAULTS: readonly SoakFault[] = [
  {
    name: 'a Redis primary is killed',
    kind: 'infrastructure',
    seconds: 6,
    shows: SHOWS,
    async run({ redis }, seconds, random) {
      const primary = await somePrimary(redis, random);
      await primary.kill('SIGKILL');
      await untilTakenOver(redis, primary);
      await sleepS(seconds);
      await redis.rejoin(primary.port);
      await untilSettled(redis);
      return { what: `port ${primary.port}; its replica took over, an empty node came back` };
    },
  },
  {
    name: 'a Redis primary hangs',
    kind: 'infrastructure',
    seconds: 6,
    shows: SHOWS,
    async run({ redis }, seconds, random) {
      const primary = await somePrimary(redis, random);
      await primary.kill('SIGSTOP');
      await sleepS(seconds);
      await primary.kill('SIGCONT');
      await untilSettled(redis);
      return { what: `port ${primary.port} for ${seconds} s` };
    },
  },
  {
    name: 'all of Redis hangs',
    kind: 'infrastructure',
    seconds: 5,
    shows: SHOWS,
    async run({ redis }, seconds) {
      await Promise.all(redis.nodes.map((node) => node.kill('SIGSTOP')));
      await sleepS(seconds);
      await Promise.all(redis.nodes.map((node) => node.kill('SIGCONT')));
      await untilSettled(redis);
      return { what: `six nodes for ${seconds} s` };
    },
  },
];
