import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configShow } from '../../../../registry/commands.ts';
import { loadSettings, settingPaths, spoolConsumers } from '../../../../project/settings/settings.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const project = (kafka: string): string => scratchFolder({ 'plumbline.yaml': `log: { kafka: ${kafka} }\n` });
const kafkaOf = (kafka: string, environment = {}) => loadSettings(project(kafka), environment).log.kafka;

describe('settings of Kafka', () => {
  test('without any the log stays in the spool, and nobody has to pass its segments', () => {
    const { log } = loadSettings(scratchFolder({ 'plumbline.yaml': '' }), {});
    expect(log.kafka).toBeNull();
    expect(spoolConsumers(log)).toEqual([]);
  });

  test('brokers are enough', () => {
    expect(kafkaOf('{ brokers: ["k1:9092", "[::1]:9093"] }')).toEqual({
      brokers: ['k1:9092', '[::1]:9093'],
      topic: 'plumbline.served',
      client: 'platformatic',
      compression: 'none',
      graceMs: 5_000,
      tls: null,
      sasl: null,
    });
  });

  test('Kafka and ingest are consumers of the spool when they are set', () => {
    const folder = scratchFolder({ 'plumbline.yaml': 'log: { kafka: { brokers: "k:1" }, ingest: true }\n' });
    expect(spoolConsumers(loadSettings(folder, {}).log)).toEqual(['kafka', 'ingest']);
  });

  test('the environment sets them, lists with commas and secrets too', () => {
    const environment = {
      PLUMB_LOG_KAFKA_BROKERS: 'k1:9092, k2:9092',
      PLUMB_LOG_KAFKA_TOPIC: 'served',
      PLUMB_LOG_KAFKA_TLS: 'true',
      PLUMB_LOG_KAFKA_SASL_MECHANISM: 'scram-sha-512',
      PLUMB_LOG_KAFKA_SASL_USERNAME: 'plumb',
      PLUMB_LOG_KAFKA_SASL_PASSWORD: 'hush',
    };
    const folder = scratchFolder({
      'plumbline.yaml': 'log: { maxBytes: 1MiB, kafka: { client: kafkajs } }\n',
    });
    const { log } = loadSettings(folder, environment);
    expect(log.maxBytes).toBe(2 ** 20);
    expect(log.kafka).toMatchObject({
      brokers: ['k1:9092', 'k2:9092'],
      topic: 'served',
      client: 'kafkajs',
      tls: { ca: null, cert: null, key: null, serverName: null },
      sasl: { mechanism: 'scram-sha-512', username: 'plumb', password: 'hush' },
    });
    expect(settingPaths()).toContain('log.kafka.sasl.password');
  });

  test("files of TLS and tokens are in the project's folder unless they are absolute", () => {
    const folder = project(
      '{ brokers: "k:1", tls: { ca: ca.pem, cert: /c.pem, key: /k.pem }, sasl: { mechanism: oauthbearer, tokenFile: t } }',
    );
    expect(loadSettings(folder, {}).log.kafka).toMatchObject({
      tls: { ca: join(folder, 'ca.pem'), cert: '/c.pem', key: '/k.pem' },
      sasl: { tokenFile: join(folder, 't') },
    });
  });

  test.each([
    ['{ topic: a }', 'log.kafka.brokers'],
    ['{ brokers: ["k1"] }', 'expected a broker as host:port, such as k1:9092'],
    ['{ brokers: ["k1:99999"] }', 'expected a port from 1 to 65535 behind the host'],
    ['{ brokers: "k1:0" }', 'expected a port from 1 to 65535 behind the host'],
    ['{ brokers: "k:1", topic: "a b" }', 'expected the name of a topic'],
    ['{ brokers: "k:1", compression: gzip }', 'log.kafka.compression'],
    ['{ brokers: "k:1", tls: { cert: a } }', 'cert and key go together'],
    ['{ brokers: "k:1", sasl: { mechanism: plain, username: a } }', 'needs username and password'],
    ['{ brokers: "k:1", sasl: { mechanism: oauthbearer } }', 'either token or tokenFile'],
    ['{ brokers: "k:1", acks: 1 }', 'log.kafka has no setting "acks"'],
  ])('%s is refused with a sentence', (kafka, sentence) => {
    expect(() => kafkaOf(kafka)).toThrow(sentence);
  });

  test.each([true, false])('config show hides the secrets (json %s)', async (json) => {
    const folder = project(
      '{ brokers: "k:1", sasl: { mechanism: plain, username: plumb, password: hush, token: hush } }',
    );
    const printed: string[] = [];
    await configShow({
      folder,
      json,
      color: false,
      logger: silentLogger,
      flags: {},
      tellErrors() {},
      print: async (text) => void printed.push(String(text)),
    });
    expect(printed.join()).not.toContain('hush');
    expect(printed.join()).toContain('plumb');
    expect(printed.join()).toContain('***');
  });
});
