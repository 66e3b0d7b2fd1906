/** Topics of a test's Kafka, made and read by kafkajs: whatever client wrote, this is another pair of eyes. */
import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { registerCodecs } from '../../../sidecar/shipper/kafkajs-codecs.ts';
import { until } from '../until.ts';

const READ_LIMIT_MS = 120_000;

registerCodecs(kafkajs.CompressionTypes, kafkajs.CompressionCodecs);

export interface TopicRecord {
  readonly key: string;
  readonly value: Buffer;
  readonly partition: number;
  readonly offset: number;
}

/** What kafkajs takes beside the brokers: `ssl`, `sasl`. */
export type ReaderOptions = Omit<kafkajs.KafkaConfig, 'brokers'>;

function client(brokers: readonly string[], options: ReaderOptions): kafkajs.Kafka {
  return new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING, ...options });
}

async function asAdmin<T>(kafka: kafkajs.Kafka, use: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** @param config  of the topic, e.g. `{ 'max.message.bytes': '1000' }` */
export async function makeTopic(
  brokers: readonly string[],
  topic: string,
  {
    partitions = 3,
    config = {},
    reader = {},
  }: {
    partitions?: number;
    config?: Readonly<Record<string, string>>;
    reader?: ReaderOptions;
  } = {},
): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const kafka = client(brokers, reader);
  const topics = [{ topic, numPartitions: partitions, configEntries }];
  await asAdmin(kafka, (admin) => admin.createTopics({ topics, waitForLeaders: false }));
  await offsetsOf(kafka, topic);
}

/** Resolves when the topic is gone, so that another of its name can be made. */
export async function deleteTopic(brokers: readonly string[], topic: string): Promise<void> {
  await asAdmin(client(brokers, {}), async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic), `${topic} is gone`);
  });
}

/** Adds partitions, so that there are so many. */
export async function addPartitions(brokers: readonly string[], topic: string, count: number): Promise<void> {
  await asAdmin(client(brokers, {}), (admin) =>
    admin.createPartitions({ topicPartitions: [{ topic, count }] }).then(() => {}),
  );
}

/** Forgets the messages of a partition before an offset, as retention does. */
export async function forgetMessages(
  brokers: readonly string[],
  topic: string,
  { partition, before }: { readonly partition: number; readonly before: number },
): Promise<void> {
  const partitions = [{ partition, offset: String(before) }];
  await asAdmin(client(brokers, {}), async (admin) => {
    // So that it knows the leaders.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions });
  });
}

/** A broker that has just come back, or made a topic, leads its partitions a moment later. */
async function offsetsOf(kafka: kafkajs.Kafka, topic: string) {
  let offsets: Awaited<ReturnType<kafkajs.Admin['fetchTopicOffsets']>> = [];
  await asAdmin(kafka, (admin) =>
    until(async () => {
      try {
        offsets = await admin.fetchTopicOffsets(topic);
        return true;
      } catch (error) {
        if ((error as kafkajs.KafkaJSError).retriable) return false;
        throw error;
      }
    }, `the offsets of ${topic} can be read`),
  );
  return offsets;
}

/** Sends messages by their keys, as producers do that keep an entity to one partition. */
export async function sendMessages(
  brokers: readonly string[],
  topic: string,
  messages: readonly {
    readonly key: string;
    readonly value: string | null;
    readonly partition?: number;
    /** Milliseconds since 1970; now unless given. */
    readonly timestamp?: string;
  }[],
): Promise<void> {
  const producer = client(brokers, {}).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  await producer.send({ topic, messages: [...messages] });
  await producer.disconnect();
}

/** Sends messages by a transaction, and gives it up or not. */
export async function sendTransaction(
  brokers: readonly string[],
  topic: string,
  messages: readonly { readonly key: string; readonly value: string; readonly partition?: number }[],
  end: 'commit' | 'abort',
): Promise<void> {
  const producer = client(brokers, {}).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    transactionalId: `test-${randomUUID()}`,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  for (let at = 0; at < messages.length; at += 50)
    await transaction.send({ topic, messages: messages.slice(at, at + 50) });
  await transaction[end]();
  await producer.disconnect();
}

/** @returns how many records the topic holds, duplicates included */
export async function topicSize(brokers: readonly string[], topic: string): Promise<number> {
  const offsets = await offsetsOf(client(brokers, {}), topic);
  return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
}

/** @returns how far a group says it has come, partition by partition in order; -1 where it has not said */
export async function groupOffsets(
  brokers: readonly string[],
  topic: string,
  groupId: string,
  reader: ReaderOptions = {},
): Promise<number[]> {
  return asAdmin(client(brokers, reader), async (admin) => {
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const partitions = committed!.partitions.toSorted((a, b) => a.partition - b.partition);
    return partitions.map(({ offset }) => Number(offset));
  });
}

/** @returns all that the topic holds now, in order within each partition */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
  reader: ReaderOptions = {},
): Promise<TopicRecord[]> {
  const kafka = client(brokers, reader);
  const ends = await offsetsOf(kafka, topic);
  const open = new Map(
    ends.filter(({ high }) => high !== '0').map((end) => [end.partition, Number(end.high)]),
  );
  const records: TopicRecord[] = [];
  if (open.size === 0) return records;
  const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}`, maxBytesPerPartition: 8 << 20 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`${topic} could not be read to its end`)),
        READ_LIMIT_MS,
      );
      const eachBatch = async ({ batch }: kafkajs.EachBatchPayload): Promise<void> => {
        const { partition } = batch;
        for (const { key, value, offset } of batch.messages) {
          records.push({ key: key!.toString(), value: value!, partition, offset: Number(offset) });
        }
        if (Number(batch.lastOffset()) + 1 >= open.get(partition)!) open.delete(partition);
        if (open.size > 0) return;
        clearTimeout(limit);
        resolve();
      };
      consumer.run({ eachBatch }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return records;
}
