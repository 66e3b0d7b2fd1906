/**
 * The topic, read with @platformatic/kafka. The ledger keeps the offsets, so no consumer group shares out the
 * partitions: each run joins a group of its own, never waits for another member's session to end, and sees every
 * partition of its share. The group `plumbline-ingest` only shows operators who look for lag how far the ingest has
 * come.
 */
import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import { kafkaConnection } from '../../project/connections/kafka-connection.ts';
import type { KafkaSettings } from '../../project/settings/kafka-settings.ts';
import { monitorError } from '../errors.ts';
import type { TopicMessage, TopicPartition, TopicReader } from './topic-source.ts';

export const INGEST_GROUP = 'plumbline-ingest';

const CLIENT_ID = 'plumbline-monitor';
/** The topic id that a broker before 2.8 gives. */
const NO_ID = '00000000-0000-0000-0000-000000000000';
const IDLE_MS = 500;
const RETRY_MS = 500;
const RETRY_MS_MAX = 5_000;

export class PlatformaticTopic implements TopicReader {
  readonly topic: string;
  readonly #settings: KafkaSettings;
  readonly #warn: (line: string) => void;
  readonly #holds: (partition: number) => boolean;
  #consumer: Consumer | null = null;
  #admin: Admin | null = null;

  /** @param holds  which partitions are read */
  constructor(
    settings: KafkaSettings,
    warn: (line: string) => void,
    holds: (partition: number) => boolean = () => true,
  ) {
    this.topic = settings.topic;
    this.#settings = settings;
    this.#warn = warn;
    this.#holds = holds;
  }

  #connected(): Consumer {
    if (this.#consumer !== null) return this.#consumer;
    const consumer = new Consumer({
      ...kafkaConnection(this.#settings),
      clientId: CLIENT_ID,
      groupId: `${INGEST_GROUP}-${randomUUID()}`,
    });
    // A group of one is given all partitions, whatever its assigner says: those of others are taken out before they
    // are fetched.
    consumer.on('consumer:group:join', () => {
      for (const own of consumer.assignments ?? []) own.partitions = own.partitions.filter(this.#holds);
    });
    return (this.#consumer = consumer);
  }

  async partitions(): Promise<TopicPartition[]> {
    const { topic } = this;
    try {
      const consumer = this.#connected();
      const topics = [topic];
      const earliest = await consumer.listOffsets({ topics, timestamp: ListOffsetTimestamps.EARLIEST });
      const latest = await consumer.listOffsets({ topics, timestamp: ListOffsetTimestamps.LATEST });
      const { topics: known } = await consumer.metadata({ topics, forceUpdate: true });
      const topicId = known.get(topic)?.id ?? NO_ID;
      return latest.get(topic)!.map((end, partition) => ({
        partition,
        ...(topicId === NO_ID ? {} : { topicId }),
        earliest: Number(earliest.get(topic)![partition]),
        end: Number(end),
      }));
    } catch (error) {
      throw this.#failed(error as Error);
    }
  }

  /** When the broker goes away, this waits for it and meanwhile yields null. */
  async *messages(from: ReadonlyMap<number, number>): AsyncGenerator<TopicMessage | null> {
    const next = new Map(from);
    for (let waitMs = RETRY_MS; ; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
      let failed = false;
      try {
        for await (const message of this.#stream(next)) {
          if (message !== null) next.set(message.partition, message.offset + 1);
          if (message !== null) waitMs = RETRY_MS;
          yield message;
        }
      } catch (error) {
        failed = true;
        this.#warn(`${this.#failed(error as Error).message}; it is tried again`);
        await this.#disconnect();
      }
      if (!failed) return;
      await sleep(waitMs);
      yield null;
    }
  }

  async *#stream(from: ReadonlyMap<number, number>): AsyncGenerator<TopicMessage | null> {
    const { topic } = this;
    const stream = await this.#connected().consume({
      topics: [topic],
      mode: 'manual',
      offsets: [...from].map(([partition, offset]) => ({ topic, partition, offset: BigInt(offset) })),
      autocommit: false,
      fallbackMode: 'earliest',
    });
    const state: { failure: Error | null } = { failure: null };
    stream.on('error', (error) => (state.failure = error));
    // With a listener for `readable`, buffered messages can be read without a promise for each.
    stream.on('readable', () => {});
    for (;;) {
      const message = stream.read() as { partition: number; offset: bigint; value?: Buffer } | null;
      if (message !== null) {
        const { partition, offset, value } = message;
        yield { partition, offset: Number(offset), value: value ?? Buffer.alloc(0) };
      } else if (state.failure !== null || stream.destroyed) {
        throw state.failure ?? new Error('the broker ended the stream');
      } else if (!(await readable(stream))) yield null;
    }
  }

  async tellOffsets(offsets: ReadonlyMap<number, number>): Promise<void> {
    const partitionOffsets = [...offsets].map(([partition, offset]) => ({
      partition,
      offset: BigInt(offset),
    }));
    try {
      this.#admin ??= new Admin({ ...kafkaConnection(this.#settings), clientId: CLIENT_ID });
      await this.#admin.alterConsumerGroupOffsets({
        groupId: INGEST_GROUP,
        topics: [{ name: this.topic, partitionOffsets }],
      });
    } catch (error) {
      throw this.#failed(error as Error);
    }
  }

  async close(): Promise<void> {
    await this.#disconnect();
    await this.#admin?.close().catch(() => {});
    this.#admin = null;
  }

  async #disconnect(): Promise<void> {
    await this.#consumer?.close(true).catch(() => {});
    this.#consumer = null;
  }

  #failed(error: Error): Error {
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
    const brokers = this.#settings.brokers.join(', ');
    return monitorError(
      'MON_TOPIC',
      `the topic ${this.topic} on ${brokers} cannot be read: ${what}`,
      {},
      error,
    );
  }
}

/** @returns true when there is something to read or the stream has ended, false when nothing came for a moment */
function readable(stream: EventEmitter): Promise<boolean> {
  return new Promise((resolve) => {
    const events = ['readable', 'error', 'close'];
    const done = (came: boolean): void => {
      clearTimeout(timer);
      for (const event of events) stream.removeListener(event, yes);
      resolve(came);
    };
    const yes = (): void => done(true);
    const timer = setTimeout(() => done(false), IDLE_MS);
    for (const event of events) stream.once(event, yes);
  });
}
