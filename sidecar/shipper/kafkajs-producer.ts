/**
 * The shipper's other client: kafkajs, for those who run it already or meet a defect in the first one. Behaves the
 * same (test/integration/vector-log/log-producer.test.ts), at a lower rate (decisions/0004).
 */
import kafkajs from 'kafkajs';
import type { KafkaConfig, Producer } from 'kafkajs';
import {
  CONNECT_LIMIT_MS,
  REQUEST_LIMIT_MS,
  bearerToken,
  tlsFiles,
} from '../../project/connections/kafka-connection.ts';
import type { KafkaSettings } from '../../project/settings/kafka-settings.ts';
import { registerCodecs } from './kafkajs-codecs.ts';
import {
  ACK_LIMIT_MS,
  CLIENT_ID,
  CLIENT_RETRIES,
  CLIENT_RETRY_MS,
  SENT,
  failedOutcome,
} from './log-producer.ts';
import type { KeyedRecord, LogProducer, SendOutcome } from './log-producer.ts';

const { CompressionTypes, Kafka, Partitioners, logLevel } = kafkajs;
const ACKS_OF_ALL_REPLICAS = -1;
const COMPRESSION = {
  none: CompressionTypes.None,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

export class KafkaJsProducer implements LogProducer {
  readonly #settings: KafkaSettings;
  /** null until the first send, and after a send that reached no broker: the next one begins with a new connection. */
  #producer: Producer | null = null;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
    registerCodecs(CompressionTypes, kafkajs.CompressionCodecs);
  }

  async send(batch: readonly KeyedRecord[]): Promise<SendOutcome> {
    const { topic, compression } = this.#settings;
    try {
      const producer = (this.#producer ??= await connected(this.#settings));
      await producer.send({
        topic,
        messages: batch.map(({ key, value }) => ({ key, value })),
        acks: ACKS_OF_ALL_REPLICAS,
        timeout: ACK_LIMIT_MS,
        compression: COMPRESSION[compression],
      });
      return SENT;
    } catch (error) {
      const outcome = outcomeOf(error as Error, topic);
      if (outcome.kind === 'unavailable') await this.close();
      return outcome;
    }
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.disconnect().catch(() => {});
  }
}

async function connected(settings: KafkaSettings): Promise<Producer> {
  const { brokers, tls, sasl } = settings;
  const config: KafkaConfig = {
    clientId: CLIENT_ID,
    brokers: [...brokers],
    connectionTimeout: CONNECT_LIMIT_MS,
    authenticationTimeout: CONNECT_LIMIT_MS,
    requestTimeout: REQUEST_LIMIT_MS,
    // What it would print stands in its errors too.
    logLevel: logLevel.NOTHING,
    retry: { retries: CLIENT_RETRIES, initialRetryTime: CLIENT_RETRY_MS },
    ...(tls === null ? {} : { ssl: tlsFiles(tls) }),
    ...(sasl === null ? {} : { sasl: saslOptions(sasl) }),
  };
  const producer = new Kafka(config).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
  });
  try {
    await producer.connect();
    return producer;
  } catch (error) {
    await producer.disconnect().catch(() => {});
    throw error;
  }
}

function saslOptions(sasl: NonNullable<KafkaSettings['sasl']>): NonNullable<KafkaConfig['sasl']> {
  const { mechanism } = sasl;
  if (mechanism === 'oauthbearer') {
    return { mechanism, oauthBearerProvider: async () => ({ value: bearerToken(sasl) }) };
  }
  const login = { username: sasl.username!, password: sasl.password! };
  // Spelt out one by one: the types of the library tie each mechanism to its own shape.
  if (mechanism === 'plain') return { mechanism, ...login };
  if (mechanism === 'scram-sha-256') return { mechanism, ...login };
  return { mechanism, ...login };
}

function outcomeOf(error: Error, topic: string): SendOutcome {
  const codes: string[] = [];
  let innermost = error;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    innermost = at;
    const { type } = at as { type?: string };
    if (type !== undefined) codes.push(type);
  }
  const reason = codes.includes('UNKNOWN_TOPIC_OR_PARTITION')
    ? `there is no topic ${topic}`
    : innermost.message;
  return failedOutcome(codes, reason);
}
