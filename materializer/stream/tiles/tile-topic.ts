/**
 * The topic that tiles are sent to: its messages are those of contract/aggregation/tile-message.ts, keyed by what a
 * tile is the tile of, so that the topic may forget all but the newest of each. All of an entity's tiles are in one
 * partition, as Java's clients would choose it by the entity's text.
 */
import { compatibilityPartitioner, Producer } from '@platformatic/kafka';
import type { Json } from '../../../contract/std/canonical-json.ts';
import { kafkaConnection } from '../../../project/connections/kafka-connection.ts';
import type { KafkaAccess } from '../../../project/settings/kafka-settings.ts';
import { materializerError } from '../../errors.ts';
import { KafkaReader } from '../source/kafka-reader.ts';

const CLIENT_ID = 'plumbline-tiles';
const ACKS_OF_ALL_REPLICAS = -1;
const RETRIES = 5;
const RETRY_MS = 500;
/** A broker takes a megabyte of a partition at once. */
const BATCH_BYTES = 400_000;

interface TileMessage {
  readonly key: string;
  /** Whose messages follow each other. */
  readonly entity: string;
  readonly value: { readonly [name: string]: Json | undefined };
}

export class TileTopic {
  readonly name: string;
  readonly #partitions: number;
  readonly #producer: Producer;

  private constructor(name: string, partitions: number, producer: Producer) {
    this.name = name;
    this.#partitions = partitions;
    this.#producer = producer;
  }

  /** @throws MAT_STREAM_SOURCE when there is no such topic, or no broker answers */
  static async open(name: string, kafka: KafkaAccess): Promise<TileTopic> {
    const reader = await KafkaReader.open({ topic: name, kafka, warn: () => {} });
    const { length } = reader.partitions;
    await reader.close();
    const producer = new Producer({
      ...kafkaConnection(kafka),
      clientId: CLIENT_ID,
      autocreateTopics: false,
      // A message that is sent again must not come behind a later one.
      idempotent: true,
      retries: RETRIES,
      retryDelay: RETRY_MS,
    });
    return new TileTopic(name, length, producer);
  }

  /** Sends messages in their order. @throws MAT_STREAM_SOURCE when the brokers did not take all of them */
  async send(messages: Iterable<TileMessage>): Promise<void> {
    let [batch, bytes] = [[] as { topic: string; key: Buffer; value: Buffer; partition: number }[], 0];
    for (const { key, entity, value } of messages) {
      const made = Buffer.from(JSON.stringify(value));
      const partition =
        compatibilityPartitioner({ topic: this.name }, Buffer.from(entity)) % this.#partitions;
      batch.push({ topic: this.name, key: Buffer.from(key), value: made, partition });
      bytes += made.length + key.length;
      if (bytes < BATCH_BYTES) continue;
      await this.#send(batch);
      [batch, bytes] = [[], 0];
    }
    if (batch.length > 0) await this.#send(batch);
  }

  async #send(
    messages: readonly { topic: string; key: Buffer; value: Buffer; partition: number }[],
  ): Promise<void> {
    try {
      await this.#producer.send({ messages: [...messages], acks: ACKS_OF_ALL_REPLICAS });
    } catch (error) {
      const what = `tiles could not be sent to the topic ${this.name}: ${(error as Error).message}`;
      const help = 'Start the stream again: it sends them from where the topic ends.';
      throw materializerError('MAT_STREAM_SOURCE', what, { help }, error as Error);
    }
  }

  async close(): Promise<void> {
    await this.#producer.close(true).catch(() => {});
  }
}
