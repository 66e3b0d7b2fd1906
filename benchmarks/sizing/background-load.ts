/**
 * What N sidecars ask of a Redis Cluster beside rows: connections, and commands a second while nobody asks them, and
 * while each answers one request a second for rows that it has.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { feastRequest } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { sidecarContender, startServer } from '../harness/contender.ts';
import type { MeasuredServer } from '../harness/contender.ts';
import { makeBenchProject } from '../harness/project.ts';
import { startRedisCluster } from '../harness/redis/redis-cluster-process.ts';
import type { RedisClusterProcess } from '../harness/redis/redis-cluster-process.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const SIDECARS = [1, 4] as const;
const VIEWS = [10, 10, 10, 10, 10];
/** So long that what is asked every 30 s counts once. */
const WATCHED_S = 30;
const SETTLING_S = 5;
const CUSTOMERS = 20;
/** Rows stay cached, so that what is counted is not for rows. */
const SETTINGS = ['serve.cacheFreshMs=3600000', 'serve.staleLimitMs=3600000', 'serve.deadlineMs=1000'];

type Load = Awaited<ReturnType<RedisClusterProcess['load']>>;

export async function backgroundLoad(context: BenchContext): Promise<Target[]> {
  print(`\nA Redis Cluster of three primaries, ${VIEWS.length} views: all its nodes, over ${WATCHED_S} s`);
  const folder = join(context.folder, 'background');
  mkdirSync(folder);
  const cluster = await startRedisCluster(folder);
  const project = await makeBenchProject({ views: VIEWS, customers: CUSTOMERS, online: cluster.url });
  const servers: MeasuredServer[] = [];
  try {
    const none = await cluster.load(WATCHED_S);
    print(
      `  without a sidecar: ${none.connections} connections, ${none.commands.toFixed(1)} commands a second`,
    );
    for (const wanted of SIDECARS) {
      while (servers.length < wanted) {
        const spool = `log.spool=.plumb/spool-${servers.length}`;
        servers.push(
          await startServer(sidecarContender('sidecar', project, { settings: [...SETTINGS, spool] })),
        );
      }
      await sleepS(SETTLING_S);
      const idle = await cluster.load(WATCHED_S);
      const asking = setInterval(() => void askAll(servers), 1_000);
      await sleepS(SETTLING_S);
      const asked = await cluster.load(WATCHED_S);
      clearInterval(asking);
      const more = (of: Load): string =>
        `${of.connections - none.connections} connections, ${(of.commands - none.commands).toFixed(1)} commands a second`;
      print(`  ${wanted} sidecars add: idle ${more(idle)}; asked ${more(asked)}`);
    }
    // Reported, without a bar.
    return [];
  } finally {
    for (const server of servers) await server.stop();
    await cluster.stop();
    rmSync(project, { recursive: true, force: true });
  }
}

async function askAll(servers: readonly MeasuredServer[]): Promise<void> {
  const { path, body } = feastRequest(Array.from({ length: CUSTOMERS }, (_, i) => i + 1));
  await Promise.all(
    servers.map(async ({ port }) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })).text(),
    ),
  );
}

function sleepS(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
