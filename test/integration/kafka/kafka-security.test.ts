/** TLS and each way to log in, of the shipper's clients and the ingest's, against a broker that lets nobody else in. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { INGEST_GROUP, PlatformaticTopic } from '../../../monitor/ingest/platformatic-topic.ts';
import type { KafkaSasl, KafkaSettings } from '../../../project/settings/kafka-settings.ts';
import type { SendOutcome } from '../../../sidecar/shipper/log-producer.ts';
import { openProducer } from '../../../sidecar/shipper/open-producer.ts';
import { KAFKA_START_LIMIT_MS, startKafka } from '../../support/kafka/kafka.ts';
import type { KafkaServer } from '../../support/kafka/kafka.ts';
import { javaCommand, kafkaProgram } from '../../support/kafka/kafka-program.ts';
import { kafkaSettingsOf } from '../../support/kafka/kafka-settings.ts';
import { groupOffsets, makeTopic, readTopic } from '../../support/kafka/kafka-topic.ts';
import type { ReaderOptions } from '../../support/kafka/kafka-topic.ts';

const SECRET = 'correct horse';
const STORE_PASSWORD = 'changeit';
const TOPIC = 'secured';
const SECURITY = 'org.apache.kafka.common.security';

let folder: string;
let kafka: KafkaServer;
let reader: ReaderOptions;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  await makeCertificate();
  const login = (mechanism: string, module: string): Record<string, string> => ({
    [`listener.name.clients.${mechanism}.sasl.jaas.config`]: `${SECURITY}.${module};`,
  });
  kafka = await startKafka({
    protocol: 'SASL_SSL',
    files: folder,
    scram: ['256', '512'].map((bits) => `SCRAM-SHA-${bits}=[name=alice,password=${SECRET}]`),
    properties: {
      'ssl.keystore.location': join(folder, 'store.p12'),
      'ssl.keystore.password': STORE_PASSWORD,
      'ssl.keystore.type': 'PKCS12',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      ...login('plain', `plain.PlainLoginModule required user_alice="${SECRET}"`),
      ...login('scram-sha-256', 'scram.ScramLoginModule required'),
      ...login('scram-sha-512', 'scram.ScramLoginModule required'),
      ...login(
        'oauthbearer',
        'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"',
      ),
    },
  });
  const ssl = { ca: readFileSync(join(folder, 'ca.pem')) };
  reader = { ssl, sasl: { mechanism: 'plain', username: 'alice', password: SECRET } };
  await makeTopic(kafka.brokers, TOPIC, { reader });
}, KAFKA_START_LIMIT_MS);
afterAll(async () => {
  await kafka?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A key of the broker's own and its certificate, with the tool that comes with Java. */
async function makeCertificate(): Promise<void> {
  const program = await kafkaProgram();
  const keytool = (...given: string[]): void => {
    const [command, ...args] = javaCommand(program, 'keytool', given, [folder]);
    execFileSync(command, args, { stdio: 'ignore' });
  };
  const store = ['-alias', 'broker', '-keystore', join(folder, 'store.p12'), '-storepass', STORE_PASSWORD];
  const key = ['-keyalg', 'RSA', '-dname', 'CN=broker', '-ext', 'SAN=IP:127.0.0.1', '-validity', '2'];
  keytool('-genkeypair', ...store, ...key, '-storetype', 'PKCS12');
  keytool('-exportcert', ...store, '-rfc', '-file', join(folder, 'ca.pem'));
}

/** A token without a signature, which a broker without a validator of its own takes for the development it is for. */
function bearer(): string {
  const nowS = Math.floor(Date.now() / 1_000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: 'alice', iat: nowS, exp: nowS + 600 })}.`;
}

const NOBODY: KafkaSasl = {
  mechanism: 'plain',
  username: null,
  password: null,
  token: null,
  tokenFile: null,
};
const tls = () => ({ ca: join(folder, 'ca.pem'), cert: null, key: null, serverName: null });

async function send(settings: Partial<KafkaSettings>, value: string): Promise<SendOutcome> {
  const producer = await openProducer({ ...kafkaSettingsOf(kafka), topic: TOPIC, tls: tls(), ...settings });
  onTestFinished(() => producer.close());
  return producer.send([{ key: Buffer.from('k'), value: Buffer.from(value) }]);
}

const WRONG = [
  ['a wrong password', { sasl: { ...NOBODY, username: 'alice', password: 'wrong' } }],
  [
    'a wrong SCRAM password',
    { sasl: { ...NOBODY, mechanism: 'scram-sha-512', username: 'alice', password: 'x' } },
  ],
  ['nobody', { sasl: null }],
  ['an unknown authority', { tls: { ca: null, cert: null, key: null, serverName: null } }],
  ['a certificate for another name', { tls: { name: 'k1.example.com' } }],
  ['a missing file', { tls: { ca: '/no/such/file.pem', cert: null, key: null, serverName: null } }],
] as const;

function wrongSettings(wrong: (typeof WRONG)[number][1]): Partial<KafkaSettings> {
  const sasl = { ...NOBODY, username: 'alice', password: SECRET };
  const named =
    'tls' in wrong && 'name' in wrong.tls ? { tls: { ...tls(), serverName: wrong.tls.name } } : wrong;
  return { sasl, ...(named as Partial<KafkaSettings>) };
}

describe.each(['platformatic', 'kafkajs'] as const)('%s', (client) => {
  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('%s over TLS', async (mechanism) => {
    const sasl = { ...NOBODY, mechanism, username: 'alice', password: SECRET };
    const value = `${client} ${mechanism}`;
    expect(await send({ client, sasl }, value)).toEqual({ kind: 'sent' });
    const read = await readTopic(kafka.brokers, TOPIC, reader);
    expect(read.map((record) => record.value.toString())).toContain(value);
  });

  test('oauthbearer, with a token from the settings or from a file', async () => {
    const mechanism = 'oauthbearer' as const;
    expect(await send({ client, sasl: { ...NOBODY, mechanism, token: bearer() } }, 'token')).toEqual({
      kind: 'sent',
    });
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, `${bearer()}\n`);
    expect(await send({ client, sasl: { ...NOBODY, mechanism, tokenFile } }, 'file')).toEqual({
      kind: 'sent',
    });
  });

  test.each(WRONG)('%s is unavailable, never a refusal of the record', async (_, wrong) => {
    const outcome = await send({ client, ...wrongSettings(wrong) }, 'never');
    expect(outcome.kind).toBe('unavailable');
    expect((outcome as { reason: string }).reason).not.toContain(SECRET);
  });
});

describe("the ingest's consumer", () => {
  const reading = (settings: Partial<KafkaSettings>): PlatformaticTopic => {
    const all = { ...kafkaSettingsOf(kafka), topic: TOPIC, tls: tls(), ...settings };
    const topic = new PlatformaticTopic(all, () => {});
    onTestFinished(() => topic.close());
    return topic;
  };

  /** Reads all there is, as an ingest does, and tells how far it has come. */
  async function readAll(topic: PlatformaticTopic): Promise<string[]> {
    const partitions = await topic.partitions();
    const left = new Map(
      partitions.flatMap(({ partition, earliest, end }) => (end > earliest ? [[partition, end]] : [])),
    );
    const values: string[] = [];
    const from = new Map(partitions.map(({ partition, earliest }) => [partition, earliest]));
    for await (const message of topic.messages(from)) {
      if (message === null) continue;
      values.push(message.value.toString());
      if (left.get(message.partition) === message.offset + 1) left.delete(message.partition);
      if (left.size === 0) break;
    }
    await topic.tellOffsets(new Map(partitions.map(({ partition, end }) => [partition, end])));
    return values;
  }

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('%s over TLS', async (mechanism) => {
    const sasl = { ...NOBODY, mechanism, username: 'alice', password: SECRET };
    const value = `for the consumer, ${mechanism}`;
    await send({ sasl }, value);
    const topic = reading({ sasl });
    expect(await readAll(topic)).toContain(value);
    const ends = (await topic.partitions()).map(({ end }) => end);
    expect(await groupOffsets(kafka.brokers, TOPIC, INGEST_GROUP, reader)).toEqual(ends);
  });

  test('oauthbearer, with a token from the settings or from a file', async () => {
    const mechanism = 'oauthbearer' as const;
    await send({ sasl: { ...NOBODY, mechanism, token: bearer() } }, 'a token');
    const tokenFile = join(folder, 'consumer-token');
    writeFileSync(tokenFile, `${bearer()}\n`);
    for (const given of [{ token: bearer() }, { tokenFile }]) {
      expect(await readAll(reading({ sasl: { ...NOBODY, mechanism, ...given } }))).toContain('a token');
    }
  });

  test.each(WRONG)('%s is one sentence without the secret', async (_, wrong) => {
    const failure: unknown = await reading(wrongSettings(wrong))
      .partitions()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'MON_TOPIC' });
    expect((failure as Error).message).toMatch(/^the topic secured on 127[^\n]+ cannot be read: [^\n]+$/);
    expect((failure as Error).message).not.toContain(SECRET);
  });
});
