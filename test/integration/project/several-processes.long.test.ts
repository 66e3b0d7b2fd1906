/**
 * Two and four processes on one work, one of them killed on the way: what they leave together is what one process
 * leaves alone. The verdict's views are in resumed-run.test.ts.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { HEADER_BYTES } from '../../../contract/wire/online/row-header.ts';
import { snapshotFile } from '../../../monitor/verdict/snapshot-folder.ts';
import { DAY } from '../../support/day-time.ts';
import { groupedStreams } from '../../support/faults/grouped-streams.ts';
import { ingestedRequests } from '../../support/fixtures/ingested-requests.ts';
import { bundleOf, driverStats, makeProject, START_US } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { payloads, sendPayloads } from '../../support/kafka/epoch-payloads.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { makeTopic } from '../../support/kafka/kafka-topic.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { PLUMB, QUIET_NODE, plumb } from '../../support/processes/plumb-process.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { until } from '../../support/until.ts';

const COUNTS = [2, 4];
const LIMIT_MS = 600_000;
const random = seededRandom();

let kafka: RunKafka;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);

function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, ...args], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** @returns its exit code; null: a signal ended it */
async function endOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** Starts as many processes as there are parts, and kills the first once it has begun its work. */
async function shared(
  count: number,
  argsOf: (part: string) => string[],
  begun: () => Promise<boolean> | boolean,
) {
  const [killed, ...others] = Array.from({ length: count }, (_, i) => start(argsOf(`${i + 1}/${count}`)));
  await until(async () => (await begun()) || killed!.exitCode !== null, 'it has begun');
  // Anywhere in what it does.
  await sleep(random() * 300);
  killed!.kill('SIGKILL');
  await endOf(killed!);
  for (const other of others) expect(await endOf(other)).toBe(0);
  expect(await endOf(start(argsOf(`1/${count}`)))).toBe(0);
}

test.each(COUNTS)(
  '%i ingest one topic by its partitions',
  async (count) => {
    const topic = `several-ingest-${count}`;
    await makeTopic(kafka.brokers, topic, { partitions: 8 });
    for (let pod = 1; pod <= 16; pod++)
      await sendPayloads(
        kafka,
        topic,
        `pod-${pod}/${pod}`,
        payloads(`pod-${pod}`, BigInt(pod), 2_000, [500]),
      );
    const log = `log: { kafka: { brokers: ['${kafka.brokers[0]}'], topic: ${topic} } }\n`;
    const [alone, together] = [1, 2].map(() => scratchFolder({ 'plumbline.yaml': log })) as [string, string];
    const servedIn = (folder: string): string => join(folder, '.plumb/served');
    expect(await plumb(['-C', alone, 'monitor', 'ingest'])).toMatchObject({ code: 0 });
    const argsOf = (part: string): string[] => ['-C', together, 'monitor', 'ingest', '--share', part];
    await shared(count, argsOf, () => existsSync(join(servedIn(together), `lock-1of${count}.db`)));
    const requests = await ingestedRequests(servedIn(alone));
    expect(requests).toHaveLength(16 * 2_000);
    expect(await ingestedRequests(servedIn(together))).toEqual(requests);
  },
  LIMIT_MS,
);

test.each(COUNTS)(
  '%i share the partitions of a stream',
  async (count) => {
    const group = await groupedStreams(kafka.brokers, {
      topic: `several-stream-${count}`,
      partitions: 8,
      random,
    });
    await group.send(400);
    const streams = Array.from({ length: count }, (_, i) => group.start(`state-${i}`));
    await group.archived(1);
    await group.send(400);
    const [killed, ...others] = streams;
    await killed!.end('SIGKILL');
    await group.send(400);
    await group.archived(1);
    for (const other of others) expect(await other.end(), other.said()).toBe(0);
    await group.verify();
  },
  LIMIT_MS,
);

test.each(COUNTS)(
  '%i write one view to the online store by its parts',
  async (count) => {
    const redis = await startRedis();
    const client = new Redis(redis.url);
    onTestFinished(async () => {
      client.disconnect();
      await redis.stop();
    });
    const view = driverStats();
    const run = async (databaseNumber: number, work: (args: readonly string[]) => Promise<void>) => {
      const url = `${redis.url}/${databaseNumber}`;
      const project = await makeProject({ 'online.url': url });
      onTestFinished(() => project.remove());
      publishBundle(project.settings.bundles, bundleOf(view));
      await project.writeParquet(
        'drivers',
        `SELECT range AS driver_id, make_timestamp(${START_US}) AS event_timestamp, make_timestamp(${START_US}) AS created,
           range / 3 AS conv_rate, range::BIGINT AS trips, NULL::VARCHAR[] AS tags FROM range(60000)`,
      );
      await work([
        '-C',
        project.settings.folder,
        '--set',
        `online.url=${url}`,
        'materialize',
        '--to',
        '2026-06-01',
      ]);
      await client.select(databaseNumber);
      return await onlineRows(client);
    };
    const alone = await run(1, async (args) => void expect(await plumb(args)).toMatchObject({ code: 0 }));
    const together = await run(2, async (args) => {
      await client.select(2);
      const mark = async () => (await client.hget('fstore:~published', `driver_stats 1/${count}`)) !== null;
      await shared(count, (part) => [...args, '--shard', part], mark);
    });
    expect(together.size).toBe(60_000 + 1);
    expect(together).toEqual(alone);
  },
  LIMIT_MS,
);

/** @returns the rows of the store, without the times at which they were written, and how far it vouches for them */
async function onlineRows(client: Redis): Promise<Map<string, string | null>> {
  const rows = new Map<string, string | null>();
  const keys = (await client.keys('fstore:*')).filter((key) => !key.includes('~'));
  for (let from = 0; from < keys.length; from += 5_000) {
    const some = keys.slice(from, from + 5_000);
    const found = await Promise.all(some.map((key) => client.hgetallBuffer(key)));
    for (const [i, key] of some.entries())
      rows.set(
        key,
        Object.values(found[i]!)
          .map((row) => withoutWritten(row).toString('hex'))
          .join(' '),
      );
  }
  return rows.set('marker', await client.hget('fstore:~markers', 'driver_stats'));
}

/** Without the last six bytes of the header. */
function withoutWritten(row: Buffer): Buffer {
  return Buffer.concat([row.subarray(0, HEADER_BYTES - 6), row.subarray(HEADER_BYTES)]);
}

const HOURS = [6, 7, 8, 9];

test.each(COUNTS)(
  '%i judge the hours of one day',
  async (count) => {
    const day = await MonitoredDay.make();
    onTestFinished(() => day.remove());
    const customers = Array.from({ length: 40 }, (_, i) => i);
    for (const hour of ['05', '08'])
      await day.appendOrders(
        customers.map((i) => ({
          customer: `c-${i}`,
          event: `${hour}:00:00`,
          created: `${hour}:00:00`,
          run: `r-${hour}`,
          values: [BigInt(i), i / 4] as const,
        })),
      );
    for (const hour of HOURS)
      for (const i of customers) {
        const row = { event: '05:00:00', created: '05:00:00', values: [BigInt(i), i % 7 === 0 ? 0 : i / 4] };
        day.serve(`0${hour}:30:00`, `c-${i}`, { row, watermark: '05:00:00' });
      }
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    await day.setWatermark('23:00:00');
    await day.closeLog();
    const { folder, reports } = day.project.settings;
    const argsOf = (hour: number): string[] => [
      '-C',
      folder,
      'monitor',
      'run',
      '--date',
      DAY,
      '--hour',
      String(hour),
    ];
    const snapshots = () =>
      HOURS.map((hour) => {
        const text = readFileSync(snapshotFile(reports, 'churn', `${DAY}T0${hour}`), 'utf8');
        return { ...(JSON.parse(text) as object), judgedAt: null };
      });
    for (const hour of HOURS) expect([0, 1, 3]).toContain((await plumb(argsOf(hour))).code);
    const alone = snapshots();
    rmSync(reports, { recursive: true });
    const judge = async (first: number): Promise<void> => {
      for (let h = first; h < HOURS.length; h += count)
        expect([0, 1, 3]).toContain(await endOf(start(argsOf(HOURS[h]!))));
    };
    const others = Promise.all(Array.from({ length: count - 1 }, (_, i) => judge(i + 1)));
    const killed = start(argsOf(HOURS[0]!));
    await sleep(random() * 2_000);
    killed.kill('SIGKILL');
    await others;
    await judge(0);
    expect(snapshots()).toEqual(alone);
  },
  LIMIT_MS,
);
