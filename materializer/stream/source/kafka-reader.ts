/**
 * A topic of Kafka as a stream: partitions that are read from where their archives end. Messages are pulled, a fetch at
 * a time, so that nothing piles up while a step or a commit takes long.
 *
 * The time at which a message was appended is the broker's where the topic has `message.timestamp.type=LogAppendTime`;
 * otherwise it is what the producer said, which is warned of. The client's own stream of messages gives the latter
 * alone (version 2.12): batches are read here, which say which of the two it is.
 *
 * A broker that is away is waited for. A partition is at its end only when the broker has just said so.
 *
 * Messages that are gone from the topic before they were read end the reading: those before its first offset, and those
 * that compaction has taken out, whose offsets no batch has.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import type { ClusterMetadata } from '@platformatic/kafka';
import { kafkaConnection } from '../../../project/connections/kafka-connection.ts';
import type { KafkaAccess } from '../../../project/settings/kafka-settings.ts';
import { materializerError } from '../../errors.ts';
import type { MessageBatch, Position, StreamMessage, StreamReader } from './stream-reader.ts';

interface KafkaReaderOptions {
  readonly topic: string;
  readonly kafka: KafkaAccess;
  /** Whether the newest message of each key is all that is wanted. */
  readonly isCompacted?: boolean;
  readonly warn: (line: string) => void;
}

const CLIENT_ID = 'plumbline-stream';
/** The topic id that a broker before 2.8 gives. */
const NO_ID = '00000000-0000-0000-0000-000000000000';
const FETCH_WAIT_MS = 200;
const FETCH_BYTES = 8 << 20;
const PARTITION_BYTES = 2 << 20;
/** How often it looks whether the topic has changed. */
const LOOK_MS = 5_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 5_000;
/** A batch's attribute: its time is the broker's. */
const LOG_APPEND_TIME = 0x08;
/** A batch's attribute: it is of a transaction. */
const TRANSACTIONAL = 0x10;
/** A batch's attribute: it holds no messages, but marks of transactions. */
const CONTROL = 0x20;

type Fetched = Awaited<ReturnType<Consumer['fetch']>>;
type FetchedPartition = Fetched['responses'][number]['partitions'][number];
type RecordsBatch = NonNullable<FetchedPartition['records']>[number];

export class KafkaReader implements StreamReader {
  readonly id: string;
  readonly partitions: readonly number[];
  readonly #options: KafkaReaderOptions;
  readonly #consumer: Consumer;
  readonly #next = new Map<number, number>();
  /** Where each partition ends, as the broker last said it. */
  readonly #ends = new Map<number, number>();
  /** Where partitions ended when they were first read: what is gone before that nobody could have read. */
  readonly #unread = new Map<number, number>();
  #retryMs = RETRY_MS;
  #lookedMs = performance.now();
  /** Where the partitions are to be read from that were given last; null: they are being read. */
  #from: ReadonlyMap<number, Position> | null = null;
  #warnedOfTimes = false;

  private constructor(options: KafkaReaderOptions, consumer: Consumer, metadata: ClusterMetadata) {
    const { id, partitionsCount } = metadata.topics.get(options.topic)!;
    this.#options = options;
    this.#consumer = consumer;
    this.id = id === NO_ID ? options.topic : id;
    this.partitions = Array.from({ length: partitionsCount }, (_, i) => i);
  }

  /** @throws MAT_STREAM_SOURCE when the topic cannot be read */
  static async open(options: KafkaReaderOptions): Promise<KafkaReader> {
    const { kafka, topic } = options;
    const connection = kafkaConnection(kafka);
    const consumer = new Consumer({ ...connection, clientId: CLIENT_ID, groupId: CLIENT_ID });
    consumer.topics.track(topic);
    try {
      const metadata = await consumer.metadata({ topics: [topic], forceUpdate: true });
      return new KafkaReader(options, consumer, metadata);
    } catch (error) {
      await consumer.close(true).catch(() => {});
      throw failure(options, error as Error);
    }
  }

  async start(from: ReadonlyMap<number, Position>): Promise<void> {
    this.#from = from;
    this.#next.clear();
  }

  /** @throws MAT_STREAM_SOURCE when messages that the archive lacks are gone from the topic */
  async #begin(from: ReadonlyMap<number, Position>): Promise<void> {
    const { topic } = this.#options;
    const offsets = async (timestamp: bigint): Promise<readonly bigint[]> =>
      (await this.#consumer.listOffsets({ topics: [topic], timestamp })).get(topic)!;
    const [first, end] = [
      await offsets(ListOffsetTimestamps.EARLIEST),
      await offsets(ListOffsetTimestamps.LATEST),
    ];
    for (const [partition, { offset }] of from) {
      const [earliest, latest] = [Number(first[partition]), Number(end[partition])];
      if (offset > latest || (offset < earliest && offset > 0))
        throw goneFrom(topic, { partition, offset, earliest, latest });
      this.#next.set(partition, Math.max(offset, earliest));
      this.#ends.set(partition, latest);
      if (offset === 0) this.#unread.set(partition, latest);
    }
    this.#from = null;
  }

  async next(): Promise<readonly MessageBatch[]> {
    try {
      const metadata = await this.#metadata();
      if (this.#from !== null) await this.#begin(this.#from);
      if (this.#next.size === 0) return [];
      const answers = await Promise.all(
        this.#requests(metadata).map((request) => this.#consumer.fetch(request)),
      );
      this.#retryMs = RETRY_MS;
      const partitions = answers.flatMap(({ responses }) =>
        responses.flatMap((response) => response.partitions),
      );
      const answered = new Map(partitions.map((one) => [one.partitionIndex, one]));
      // A broker leaves out a partition of which it has nothing new to say.
      return [...this.#next.keys()].map((partition) => this.#batch(partition, answered.get(partition)));
    } catch (error) {
      if ((error as { code?: string }).code === 'MAT_STREAM_SOURCE') throw error;
      this.#options.warn(`${failure(this.#options, error as Error).message}; it is tried again`);
      // Retention may have passed where it reads.
      this.#from ??= new Map([...this.#next].map(([partition, offset]) => [partition, at(offset)]));
      await sleep(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
      await this.#consumer.metadata({ topics: [this.#options.topic], forceUpdate: true }).catch(() => {});
      return [];
    }
  }

  /** @throws MAT_STREAM_SOURCE once the topic is another one, or has other partitions */
  async #metadata(): Promise<ClusterMetadata> {
    const { topic } = this.#options;
    const isOld = performance.now() - this.#lookedMs >= LOOK_MS;
    const metadata = await this.#consumer.metadata({ topics: [topic], forceUpdate: isOld });
    if (isOld) this.#lookedMs = performance.now();
    const { id, partitionsCount } = metadata.topics.get(topic)!;
    const was = this.partitions.length;
    if (partitionsCount === was && (id === NO_ID || id === this.id)) return metadata;
    const what =
      partitionsCount === was ? 'was made anew' : `has ${partitionsCount} partitions in place of ${was}`;
    throw materializerError(
      'MAT_STREAM_SOURCE',
      `the topic ${topic} ${what} while it was read: offsets, or where entities are, mean something else by now`,
      { help: partitionsCount === was ? 'Give the source another archive.' : 'Start the stream again.' },
    );
  }

  /** One request a broker, for the partitions that it leads. */
  #requests(metadata: ClusterMetadata): Parameters<Consumer['fetch']>[0][] {
    const { id, partitions } = metadata.topics.get(this.#options.topic)!;
    const byLeader = Map.groupBy(this.#next.keys(), (partition) => partitions[partition]!.leader);
    return [...byLeader].map(([node, own]) => ({
      node,
      maxWaitTime: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      topics: [
        {
          topicId: id,
          partitions: own.map((partition) => ({
            partition,
            fetchOffset: BigInt(this.#next.get(partition)!),
            currentLeaderEpoch: -1,
            lastFetchedEpoch: -1,
            partitionMaxBytes: PARTITION_BYTES,
          })),
        },
      ],
    }));
  }

  #batch(partition: number, fetched: FetchedPartition | undefined): MessageBatch {
    const from = this.#next.get(partition)!;
    const records = fetched?.records ?? [];
    const aborted = new Set(abortedBatches(records, fetched?.abortedTransactions ?? []));
    const messages = records.flatMap((batch) => (aborted.has(batch) ? [] : this.#messages(batch, from)));
    const last = records.at(-1);
    const offset =
      last === undefined ? from : Math.max(from, Number(last.firstOffset) + last.lastOffsetDelta + 1);
    this.#next.set(partition, offset);
    if (fetched !== undefined) this.#ends.set(partition, Number(fetched.lastStableOffset));
    // What the client has left out of transactions that were given up is not gone.
    const gone = missingIn(records, from, (fetched?.abortedTransactions ?? []).length === 0);
    if (gone > 0 && this.#options.isCompacted !== true) this.#tellGone(partition, { gone, from, offset });
    return { partition, messages, position: at(offset), atEnd: offset >= this.#ends.get(partition)! };
  }

  /** @throws MAT_STREAM_SOURCE, but where they may have been gone before the partition was first read */
  #tellGone(
    partition: number,
    { gone, from, offset }: { readonly gone: number; readonly from: number; readonly offset: number },
  ): void {
    const { topic, warn } = this.#options;
    const what = `${gone} messages of partition ${partition} of ${topic}, between offsets ${from} and ${offset}, are gone`;
    const why = 'compaction has taken them out of the topic';
    if (from < (this.#unread.get(partition) ?? 0)) return warn(`${what}: ${why} before it was first read`);
    throw materializerError('MAT_STREAM_SOURCE', `${what}: ${why}`, {
      help: `Set cleanup.policy=delete on the topic, and give the source another archive.`,
    });
  }

  #messages(
    { attributes, firstOffset, firstTimestamp, maxTimestamp, records }: RecordsBatch,
    from: number,
  ): StreamMessage[] {
    if ((attributes & CONTROL) !== 0) return [];
    const byBroker = (attributes & LOG_APPEND_TIME) !== 0;
    if (!byBroker) this.#warnOfTimes();
    const [first, base] = [Number(firstOffset), Number(firstTimestamp)];
    const messages: StreamMessage[] = [];
    for (const { offsetDelta, timestampDelta, value } of records) {
      const offset = first + offsetDelta;
      // A batch is fetched whole, though it begins before what was asked for.
      if (offset < from) continue;
      const ms = byBroker ? Number(maxTimestamp) : base + Number(timestampDelta);
      messages.push({ offset, appendedUs: ms * 1_000, value, row: null });
    }
    return messages;
  }

  #warnOfTimes(): void {
    if (this.#warnedOfTimes) return;
    this.#warnedOfTimes = true;
    this.#options.warn(
      `the messages of ${this.#options.topic} have their producers' times: what came late is judged by those. ` +
        'Set message.timestamp.type=LogAppendTime on the topic',
    );
  }

  behind(partition: number): number | null {
    return Math.max(0, (this.#ends.get(partition) ?? 0) - (this.#next.get(partition) ?? 0));
  }

  /** @returns of every partition the offset behind its last message, as the broker says it now */
  async ends(): Promise<readonly number[]> {
    const { topic } = this.#options;
    const timestamp = ListOffsetTimestamps.LATEST;
    return (await this.#consumer.listOffsets({ topics: [topic], timestamp })).get(topic)!.map(Number);
  }

  placeOf(): null {
    return null;
  }

  async close(): Promise<void> {
    await this.#consumer.close(true).catch(() => {});
  }
}

/**
 * The batches of transactions that were given up. The client leaves them out only where the mark of their end came with
 * the same fetch (version 2.12), and knows one transaction a producer.
 */
function abortedBatches(
  records: readonly RecordsBatch[],
  aborted: NonNullable<FetchedPartition['abortedTransactions']>,
): RecordsBatch[] {
  const open = new Set<bigint>();
  const waiting = aborted.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  return records.filter(({ producerId, attributes, firstOffset, lastOffsetDelta }) => {
    const end = firstOffset + BigInt(lastOffsetDelta);
    while (waiting.length > 0 && waiting[0]!.firstOffset <= end) open.add(waiting.shift()!.producerId);
    if ((attributes & CONTROL) === 0) return (attributes & TRANSACTIONAL) !== 0 && open.has(producerId);
    // Whether it commits or aborts, the producer's transaction ends here.
    open.delete(producerId);
    return false;
  });
}

const at = (offset: number): Position => ({ offset, file: null, line: 0 });

/**
 * @param from     the offset that was asked for
 * @param isWhole  whether all batches are there
 * @returns        how many offsets have no message
 */
function missingIn(records: readonly RecordsBatch[], from: number, isWhole: boolean): number {
  let [missing, next] = [0, from];
  for (const { attributes, firstOffset, lastOffsetDelta, records: own } of records) {
    const first = Number(firstOffset);
    if (isWhole && first > next) missing += first - next;
    if ((attributes & CONTROL) === 0) missing += lastOffsetDelta + 1 - own.length;
    next = first + lastOffsetDelta + 1;
  }
  return missing;
}

interface GoneMessages {
  readonly partition: number;
  readonly offset: number;
  readonly earliest: number;
  readonly latest: number;
}

function goneFrom(topic: string, { partition, offset, earliest, latest }: GoneMessages): Error {
  const range = `it has offsets ${earliest} to ${latest}`;
  return materializerError(
    'MAT_STREAM_SOURCE',
    `the archive of partition ${partition} of ${topic} ends at offset ${offset}, and ${range}: messages are lost`,
    { help: 'Give the source another archive, and the view a `start` from which it is complete.' },
  );
}

/** @returns what a person can act on, with the innermost reason */
function failure({ topic, kafka }: KafkaReaderOptions, error: Error): Error {
  let reason = error.message;
  let missing = /^unknown topic/i.test(reason);
  const look = (one: Error): void => {
    if ((one as { apiId?: string }).apiId === 'UNKNOWN_TOPIC_OR_PARTITION') missing = true;
    for (const inner of (one as AggregateError).errors ?? []) look(inner as Error);
    if (one.cause instanceof Error) look(one.cause);
    else if (((one as AggregateError).errors ?? []).length === 0) reason = one.message;
  };
  look(error);
  const what = missing ? 'it does not exist' : reason;
  return materializerError(
    'MAT_STREAM_SOURCE',
    `the topic ${topic} on ${kafka.brokers.join(', ')} cannot be read: ${what}`,
    {},
    error,
  );
}
