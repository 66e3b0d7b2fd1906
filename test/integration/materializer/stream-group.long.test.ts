/** Several `plumb stream` processes on one topic, under faults in an order that the seed draws. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KafkaReader } from '../../../materializer/stream/source/kafka-reader.ts';
import type { KafkaAccess } from '../../../project/settings/kafka-settings.ts';
import { faultGroupedStreams } from '../../support/faults/grouped-faults.ts';
import { groupedStreams } from '../../support/faults/grouped-streams.ts';
import { KAFKA_START_LIMIT_MS, startKafka } from '../../support/kafka/kafka.ts';
import type { KafkaServer } from '../../support/kafka/kafka.ts';
import {
  addPartitions,
  deleteTopic,
  forgetMessages,
  makeTopic,
  sendMessages,
} from '../../support/kafka/kafka-topic.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { until } from '../../support/until.ts';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka();
}, KAFKA_START_LIMIT_MS);
afterAll(() => kafka.stop());

test('what they make together is what a look at all messages gives', async () => {
  await faultGroupedStreams(kafka, { topic: 'grouped-faults', faults: 10, random: seededRandom() });
}, 900_000);

const CHANGES = [
  ['partitions that are added', /has 5 partitions in place of 3 while it was read/, addThem],
  ['a topic that is made anew', /was made anew while it was read/, makeAnew],
] as const;

test.each(CHANGES)(
  '%s end a stream that reads',
  async (what, sentence, change) => {
    const topic = `changed-${what.replaceAll(' ', '-')}`;
    const group = await groupedStreams(kafka.brokers, { topic, partitions: 3, random: seededRandom() });
    await group.send(50);
    const stream = group.start('a');
    await group.archived(1);
    await change(topic);
    expect(await stream.ended, stream.said()).not.toBe(0);
    expect(stream.said()).toMatch(sentence);
  },
  120_000,
);

test('messages that are gone before they were archived end a stream', async () => {
  const topic = 'gone-messages';
  const group = await groupedStreams(kafka.brokers, { topic, partitions: 1, random: seededRandom() });
  await group.send(50);
  const first = group.start('a');
  await group.archived(1);
  expect(await first.end()).toBe(0);
  await group.send(50);
  await forgetMessages(kafka.brokers, topic, { partition: 0, before: 100 });
  const second = group.start('a');
  expect(await second.ended).not.toBe(0);
  expect(second.said()).toMatch(
    /the archive of partition 0 of gone-messages ends at offset \d+.*: messages are lost/,
  );
}, 120_000);

test('messages that retention takes away before a stream that reads has come there end it', async () => {
  const { topic, read, reader } = await openTopic('passed-messages', {});
  await send(topic, 20);
  expect(await read(20)).toBe(20);
  await send(topic, 20);
  await forgetMessages(kafka.brokers, topic, { partition: 0, before: 30 });
  await expect(read(1)).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringMatching(/ends at offset 20, and it has offsets 30 to 40: messages are lost/),
  });
  await reader.close();
}, 120_000);

test('messages that compaction has taken out end a stream, but where it reads for the first time', async () => {
  const compacted = {
    'cleanup.policy': 'compact',
    'segment.ms': '200',
    'min.cleanable.dirty.ratio': '0.001',
    'max.compaction.lag.ms': '100',
  };
  const { topic, read, reader, open, said } = await openTopic('compacted-messages', compacted);
  await send(topic, 1);
  expect(await read(1)).toBe(1);
  await reader.close();
  await send(topic, 40);
  const sizeOf = async (): Promise<number> => {
    // A segment ends with the next message.
    await send(topic, 1);
    const own = await open(0);
    const found = await own.read(Infinity);
    await own.reader.close();
    return found;
  };
  await until(async () => (await sizeOf()) < 20, 'the topic is compacted', 1_000, 90_000);
  expect(said.at(-1)).toMatch(
    /\d+ messages of partition 0 .* are gone: compaction .* before it was first read/,
  );
  const later = await open(1);
  await expect(later.read(1)).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringMatching(/between offsets 1 and \d+, are gone: compaction has taken them out/),
  });
  await later.reader.close();
}, 180_000);

/** A topic of one partition, and what reads it from an offset on. */
async function openTopic(topic: string, config: Readonly<Record<string, string>>) {
  await makeTopic(kafka.brokers, topic, { partitions: 1, config });
  const said: string[] = [];
  const open = async (offset: number) => {
    const access: KafkaAccess = { brokers: kafka.brokers, tls: null, sasl: null };
    const reader = await KafkaReader.open({ topic, kafka: access, warn: (line) => void said.push(line) });
    await reader.start(new Map([[0, { offset, file: null, line: 0 }]]));
    /** @returns how many messages were read, so many or all that are there */
    const read = async (count: number): Promise<number> => {
      for (let found = 0; ;) {
        const [batch] = await reader.next();
        found += batch?.messages.length ?? 0;
        if (found >= count || (batch?.atEnd === true && count === Infinity)) return found;
      }
    };
    return { reader, read };
  };
  return { topic, said, open, ...(await open(0)) };
}

async function send(topic: string, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => ({ key: 'a', value: `{"number":${i}}` }));
  await sendMessages(kafka.brokers, topic, messages);
}

async function addThem(topic: string): Promise<void> {
  await addPartitions(kafka.brokers, topic, 5);
}

async function makeAnew(topic: string): Promise<void> {
  await deleteTopic(kafka.brokers, topic);
  await makeTopic(kafka.brokers, topic, { partitions: 3 });
}
