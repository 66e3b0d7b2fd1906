/**
 * A real Redis Cluster for a test: three primaries and three replicas, one process each.
 *
 *   const cluster = await startRedisCluster();
 *   cluster.url        redis+cluster://127.0.0.1:p1,127.0.0.1:p2,...
 *   cluster.nodes      [0..2] started as primaries of a third of the slots each, [3..5] as replica of nodes[i - 3];
 *                      each is a RedisServer of `redis.ts`: port, pid, kill(signal)
 *   cluster.rejoin(port)  starts a node anew on the port of one that was killed, as a replica of who took over
 *   cluster.stop()
 *
 * Resolves when every node says cluster_state:ok, knows all slots, and every replica is in step with its primary.
 * Give the hook that calls it REDIS_START_LIMIT_MS. A failover after SIGKILL takes 2 to 3 s here.
 */
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from './redis.ts';
import type { RedisServer } from './redis.ts';

const PRIMARIES = 3;
const SLOTS = 16_384;
const FORM_LIMIT_MS = 60_000;
const CLUSTER_ARGS =
  '--cluster-enabled yes --cluster-node-timeout 1000 --cluster-require-full-coverage no ' +
  '--repl-diskless-sync-delay 0 --repl-ping-replica-period 1';

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly url: string;
  /** Resolves when the new node is in step and no node remembers the old one. */
  rejoin(port: number): Promise<void>;
  stop(): Promise<void>;
}

/** @param options.args  more arguments of every server */
export async function startRedisCluster(
  options: { readonly args?: readonly string[] } = {},
): Promise<RedisCluster> {
  const args = [...CLUSTER_ARGS.split(' '), ...(options.args ?? [])];
  const nodes = await Promise.all(Array.from({ length: 2 * PRIMARIES }, () => startRedis({ args })));
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const clients = nodes.map((node) => new Redis(node.port, '127.0.0.1'));
  try {
    await form(nodes, clients);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    for (const client of clients) client.disconnect();
  }
  const url = `redis+cluster://${nodes.map((node) => `127.0.0.1:${node.port}`).join(',')}`;
  const rejoin = async (port: number): Promise<void> => {
    const place = nodes.findIndex((node) => node.port === port);
    nodes[place] = await startRedis({ port, args });
    await join(nodes, place);
  };
  return { nodes, url, rejoin, stop };
}

/** Of `CLUSTER NODES`. */
export interface ClusterNode {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
  /** Of a replica, the id of its primary; else `-`. */
  readonly primary: string;
  readonly slots: readonly string[];
}

/** The cluster as one node sees it. */
export async function clusterNodes(client: Redis): Promise<ClusterNode[]> {
  const text = (await client.cluster('NODES')) as string;
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [id, address, flags, primary, , , , , ...slots] = line.split(' ');
      const port = Number(/:(\d+)@/.exec(address!)![1]);
      return { id: id!, port, flags: flags!.split(','), primary: primary!, slots };
    });
}

/** Makes an empty node a replica of the primary that has the fewest, and the others forget who was there before. */
async function join(nodes: readonly RedisServer[], place: number): Promise<void> {
  const clients = nodes.map((node) => new Redis(node.port, '127.0.0.1'));
  try {
    const own = clients[place]!;
    const id = (await own.cluster('MYID')) as string;
    const others = clients.filter((client) => client !== own);
    const known = await clusterNodes(others[0]!);
    const gone = known.filter(({ port, id: other }) => port === nodes[place]!.port && other !== id);
    for (const client of others)
      for (const old of gone) await client.cluster('FORGET', old.id).catch(() => {});
    const withSlots = known.filter(({ slots, port }) => slots.length > 0 && port !== nodes[place]!.port);
    const replicas = (of: string): number => known.filter(({ primary }) => primary === of).length;
    const primary = withSlots.toSorted((a, b) => replicas(a.id) - replicas(b.id))[0]!;
    await own.call('CLUSTER', 'MEET', '127.0.0.1', String(primary.port));
    await untilAll([own], 'meet the others', async (client) =>
      (await clusterNodes(client)).some(
        (node) => node.id === primary.id && !node.flags.includes('handshake'),
      ),
    );
    await own.call('CLUSTER', 'REPLICATE', primary.id);
    await untilAll([own], 'be in step', async (client) =>
      (await client.info('replication')).includes('master_link_status:up'),
    );
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function form(nodes: readonly RedisServer[], clients: readonly Redis[]): Promise<void> {
  const ids: string[] = [];
  for (const [i, client] of clients.entries()) {
    ids.push((await client.cluster('MYID')) as string);
    // Distinct epochs from the start: colliding ones would be settled slowly, by the nodes among themselves.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    if (i < PRIMARIES) await client.call('CLUSTER', 'ADDSLOTS', ...slotsOf(i));
  }
  for (const node of nodes.slice(1))
    await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
  await untilAll(clients, 'know all nodes', async (client) =>
    (await info(client)).includes(`cluster_known_nodes:${nodes.length}`),
  );
  for (let i = PRIMARIES; i < nodes.length; i++) {
    await clients[i]!.call('CLUSTER', 'REPLICATE', ids[i - PRIMARIES]!);
  }
  await untilAll(clients, 'agree on slots and replicas', async (client, i) => {
    const state = await info(client);
    if (!state.includes('cluster_state:ok') || !state.includes(`cluster_slots_ok:${SLOTS}`)) return false;
    const ranges = (await client.cluster('SLOTS')) as unknown[][];
    if (ranges.length !== PRIMARIES || ranges.some((range) => range.length !== 4)) return false;
    const replication = await client.info('replication');
    return replication.includes(i < PRIMARIES ? 'state=online' : 'master_link_status:up');
  });
}

async function info(client: Redis): Promise<string> {
  return (await client.cluster('INFO')) as string;
}

function slotsOf(primary: number): string[] {
  const from = Math.ceil((primary * SLOTS) / PRIMARIES);
  const to = Math.ceil(((primary + 1) * SLOTS) / PRIMARIES);
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

/** Asks every node again and again until each says yes. */
async function untilAll(
  clients: readonly Redis[],
  what: string,
  holds: (client: Redis, i: number) => Promise<boolean>,
): Promise<void> {
  for (const endMs = performance.now() + FORM_LIMIT_MS; ;) {
    const answers = await Promise.all(clients.map((client, i) => holds(client, i)));
    if (answers.every(Boolean)) return;
    if (performance.now() > endMs) throw new Error(`the Redis Cluster's nodes did not ${what} in time`);
    await sleep(50);
  }
}
