/**
 * Faults of several `plumb stream` processes on one topic, in an order that a seed draws: a process is killed, is
 * stopped for longer than its lease and wakes, goes in an orderly way, another one comes, Kafka starts anew. Messages
 * come all the time. In the end all that was made is held against a look at all messages.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { KafkaServer } from '../kafka/kafka.ts';
import { until } from '../until.ts';
import { groupedStreams } from './grouped-streams.ts';

const LEASE_MS = 6_000;
const FAULTS = ['kill', 'freeze', 'leave', 'join', 'restart'] as const;

interface FaultOptions {
  readonly topic: string;
  readonly faults: number;
  readonly random: () => number;
}

export async function faultGroupedStreams(
  kafka: KafkaServer,
  { topic, faults, random }: FaultOptions,
): Promise<void> {
  const group = await groupedStreams(kafka.brokers, { topic, partitions: 5, random });
  await group.send(100);
  const streams = [group.start('a'), group.start('b')];
  const names = ['c', 'a', 'b'];
  let started = 0;
  const start = (): void => void streams.push(group.start(names[started++ % names.length]!));
  const kinds = Array.from({ length: faults }, (_, i) => FAULTS[i % FAULTS.length]!);
  kinds.sort(() => random() - 0.5);
  for (const kind of kinds) {
    await group.send(100);
    // At any point of a step or a commit.
    await sleep(random() * 3_000);
    const victim = streams[Math.floor(random() * streams.length)]!;
    switch (kind) {
      case 'kill':
        await victim.end('SIGKILL');
        streams.splice(streams.indexOf(victim), 1);
        start();
        break;
      case 'freeze':
        victim.child.kill('SIGSTOP');
        await group.send(100);
        if (streams.length === 1) start();
        await sleep((1.2 + random()) * LEASE_MS);
        victim.child.kill('SIGCONT');
        break;
      case 'leave':
        // One that has just begun does not listen yet.
        expect([0, null]).toContain(await victim.end());
        streams.splice(streams.indexOf(victim), 1);
        start();
        break;
      case 'join':
        if (streams.length < 3) start();
        break;
      case 'restart':
        await kafka.restart();
        break;
    }
    await group.send(50);
    for (const stream of streams.filter(({ child }) => child.exitCode !== null)) {
      // One that is stopped within a transaction of SQLite holds the registry or the online store from all others; and
      // one that begins while Kafka is away says so and ends.
      if (!/locked|ECONNREFUSED/.test(stream.said())) throw new Error(`a stream has ended: ${stream.said()}`);
      streams.splice(streams.indexOf(stream), 1);
      start();
    }
  }
  await group.archived(1);
  for (const stream of streams) expect([0, null], stream.said()).toContain(await stream.end());
  await until(async () => (await group.runs()).every(({ state }) => state !== 'running'), 'all have ended');
  await group.verify();
}
