/** What the shipper relies on, of both Kafka clients, against a real broker. */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { KafkaSettings } from '../../../project/settings/kafka-settings.ts';
import type { KeyedRecord, LogProducer } from '../../../sidecar/shipper/log-producer.ts';
import { openProducer } from '../../../sidecar/shipper/open-producer.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { kafkaSettingsOf } from '../../support/kafka/kafka-settings.ts';
import { makeTopic, readTopic } from '../../support/kafka/kafka-topic.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { until } from '../../support/until.ts';

let kafka: RunKafka;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);

const CLIENTS = ['platformatic', 'kafkajs'] as const;
let topics = 0;

describe.each(CLIENTS)('%s', (client) => {
  async function producerOf(settings: Partial<KafkaSettings>): Promise<LogProducer> {
    const producer = await openProducer({ ...kafkaSettingsOf(kafka), client, ...settings });
    onTestFinished(() => producer.close());
    return producer;
  }

  async function newTopic(config: Record<string, string> = {}): Promise<string> {
    const topic = `log-producer-${client}-${++topics}`;
    await makeTopic(kafka.brokers, topic, { config });
    return topic;
  }

  test('a batch that was sent is in the topic, byte for byte and in order, one key in one partition', async () => {
    const topic = await newTopic();
    const producer = await producerOf({ topic });
    for (let from = 0; from < 300; from += 100) {
      expect(await producer.send(records('pod-1/a', 100, from))).toEqual({ kind: 'sent' });
      expect(await producer.send(records('pod-1/b', 10, from))).toEqual({ kind: 'sent' });
    }
    const read = await readTopic(kafka.brokers, topic);
    for (const [key, count] of [
      ['pod-1/a', 300],
      ['pod-1/b', 30],
    ] as const) {
      const own = read.filter((one) => one.key === key);
      expect(own).toHaveLength(count);
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      const sent = count === 300 ? records(key, 300, 0) : [0, 100, 200].flatMap((at) => records(key, 10, at));
      expect(own.map(({ value }) => value.toString('hex'))).toEqual(
        sent.map(({ value }) => value.toString('hex')),
      );
    }
  });

  test.each(['lz4', 'zstd'] as const)('%s is read back by another client', async (compression) => {
    const topic = await newTopic();
    const producer = await producerOf({ topic, compression });
    const batch = records('k', 200, 0);
    expect(await producer.send(batch)).toEqual({ kind: 'sent' });
    const read = await readTopic(kafka.brokers, topic);
    expect(read.map(({ value }) => value)).toEqual(batch.map(({ value }) => value));
  });

  test('a batch of 1 MiB is taken', async () => {
    const topic = await newTopic();
    const producer = await producerOf({ topic });
    const batch = Array.from({ length: 4 }, () => record('k', Buffer.alloc(2 ** 18 - 500, 7)));
    expect(await producer.send(batch)).toEqual({ kind: 'sent' });
  });

  test("what is too large for the topic is refused at once, with the broker's reason", async () => {
    const topic = await newTopic({ 'max.message.bytes': '2000' });
    const producer = await producerOf({ topic });
    const large = record('k', Buffer.alloc(5_000, 1));
    expect(await producer.send([large])).toEqual({ kind: 'refused', reason: 'MESSAGE_TOO_LARGE' });
    expect(await producer.send(records('k', 3, 0))).toEqual({ kind: 'sent' });
  });

  test('what the topic finds invalid is refused too', async () => {
    const topic = await newTopic({ 'cleanup.policy': 'compact' });
    const producer = await producerOf({ topic });
    // A compacted topic takes no record without a key; the shipper always has one.
    const keyless = { key: null as unknown as Buffer, value: Buffer.from('x') };
    expect(await producer.send([keyless])).toEqual({ kind: 'refused', reason: 'INVALID_RECORD' });
    expect(await producer.send(records('k', 3, 0))).toEqual({ kind: 'sent' });
  });

  test('a topic that does not exist is no refusal: it may be made yet', async () => {
    const topic = `log-producer-missing-${client}`;
    const producer = await producerOf({ topic });
    expect(await producer.send(records('k', 1, 0))).toEqual({
      kind: 'unavailable',
      reason: expect.stringContaining(topic),
    });
    await makeTopic(kafka.brokers, topic);
    await sentAtLast(producer, records('k', 1, 0));
  });

  test('a broker that is not there is unavailable, not an exception', async () => {
    const producer = await producerOf({ brokers: ['127.0.0.1:9'] });
    const outcome = await producer.send(records('k', 1, 0));
    expect(outcome.kind).toBe('unavailable');
  });
});

function record(key: string, value: Buffer): KeyedRecord {
  return { key: Buffer.from(key), value };
}

/** Values of many lengths that begin with their number. */
function records(key: string, count: number, from: number): KeyedRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const value = Buffer.alloc(4 + ((from + i) % 97) * 11, from + i);
    value.writeUInt32LE(from + i);
    return record(key, value);
  });
}

/** Sends until the broker is ready again. */
async function sentAtLast(producer: LogProducer, batch: KeyedRecord[]): Promise<void> {
  await until(async () => (await producer.send(batch)).kind === 'sent', 'the broker takes a batch');
}
