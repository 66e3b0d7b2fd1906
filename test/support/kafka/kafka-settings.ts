/** The settings of `log.kafka` for a test's broker. */
import type { KafkaSettings } from '../../../project/settings/kafka-settings.ts';
import type { KafkaServer } from './kafka.ts';

export function kafkaSettingsOf(kafka: Pick<KafkaServer, 'brokers'>): KafkaSettings {
  return {
    brokers: kafka.brokers,
    topic: 'plumbline.served',
    client: 'platformatic',
    compression: 'none',
    graceMs: 5_000,
    tls: null,
    sasl: null,
  };
}
