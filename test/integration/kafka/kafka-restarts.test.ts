/** What ships and what ingests, with a broker that dies, hangs and comes back. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { IngestLedger } from '../../../project/archive/ledger.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { openProject } from '../../../project/project.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import type { Logger } from '../../../contract/std/logger.ts';
import { openProducer } from '../../../sidecar/shipper/open-producer.ts';
import type { Shipper } from '../../../sidecar/shipper/shipper.ts';
import type { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { KAFKA_START_LIMIT_MS, startKafka } from '../../support/kafka/kafka.ts';
import type { KafkaServer } from '../../support/kafka/kafka.ts';
import { kafkaSettingsOf } from '../../support/kafka/kafka-settings.ts';
import { makeTopic, readTopic } from '../../support/kafka/kafka-topic.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { ingestedRequests } from '../../support/fixtures/ingested-requests.ts';
import { answer, arrivedIn, expectOrder, openLog, openShipper } from '../../support/kafka/shipped-log.ts';
import type { Arrived } from '../../support/kafka/shipped-log.ts';
import { until } from '../../support/until.ts';
import { firstOf, IS_LONG_RUN } from '../../support/long-run.ts';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka();
}, KAFKA_START_LIMIT_MS);
afterAll(() => kafka.stop());

let topics = 0;
async function newTopic(): Promise<string> {
  const topic = `restarts-${++topics}`;
  await makeTopic(kafka.brokers, topic);
  return topic;
}

const shipperOf = (spool: string, topic: string, logger?: Logger): Promise<Shipper> =>
  openShipper({ ...kafkaSettingsOf(kafka), topic }, spool, logger);

const arrived = async (topic: string): Promise<Arrived> => arrivedIn(await readTopic(kafka.brokers, topic));

/** Answers requests, some thousand a second, until the condition holds. @returns their ids */
async function answerUntil(log: VectorLog, holds: () => boolean, what: string): Promise<string[]> {
  const ids: string[] = [];
  await until(() => {
    ids.push(...answer(log, 20));
    return holds();
  }, what);
  return ids;
}

describe('the shipper', () => {
  test('a broker that is away while answers go on costs disk, no record and no order', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const said: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (line: string) => said.push(line),
      info: (line: string) => said.push(line),
    };
    const shipper = await shipperOf(spool, topic, logger);
    const running = shipper.run();
    const ids = answer(log, 200);
    await until(() => shipper.stats().shippedRecords > 0, 'it ships');
    await kafka.kill();
    ids.push(...(await answerUntil(log, () => shipper.stats().retries > 2, 'it notices')));
    expect(shipper.stats()).toMatchObject({ connected: false });
    expect(shipper.stats().lagBytes).toBeGreaterThan(0);
    expect(shipper.stats().oldestUs).not.toBeNull();
    void kafka.restart();
    ids.push(...(await answerUntil(log, () => shipper.stats().connected, 'Kafka has it')));
    await log.close();
    shipper.drain();
    await running;
    const got = await arrived(topic);
    expect(got.ids).toEqual(ids);
    expectOrder(got);
    expect(said[0]).toContain('Kafka does not take the vector log');
    expect(said.at(-1)).toBe('Kafka takes the vector log again');
  });

  test.runIf(IS_LONG_RUN)('a broker that dies in mid-batch gets the batch again', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const ids = answer(log, 6_000, 2_000);
    const shipper = await shipperOf(spool, topic);
    const running = shipper.run();
    await until(() => shipper.stats().shippedRecords > 500, 'it is amid');
    await kafka.kill();
    expect(shipper.stats().shippedRecords).toBeLessThan(6_000);
    await kafka.restart();
    await log.close();
    shipper.drain();
    await running;
    const got = await arrived(topic);
    expect(got.ids).toEqual(ids);
    expectOrder(got);
  });

  test('a broker that hangs and goes on loses nothing', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const shipper = await shipperOf(spool, topic);
    const running = shipper.run();
    const ids = answer(log, 100);
    await until(() => shipper.stats().shippedRecords > 0, 'it ships');
    kafka.pause();
    ids.push(...answer(log, 500));
    await until(() => shipper.stats().lagBytes > 0, 'it lags');
    kafka.resume();
    await log.close();
    shipper.drain();
    await running;
    const got = await arrived(topic);
    expect(got.ids).toEqual(ids);
    expectOrder(got);
  });
});

describe.each(firstOf(1, ['platformatic', 'kafkajs'] as const))('%s', (client) => {
  test('after the broker died and came back the same producer goes on', async () => {
    const topic = await newTopic();
    const producer = await openProducer({ ...kafkaSettingsOf(kafka), client, topic });
    onTestFinished(() => producer.close());
    const send = async (value: string): Promise<string> =>
      (await producer.send([{ key: Buffer.from('k'), value: Buffer.from(value) }])).kind;
    expect(await send('before')).toBe('sent');
    await kafka.kill();
    expect(await send('after')).toBe('unavailable');
    await kafka.restart();
    await until(async () => (await send('after')) === 'sent', 'the broker takes a record');
    const read = await readTopic(kafka.brokers, topic);
    expect(new Set(read.map(({ value }) => value.toString()))).toEqual(new Set(['before', 'after']));
  });
});

test.runIf(IS_LONG_RUN)('the ingest follows a sidecar that ships through it', async () => {
  const topic = await newTopic();
  const folder = scratchFolder({
    'plumbline.yaml': `log: { kafka: { brokers: "${kafka.brokers.join()}", topic: ${topic} } }\n`,
  });
  const project = openProject(folder, silentLogger, {});
  const { settings } = project;
  const log = await openLog(settings.log.spool);
  const shipper = await shipperOf(settings.log.spool, topic);
  const shipping = shipper.run();
  const stop = new AbortController();
  const following = runIngest(project, { follow: true, signal: stop.signal, batchMs: 200 });
  const ledger = (): Promise<IngestLedger> => IngestLedger.read(localFolder(settings.served));
  const ids = answer(log, 300);
  await until(async () => (await ledger()).counts.records > 0, 'it reads');
  await kafka.kill();
  ids.push(...answer(log, 300));
  await kafka.restart();
  ids.push(...answer(log, 300));
  await log.close();
  shipper.drain();
  await shipping;
  const shippedUs = project.clock.nowUs();
  await until(async () => (await ledger()).caughtUpUs > shippedUs, 'it has read all that was shipped');
  stop.abort();
  await following;
  const ingested = await ingestedRequests(settings.served);
  expect(ingested.map(({ requestId }) => requestId)).toEqual(ids);
});
