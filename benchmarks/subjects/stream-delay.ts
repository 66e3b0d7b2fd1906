/**
 * How long after an edge and `outOfOrder` a row can be read online: `plumb stream` on a topic of four partitions that
 * gets 20,000 clicks a second as time goes, hop 1 s, into Redis. Each second some users click who are asked for until
 * their row is there. Needs KAFKA_BROKERS (test/support/kafka/kafka-run.ts starts one for a command).
 *
 *   click at t -> edge E after t -> E + outOfOrder: from here on -> the row of E is read from Redis
 *
 * The first hops, in which the process warms up, do not count. Its CPU for an event is printed beside.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entity } from '../../contract/model.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import { redisAddress } from '../../project/connections/redis-address.ts';
import { connectWithin, redisClient } from '../../project/connections/redis-client.ts';
import type { Redis } from '../../project/connections/redis-client.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { measuredRun } from '../harness/measured-run.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { ClickProducer, clicksOf, makeClickTopic, writeClickProject } from '../harness/streamed-clicks.ts';

const PROGRAM = ['--disable-warning=ExperimentalWarning', join(ROOT, 'plumb.ts')];
const USUAL_EVENTS = 600_000;
const PER_SECOND = 20_000;
const USERS = 100_000;
const PARTITIONS = 4;
const HOP_MS = 1_000;
const OUT_OF_ORDER_MS = 5_000;
const WARM_HOPS = 8;
/** Users of a hop who are asked for; their numbers begin behind all others. */
const PROBES = 50;
const SEND_MS = 20;
/** At once at most: a broker takes a megabyte a partition. */
const SEND_MESSAGES = 8_000;
const LOOK_MS = 5;
const LIMIT_MS = 60_000;
const WANTED_MS = 1_000;
const TICKS = 100;
const FIELD = fieldOf('user_clicks');

const USER: Entity = {
  name: 'user',
  joinKeys: [{ name: 'user_id', type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
};

export async function streamDelay(context: BenchContext): Promise<Target[]> {
  const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter((name) => name !== '');
  if (brokers.length === 0) throw new Error('the delay of a stream needs KAFKA_BROKERS');
  const folder = mkdtempSync(join(context.folder, 'delay-'));
  const keyPrefix = basename(folder);
  const url = `redis://127.0.0.1:${context.redisPort}`;
  const topic = { brokers, topic: `clicks-${keyPrefix}`, partitions: PARTITIONS };
  writeClickProject(folder, { from: `topic: ${topic.topic}`, hop: `${HOP_MS / 1_000}s` }, [
    `online: { url: "${url}", keyPrefix: ${keyPrefix} }`,
    `stream: { kafka: { brokers: [${brokers.join(', ')}] } }`,
  ]);
  await makeClickTopic(topic);
  await measuredRun(process.execPath, [...PROGRAM, '-C', folder, 'apply']);
  print(`\nDelay of a stream: ${PER_SECOND} clicks a second of ${USERS} users, hop 1 s, into Redis`);
  const child = spawn(process.execPath, [...PROGRAM, '-C', folder, 'stream'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  const ended = once(child, 'exit');
  const redis = redisClient(redisAddress(url), {}, () => {});
  await connectWithin(redis, LIMIT_MS);
  const producer = await ClickProducer.connect(topic);
  try {
    const seconds = Math.ceil((context.events ?? USUAL_EVENTS) / PER_SECOND);
    const delays = await probe({ producer, redis, keyPrefix, seconds, pid: child.pid! });
    const sorted = delays.toSorted((a, b) => a - b);
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
    print(
      `  ${sorted.length} rows of ${seconds} hops: p50 ${at(0.5).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms, ` +
        `most ${at(1).toFixed(0)} ms past edge + outOfOrder`,
    );
    const what = 'stream, row readable past edge + outOfOrder: p99';
    return [{ what, reached: at(0.99), wanted: WANTED_MS, unit: 'ms', atMost: true }];
  } finally {
    await producer.close();
    redis.disconnect();
    child.kill('SIGTERM');
    await ended;
  }
}

interface Probing {
  readonly producer: ClickProducer;
  readonly redis: Redis;
  readonly keyPrefix: string;
  readonly seconds: number;
  readonly pid: number;
}

/** @returns of each row that was asked for how long after its edge and `outOfOrder` it was there, ms */
async function probe({ producer, redis, keyPrefix, seconds, pid }: Probing): Promise<number[]> {
  const startMs = Math.ceil(Date.now() / HOP_MS + 3) * HOP_MS;
  const untilUs = (startMs + seconds * 1_000) * 1_000;
  const clicks = clicksOf({ events: seconds * PER_SECOND, users: USERS, perSecond: PER_SECOND, untilUs });
  /** Due times of the rows that are waited for, by key. */
  const waiting = new Map<string, number>();
  const delays: number[] = [];
  let [sent, hop, cpuS] = [0, 0, 0];
  const sending = (async () => {
    await sleep(startMs - Date.now());
    while (sent < seconds * PER_SECOND) {
      const due = Math.floor(((Date.now() - startMs) * PER_SECOND) / 1_000);
      const goal = Math.min(seconds * PER_SECOND, due, sent + SEND_MESSAGES);
      for (; sent < goal; sent++) producer.add(clicks.next().value!);
      if (Date.now() >= startMs + (hop + 0.5) * HOP_MS) {
        if (hop === WARM_HOPS) cpuS = cpuSecondsOf(pid);
        const atMs = startMs + hop * HOP_MS + HOP_MS / 2;
        for (let i = 0; i < PROBES; i++) {
          const user = USERS + hop * PROBES + i;
          producer.add({ user, text: JSON.stringify({ user_id: user, page: '/probe', price: 1, at: atMs }) });
          const key = entityKeyOf(keyPrefix, USER, [BigInt(user)]);
          if (hop >= WARM_HOPS) waiting.set(key, startMs + (hop + 1) * HOP_MS + OUT_OF_ORDER_MS);
        }
        hop += 1;
      }
      await producer.flush();
      await sleep(SEND_MS);
    }
    cpuS = cpuSecondsOf(pid) - cpuS;
  })();
  const overMs = startMs + seconds * 1_000 + LIMIT_MS;
  // Nothing moves the watermark past the last hops, once no click comes.
  const lastDueMs = startMs + seconds * 1_000;
  while (Date.now() < overMs) {
    const nowMs = Date.now();
    const due = [...waiting].filter(([, dueMs]) => dueMs <= nowMs && dueMs < lastDueMs).map(([key]) => key);
    if (due.length === 0 && nowMs >= lastDueMs) break;
    // Commands of one tick leave together.
    const there = await Promise.all(due.map((key) => redis.hexists(key, FIELD)));
    for (const [i, isThere] of there.entries()) {
      if (isThere === 0) continue;
      delays.push(Date.now() - waiting.get(due[i]!)!);
      waiting.delete(due[i]!);
    }
    await sleep(LOOK_MS);
  }
  await sending;
  const events = (seconds - WARM_HOPS) * PER_SECOND;
  print(`  ${Math.round(events / cpuS)} events a second of the stream's CPU at this rate`);
  return delays;
}

/** Of a process with all its threads. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
