/**
 * The servers that Plumbline stands on in production, as processes on loopback: a Redis Cluster of six nodes, Kafka,
 * PostgreSQL. They are started as the tests start them: from what this machine has, or installs without a question.
 */
import type { Logger } from '../../contract/std/logger.ts';
import { startKafka } from '../../test/support/kafka/kafka.ts';
import { makeTopic } from '../../test/support/kafka/kafka-topic.ts';
import { startPostgres } from '../../test/support/postgres/postgres.ts';
import { startRedisCluster } from '../../test/support/redis/redis-cluster.ts';

export interface Servers {
  /** `redis+cluster://...` */
  readonly online: string;
  readonly brokers: readonly string[];
  /** `postgres://...`; null: this machine has none, and the registry stays a file. */
  readonly registry: string | null;
  stop(): Promise<void>;
}

const TOPIC = 'plumbline.served';

/** @throws Error with one sentence where Redis or Kafka cannot be had */
export async function startServers(logger: Logger): Promise<Servers> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(stops.splice(0).map((one) => one()));
  };
  const started = async <T extends { stop(): Promise<void> }>(server: Promise<T>): Promise<T> => {
    const one = await server;
    stops.push(() => one.stop());
    return one;
  };
  try {
    const [cluster, kafka, postgres] = await Promise.all([
      started(startRedisCluster({ args: ['--maxmemory-policy', 'noeviction'] })),
      started(startKafka()),
      started(startPostgres()).catch((error: Error) => {
        logger.warn(`the registry stays a file: ${error.message}`);
        return null;
      }),
    ]);
    await makeTopic(kafka.brokers, TOPIC);
    return { online: cluster.url, brokers: kafka.brokers, registry: postgres?.url ?? null, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
