/** Several `plumb stream` processes on one topic, under faults in an order that the seed draws. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultGroupedStreams } from '../../support/faults/grouped-faults.ts';
import { groupedStreams } from '../../support/faults/grouped-streams.ts';
import { KAFKA_START_LIMIT_MS, startKafka } from '../../support/kafka/kafka.ts';
import type { KafkaServer } from '../../support/kafka/kafka.ts';
import { addPartitions, deleteTopic, forgetMessages, makeTopic } from '../../support/kafka/kafka-topic.ts';
import { seededRandom } from '../../support/seeded-random.ts';

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

async function addThem(topic: string): Promise<void> {
  await addPartitions(kafka.brokers, topic, 5);
}

async function makeAnew(topic: string): Promise<void> {
  await deleteTopic(kafka.brokers, topic);
  await makeTopic(kafka.brokers, topic, { partitions: 3 });
}
