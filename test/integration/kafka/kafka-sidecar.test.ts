/** The sidecar that ships its log, and `plumb log ship`, as processes and over HTTP. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { writeDurably } from '../../../contract/std/files/durable-file.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { makeTopic, readTopic } from '../../support/kafka/kafka-topic.ts';
import { plumb } from '../../support/processes/plumb-process.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { ServingFixture } from '../../support/fixtures/serving-fixture.ts';
import { answer, arrivedIn, openLog } from '../../support/kafka/shipped-log.ts';
import { until } from '../../support/until.ts';

let kafka: RunKafka;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);

let fixture: ServingFixture;
let topic: string;
let topics = 0;
beforeEach(async () => {
  fixture = new ServingFixture(systemClock());
  topic = `kafka-sidecar-${++topics}`;
  await makeTopic(kafka.brokers, topic);
  configure(kafka.brokers);
});
afterEach(() => fixture.close());

function configure(brokers: readonly string[], more = ''): void {
  const shipped = `{ brokers: "${brokers.join()}", topic: ${topic}${more} }`;
  const yaml = `project: test\nserve: { port: 0, adminPort: 0 }\nlog: { kafka: ${shipped} }\n`;
  writeDurably(join(fixture.folder, 'plumbline.yaml'), yaml);
}

const spool = (): string => fixture.project().settings.log.spool;

let asked = 0;
async function ask(served: RunningSidecar): Promise<string> {
  const id = `ask-${++asked}`;
  const answered = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
    method: 'POST',
    headers: { 'x-request-id': id },
    body: JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: [1] } }),
  });
  expect(answered.status).toBe(200);
  await answered.arrayBuffer();
  return id;
}

async function metric(served: RunningSidecar, name: string): Promise<number | null> {
  const text = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
  const value = new RegExp(`^plumbline_shipper_${name} (.*)$`, 'm').exec(text)?.[1];
  return value === undefined ? null : Number(value);
}

describe('a sidecar with log.kafka', () => {
  test('ships what it answered, says so in its metrics, and what is left when it stops', async () => {
    const served = await runServe(fixture.project());
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(await ask(served));
    await until(async () => (await metric(served, 'records_total'))! >= 20, 'all of it is shipped');
    expect(await metric(served, 'connected')).toBe(1);
    expect(await metric(served, 'lag_records')).toBe(0);
    expect(await metric(served, 'oldest_unshipped_seconds')).toBe(0);
    expect(await metric(served, 'rejected_records_total')).toBe(0);
    ids.push(await ask(served), await ask(served));
    await served.stop();
    const got = arrivedIn(await readTopic(kafka.brokers, topic));
    expect(got.ids).toEqual(ids);
    expect(got.records.at(-1)!.kind).toBe('last');
  });

  test('starts, answers and stops though there is no Kafka', async () => {
    configure(['127.0.0.1:9'], ', graceMs: 100');
    const served = await runServe(fixture.project());
    await ask(served);
    await until(async () => (await metric(served, 'lag_bytes'))! > 0, 'the lag shows');
    expect(await metric(served, 'connected')).toBe(0);
    await served.stop();
    expect(fixture.warnings.join('\n')).toContain('Kafka does not take the vector log');
  });
});

describe('plumb log ship', () => {
  async function leftBehind(count: number): Promise<string[]> {
    const log = await openLog(spool());
    const ids = answer(log, count);
    await log.close();
    return ids;
  }

  const ship = (...args: string[]) => plumb(['-C', fixture.folder, '--json', 'log', 'ship', ...args]);

  test('ships what a sidecar left, and then nothing', async () => {
    const ids = await leftBehind(30);
    const first = await ship();
    expect(first).toMatchObject({ code: 0 });
    expect(JSON.parse(first.stdout)).toMatchObject({ shippedRecords: 31, rejectedRecords: 0 });
    expect(JSON.parse((await ship()).stdout)).toMatchObject({ shippedRecords: 0 });
    expect(arrivedIn(await readTopic(kafka.brokers, topic)).ids).toEqual(ids);
  });

  test('while a sidecar ships it says who does', async () => {
    const served = await runServe(fixture.project());
    await ask(served);
    await until(async () => (await metric(served, 'records_total'))! > 0, 'the sidecar ships');
    const { code, stdout } = await ship();
    await served.stop();
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'LOG_LOCKED' } });
  });

  test('gives up when Kafka takes nothing for so long, and says how much is left', async () => {
    await leftBehind(5);
    configure(['127.0.0.1:9']);
    const { code, stdout } = await ship('--wait', '300ms');
    expect(code).toBe(4);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('LOG_KAFKA');
    expect(error.message).toMatch(/\d+ bytes are left/);
  });

  test('without log.kafka, or with a wait that is none, it is a mistake of usage', async () => {
    expect(await ship('--wait', 'long')).toMatchObject({ code: 2 });
    writeDurably(join(fixture.folder, 'plumbline.yaml'), 'project: test\n');
    const { code, stdout } = await ship();
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'LOG_NO_KAFKA', field: 'log.kafka' } });
  });

  test('a project that never served has nothing to ship', async () => {
    rmSync(spool(), { recursive: true, force: true });
    expect(await ship()).toMatchObject({ code: 0 });
  });
});
