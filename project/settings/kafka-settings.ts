/**
 * The settings of `log.kafka`: where the vector log is shipped, and how the sidecar makes itself known there. The
 * tests' readers and the sidecar's producers take the same ones. Secrets are hidden (secret-settings.ts) and are best
 * given in the environment, e.g. PLUMB_LOG_KAFKA_SASL_PASSWORD, or in a file.
 */
import { z } from 'zod';

/** How a cluster of Kafka is reached. */
export interface KafkaAccess {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly tls: KafkaTls | null;
  readonly sasl: KafkaSasl | null;
}

export interface KafkaSettings extends KafkaAccess {
  readonly topic: string;
  readonly client: 'platformatic' | 'kafkajs';
  readonly compression: 'none' | 'lz4' | 'zstd';
  /** How long a stopping sidecar goes on shipping what is left. */
  readonly graceMs: number;
}

/** Files in PEM, absolute; null: the machine's authorities, no certificate of our own. */
export interface KafkaTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that the brokers' certificates must have; null: the one they were called by. */
  readonly serverName: string | null;
}

export interface KafkaSasl {
  readonly mechanism: (typeof MECHANISMS)[number];
  readonly username: string | null;
  readonly password: string | null;
  readonly token: string | null;
  /** Read anew for each authentication, as a token of Kubernetes is renewed in place. */
  readonly tokenFile: string | null;
}

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const;

const text = z.string().min(1).nullable().default(null);
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')]);
const broker = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^\s:,]+):\d{1,5}$/, 'expected a broker as host:port, such as k1:9092')
  .refine((at) => {
    const port = Number(at.slice(at.lastIndexOf(':') + 1));
    return port >= 1 && port <= 65_535;
  }, 'expected a port from 1 to 65535 behind the host, such as k1:9092');

const tls = z
  .strictObject({ ca: text, cert: text, key: text, serverName: text })
  .refine(({ cert, key }) => (cert === null) === (key === null), 'cert and key go together: give both');

const sasl = z
  .strictObject({
    mechanism: z.enum(MECHANISMS),
    username: text,
    password: text,
    token: text,
    tokenFile: text,
  })
  .refine(
    ({ mechanism, token, tokenFile }) =>
      mechanism !== 'oauthbearer' || (token === null) !== (tokenFile === null),
    'oauthbearer needs either token or tokenFile',
  )
  .refine(
    ({ mechanism, username, password }) =>
      mechanism === 'oauthbearer' || (username !== null && password !== null),
    'this mechanism needs username and password',
  );

export const KAFKA_SETTINGS = z.strictObject({
  // The environment has no lists: there, names are separated by commas.
  brokers: z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value),
    z.array(broker).min(1),
  ),
  topic: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,249}$/, 'expected the name of a topic: letters, digits, dots, - and _')
    .default('plumbline.served'),
  client: z.enum(['platformatic', 'kafkajs']).default('platformatic'),
  compression: z.enum(['none', 'lz4', 'zstd']).default('none'),
  graceMs: z
    .preprocess(
      (value) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value),
      z.number('expected milliseconds as a plain number').int().nonnegative().max(600_000),
    )
    .default(5_000),
  tls: z
    .union([flag.transform((on) => (on ? { ca: null, cert: null, key: null, serverName: null } : null)), tls])
    .nullable()
    .default(null),
  sasl: sasl.nullable().default(null),
});

/** Of a cluster that is read: `stream.kafka`. */
export const KAFKA_ACCESS = KAFKA_SETTINGS.pick({ brokers: true, tls: true, sasl: true });

/** @param path  makes a path absolute against the project's folder */
export function kafkaAccess<Parsed extends z.output<typeof KAFKA_ACCESS>>(
  parsed: Parsed,
  path: (text: string) => string,
): Omit<Parsed, keyof KafkaAccess> & KafkaAccess {
  const file = (name: string | null): string | null => (name === null ? null : path(name));
  const { tls: secured, sasl: login } = parsed;
  return {
    ...parsed,
    tls:
      secured === null
        ? null
        : { ...secured, ca: file(secured.ca), cert: file(secured.cert), key: file(secured.key) },
    sasl: login === null ? null : { ...login, tokenFile: file(login.tokenFile) },
  };
}
