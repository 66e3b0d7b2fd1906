/**
 * Kafka away for 60 s and restarted in mid-batch, under load: answers must not notice, and nothing may be lost. Prints
 * the tail latencies of the windows; those of one run are compared, as the machine is the same in all of them.
 */
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { writeDurably } from '../../../contract/std/files/durable-file.ts';
import { KAFKA_START_LIMIT_MS, startKafka } from '../../support/kafka/kafka.ts';
import type { KafkaServer } from '../../support/kafka/kafka.ts';
import { makeTopic, readTopic } from '../../support/kafka/kafka-topic.ts';
import { plumb, serve } from '../../support/processes/plumb-process.ts';
import { PROFILE_VALUES, ServingFixture, profile } from '../../support/fixtures/serving-fixture.ts';
import { arrivedIn } from '../../support/kafka/shipped-log.ts';

const TOPIC = 'outage';
const RATE = 400;
const WINDOW_S = 30;
const OUTAGE_S = 60;
const RATIO_MAX = 1.2;
/** Below it a ratio is one of the scheduler's grain, not of Kafka. */
const NOTICEABLE_MS = 1;

let kafka: KafkaServer;
let fixture: ServingFixture;
beforeAll(async () => {
  kafka = await startKafka();
  await makeTopic(kafka.brokers, TOPIC);
  fixture = new ServingFixture(systemClock());
  const yaml = `project: test\nlog: { kafka: { brokers: "${kafka.brokers[0]!}", topic: ${TOPIC} } }\n`;
  writeDurably(join(fixture.folder, 'plumbline.yaml'), yaml);
  fixture.put(profile, 1n, PROFILE_VALUES, { eventUs: systemClock().nowUs() });
  fixture.mark('profile', systemClock().nowUs());
}, KAFKA_START_LIMIT_MS);
afterAll(async () => {
  await kafka.stop();
  fixture.close();
});

test(
  'Kafka away for a minute, and restarted while it takes batches: no answer waits, no record is lost',
  async () => {
    const serving = await serve(fixture.folder);
    const load = new Load(serving.url);
    await load.during(sleep(5_000));
    const before = await load.during(sleep(WINDOW_S * 1_000));
    await kafka.kill();
    const away = await load.during(sleep(OUTAGE_S * 1_000));
    // It comes back to a backlog, and dies three times more.
    await load.during(threeDeaths());
    const after = await load.during(sleep(WINDOW_S * 1_000));
    const { code, stderr } = await serving.stop();
    expect(load.failed).toEqual([]);
    expect(code).toBe(0);
    expect(stderr).toContain('Kafka takes the vector log again');
    // What the grace of the stop did not suffice for.
    await plumb(['-C', fixture.folder, 'log', 'ship']);
    const got = arrivedIn(await readTopic(kafka.brokers, TOPIC));
    expect(got.ids.toSorted()).toEqual(load.answered.toSorted());
    for (const numbers of got.sequences.values()) expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const [control, outage] = [p999([...before, ...after]), p999(away)];
    console.log(
      `${load.answered.length} answers, ${got.duplicates} duplicates in the topic; p99.9: ` +
        `${control.toFixed(2)} ms with Kafka, ${outage.toFixed(2)} ms without (ratio ${(outage / control).toFixed(2)})`,
    );
    expect(outage).toBeLessThan(Math.max(control * RATIO_MAX, control + NOTICEABLE_MS));
  },
  10 * 60_000,
);

async function threeDeaths(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await kafka.restart();
    await kafka.kill();
  }
  await kafka.restart();
}

function p999(latenciesMs: readonly number[]): number {
  return latenciesMs.toSorted((a, b) => a - b)[Math.floor(latenciesMs.length * 0.999)]!;
}

/** Requests at a fixed rate, whether earlier ones were answered or not. */
class Load {
  readonly answered: string[] = [];
  readonly failed: string[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #url: string;
  #sent = 0;

  constructor(url: string) {
    this.#url = `${url}/feature-service/get-online-features`;
  }

  /** @returns the latencies of the requests that were due in that time, in ms */
  async during(done: Promise<unknown>): Promise<number[]> {
    const over = new AbortController();
    void done.finally(() => over.abort());
    const latencies: Promise<number>[] = [];
    const startMs = performance.now();
    for (let due = 0; !over.signal.aborted; due++) {
      const dueMs = startMs + (due * 1_000) / RATE;
      if (dueMs > performance.now()) await sleep(dueMs - performance.now());
      latencies.push(this.#ask(dueMs));
    }
    await done;
    return Promise.all(latencies);
  }

  #ask(dueMs: number): Promise<number> {
    const id = `load-${++this.#sent}`;
    const body = JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: [1] } });
    return new Promise((resolve) => {
      const headers = { 'x-request-id': id, 'content-type': 'application/json' };
      const asked = request(this.#url, { method: 'POST', agent: this.#agent, headers }, (answer) => {
        answer.resume();
        answer.once('end', () => {
          if (answer.statusCode === 200) this.answered.push(id);
          else this.failed.push(`${id}: ${answer.statusCode}`);
          resolve(performance.now() - dueMs);
        });
      });
      asked.once('error', (error) => {
        this.failed.push(`${id}: ${error.message}`);
        resolve(performance.now() - dueMs);
      });
      asked.end(body);
    });
  }
}
