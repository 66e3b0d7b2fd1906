/** What befalls a Redis Cluster: a node is emptied, slow, loses slots to another; a primary dies. The last is final. */
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { benchKeyOf } from '../../../benchmarks/harness/project.ts';
import { clusterSlot } from '../../../contract/wire/online/online-layout.ts';
import type { Fault } from './fault.ts';
import { expectSteady } from './fault.ts';
import type { FaultReport } from './fault-report.ts';
import { FAULT_CUSTOMERS } from './fault-load.ts';
import { FaultRun } from './fault-run.ts';
import type { RedisCluster } from '../redis/redis-cluster.ts';
import { slowDown } from '../redis/slow-redis.ts';
import { migrateSlots } from '../redis/slot-migration.ts';
import { until } from '../until.ts';

const LAST_SLOT_OF_FIRST = 5_461;
const MIGRATED_SLOTS = 300;
const PRIMARIES = 3;
/** The share of the answers that may lack a value while one node of three is broken: the others answer. */
const OF_ONE_NODE = 0.6;

async function command(port: number, name: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(port, '127.0.0.1');
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

async function isEmptied(cluster: RedisCluster, seconds: number): Promise<FaultReport> {
  const run = await FaultRun.start({ online: cluster.url });
  await run.calm();
  run.breaks();
  await command(cluster.nodes[0]!.port, 'FLUSHALL');
  await run.answers(seconds);
  await run.refill();
  run.mended();
  const report = await run.end();
  expectSteady(report, 'some', OF_ONE_NODE);
  return report;
}

async function isSlow(cluster: RedisCluster, seconds: number): Promise<FaultReport> {
  const run = await FaultRun.start({ online: cluster.url });
  await run.calm();
  run.breaks();
  const speedUp = slowDown(cluster.nodes[0]!.port);
  await run.answers(seconds);
  await speedUp();
  run.mended();
  const report = await run.end();
  expectSteady(report, 'some', OF_ONE_NODE);
  return report;
}

async function losesSlots(cluster: RedisCluster, seconds: number): Promise<FaultReport> {
  const slots = Array.from({ length: MIGRATED_SLOTS }, (_, i) => LAST_SLOT_OF_FIRST - i);
  const all = Array.from({ length: FAULT_CUSTOMERS }, (_, i) => i + 1);
  const slotOf = (customer: number): number => clusterSlot(benchKeyOf(customer));
  const moving = all.filter((customer) => slots.includes(slotOf(customer)));
  const others = all.filter((customer) => !slots.includes(slotOf(customer)));
  // Every other cold read is of a row that moves, in the order in which slots do: before, meanwhile and afterwards.
  const cold = others.slice(0, 100).concat(moving.flatMap((customer, i) => [customer, others[100 + i]!]));
  const run = await FaultRun.start({ online: cluster.url, cold });
  await run.calm();
  run.breaks();
  const ports = cluster.nodes.slice(0, PRIMARIES).map(({ port }) => port);
  await migrateSlots(ports, { from: ports[0]!, to: ports[1]!, slots }, () =>
    run.answers(seconds / MIGRATED_SLOTS),
  );
  run.mended();
  const report = await run.end();
  expectSteady(report, 'none');
  const sentOn = /errorstat_ASK:count=(\d+)/.exec(
    String(await command(ports[0]!, 'INFO', 'errorstats')),
  )?.[1];
  expect(Number(sentOn), 'reads that met a slot on its way').toBeGreaterThan(5);
  return report;
}

/** Its replica takes over: 2 to 3 s, however long the fault should last. */
async function losesPrimary(cluster: RedisCluster): Promise<FaultReport> {
  const run = await FaultRun.start({ online: cluster.url });
  const [killed, replica] = [cluster.nodes[0]!, cluster.nodes[PRIMARIES]!];
  await command(killed.port, 'WAIT', '1', '5000');
  await run.calm();
  run.breaks();
  await killed.kill('SIGKILL');
  const others = cluster.nodes.slice(1);
  await until(async () => {
    const slots = await Promise.all(others.map(({ port }) => slotsUnder(port, killed.port)));
    return slots.every((count) => count === 0) && (await slotsUnder(replica.port, replica.port)) > 0;
  }, 'the replica has taken over, for every node');
  run.mended();
  const report = await run.end();
  expectSteady(report, 'some');
  return report;
}

/** @returns how many slots a node believes a primary to have */
async function slotsUnder(port: number, primary: number): Promise<number> {
  const ranges = (await command(port, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  const held = ranges.filter(([, , [, at]]) => at === primary);
  return held.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

export const CLUSTER_FAULTS: readonly Fault<RedisCluster>[] = [
  { name: 'a node is emptied', run: isEmptied, isLong: true },
  { name: 'a node answers slowly', run: isSlow, isLong: true },
  { name: 'slots move from node to node', run: losesSlots },
  { name: 'a primary is killed and its replica promoted', run: losesPrimary },
];
