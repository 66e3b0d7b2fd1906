/**
 * The shipper's default client: @platformatic/kafka (decisions/0004 has the comparison).
 *
 * Not idempotent: a batch whose answer was lost is sent again, and readers tell duplicates by (pod, epoch, sequence,
 * part). Keys are hashed as Java's client does, so that both of our clients and any other agree on the partition.
 */
import { Producer, ResponseError, compatibilityPartitioner } from '@platformatic/kafka';
import type { MessageToProduce } from '@platformatic/kafka';
import { kafkaConnection } from '../../project/connections/kafka-connection.ts';
import type { KafkaSettings } from '../../project/settings/kafka-settings.ts';
import {
  ACK_LIMIT_MS,
  CLIENT_ID,
  CLIENT_RETRIES,
  CLIENT_RETRY_MS,
  SENT,
  failedOutcome,
} from './log-producer.ts';
import type { KeyedRecord, LogProducer, SendOutcome } from './log-producer.ts';

const ACKS_OF_ALL_REPLICAS = -1;

export class PlatformaticProducer implements LogProducer {
  readonly #settings: KafkaSettings;
  /** null until the first send, and after a send that reached no broker. */
  #producer: Producer | null = null;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
  }

  async send(batch: readonly KeyedRecord[]): Promise<SendOutcome> {
    const { topic } = this.#settings;
    const messages: MessageToProduce<Buffer, Buffer, Buffer, Buffer>[] = batch.map(({ key, value }) => ({
      topic,
      key,
      value,
    }));
    try {
      this.#producer ??= openProducer(this.#settings);
      await this.#producer.send({ messages, acks: ACKS_OF_ALL_REPLICAS });
      return SENT;
    } catch (error) {
      const outcome = outcomeOf(error as Error);
      // The next send begins with a new client, from the brokers that the settings name.
      if (outcome.kind === 'unavailable') void this.close();
      return outcome;
    }
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    try {
      await producer?.close(true);
    } catch {
      // Its connections are closed already.
    }
  }
}

function openProducer(settings: KafkaSettings): Producer {
  return new Producer({
    ...kafkaConnection(settings),
    clientId: CLIENT_ID,
    compression: settings.compression,
    partitioner: compatibilityPartitioner,
    autocreateTopics: false,
    retries: CLIENT_RETRIES,
    retryDelay: CLIENT_RETRY_MS,
    timeout: ACK_LIMIT_MS,
  });
}

function outcomeOf(error: Error): SendOutcome {
  const codes: string[] = [];
  const reasons: string[] = [];
  walk(error, (one) => {
    const { apiId, code, path } = one as { apiId?: string; code?: string; path?: string };
    // Beside the error of a refused batch, the client reports those of its single records as unknown ones.
    if (path?.includes('/record_errors/')) return;
    if (apiId !== undefined) codes.push(apiId);
    if (apiId !== undefined || !(one instanceof ResponseError || code === 'PLT_KFK_MULTIPLE')) {
      reasons.push(one.message);
    }
  });
  return failedOutcome(codes, reasons.at(-1) ?? error.message);
}

function walk(error: Error, visit: (error: Error) => void): void {
  visit(error);
  for (const inner of (error as AggregateError).errors ?? []) walk(inner as Error, visit);
  if (error.cause instanceof Error) walk(error.cause, visit);
}
