/**
 * The Kafka that the test files of a run share: `const kafka = await runKafka()`. For those that neither end nor pause
 * nor configure a broker, and whose topics bear the file's name; others start their own (`kafka.ts`).
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { inject } from 'vitest';
import type { KafkaServer } from './kafka.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly kafkaSocket: string;
  }
}

export type RunKafka = Pick<KafkaServer, 'brokers'>;

/**
 * The first call of a run may fetch Kafka: give the hook that calls it KAFKA_START_LIMIT_MS.
 *
 * @throws Error with one sentence when this machine has no Kafka and no way to get one
 */
export async function runKafka(): Promise<RunKafka> {
  const client = connect(inject('kafkaSocket')).setEncoding('utf8');
  let answer = '';
  client.on('data', (part: string) => (answer += part));
  await once(client, 'end');
  const { brokers, error } = JSON.parse(answer) as { brokers?: readonly string[]; error?: string };
  if (brokers === undefined) throw new Error(error);
  return { brokers };
}
