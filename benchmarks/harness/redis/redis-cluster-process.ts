/** A Redis Cluster of the benchmark's own: three primaries, a replica each, and the reads that each primary answers. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startRedis } from './redis-process.ts';
import type { RedisProcess } from './redis-process.ts';

const NODES = 6;
const FORM_LIMIT_MS = 30_000;
const POLL_MS = 100;
const ARGS = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000'];

const run = promisify(execFile);

export interface RedisClusterProcess {
  readonly url: string;
  /** Counts reads from now on. */
  resetReads(): Promise<void>;
  /** Reads of rows (HMGET) by primary. */
  reads(): Promise<number[]>;
  /** Of all nodes together: connections of clients, and commands a second, counted for so long. */
  load(seconds: number): Promise<{ readonly connections: number; readonly commands: number }>;
  stop(): Promise<void>;
}

/** @throws Error when there is no redis-server or no redis-cli on the path, or the nodes do not form a cluster */
export async function startRedisCluster(folder: string): Promise<RedisClusterProcess> {
  const nodes: RedisProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let i = 0; i < NODES; i++) {
      const own = join(folder, `node-${i}`);
      mkdirSync(own);
      nodes.push(await startRedis(own, ARGS));
    }
    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`);
    await run('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-replicas', '1', '--cluster-yes']);
    await formed(nodes);
    const primaries = await primariesOf(nodes);
    return {
      url: `redis+cluster://${hosts.join(',')}`,
      stop,
      async resetReads() {
        for (const port of primaries) await ask(port, 'CONFIG', 'RESETSTAT');
      },
      async reads() {
        const stats = await Promise.all(primaries.map((port) => ask(port, 'INFO', 'commandstats')));
        return stats.map((text) => Number(/cmdstat_hmget:calls=(\d+)/.exec(text)?.[1] ?? 0));
      },
      async load(seconds) {
        const before = await processed(nodes);
        await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
        const after = await processed(nodes);
        const clients = await Promise.all(nodes.map(({ port }) => ask(port, 'INFO', 'clients')));
        const connections = sumOf(clients, /^connected_clients:(\d+)/m);
        return { connections, commands: (after - before) / seconds };
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function formed(nodes: readonly RedisProcess[]): Promise<void> {
  const limitMs = performance.now() + FORM_LIMIT_MS;
  while (performance.now() < limitMs) {
    const states = await Promise.all(nodes.map(({ port }) => ask(port, 'CLUSTER', 'INFO')));
    const known = `cluster_known_nodes:${NODES}`;
    if (states.every((state) => state.includes('cluster_state:ok') && state.includes(known))) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error('the nodes of the Redis Cluster did not come together in time');
}

async function primariesOf(nodes: readonly RedisProcess[]): Promise<number[]> {
  const roles = await Promise.all(nodes.map(({ port }) => ask(port, 'ROLE')));
  return nodes.flatMap(({ port }, i) => (roles[i]!.startsWith('master') ? [port] : []));
}

async function processed(nodes: readonly RedisProcess[]): Promise<number> {
  return sumOf(
    await Promise.all(nodes.map(({ port }) => ask(port, 'INFO', 'stats'))),
    /^total_commands_processed:(\d+)/m,
  );
}

function sumOf(texts: readonly string[], pattern: RegExp): number {
  return texts.reduce((sum, text) => sum + Number(pattern.exec(text)![1]), 0);
}

async function ask(port: number, ...command: string[]): Promise<string> {
  return (await run('redis-cli', ['-p', String(port), ...command])).stdout;
}
