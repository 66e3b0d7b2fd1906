/** Chooses the Kafka client that the settings name; the other one's code is not even loaded. */
import type { KafkaSettings } from '../../project/settings/kafka-settings.ts';
import type { LogProducer } from './log-producer.ts';

export async function openProducer(settings: KafkaSettings): Promise<LogProducer> {
  if (settings.client === 'kafkajs') {
    const { KafkaJsProducer } = await import('./kafkajs-producer.ts');
    return new KafkaJsProducer(settings);
  }
  const { PlatformaticProducer } = await import('./platformatic-producer.ts');
  return new PlatformaticProducer(settings);
}
