/**
 * The settings of `log.kafka` and `stream.kafka` as Kafka's clients take them: brokers, login, TLS and timeouts. Shared
 * by the sidecar's shipper, the monitor's ingest and `plumb stream`, so that a login that lets one in lets the others
 * in. Knows no client library: each is imported where it is used. Files are read at each connection: certificates and
 * tokens are renewed in place.
 */
import { readRegularFile, readRegularText } from '../../contract/std/files/regular-file.ts';
import type { KafkaAccess, KafkaSasl, KafkaTls } from '../settings/kafka-settings.ts';

export const CONNECT_LIMIT_MS = 5_000;
/** How long a client waits for an answer. */
export const REQUEST_LIMIT_MS = 30_000;

/** The options of @platformatic/kafka that a producer, a consumer and an admin share. */
interface KafkaConnection {
  readonly bootstrapBrokers: string[];
  readonly connectTimeout: number;
  readonly requestTimeout: number;
  readonly tls?: TlsFiles;
  /** The name that the broker's certificate must have; false: the one it was called by. */
  readonly tlsServerName?: string | false;
  readonly sasl?: {
    readonly mechanism: Uppercase<KafkaSasl['mechanism']>;
    readonly username?: string;
    readonly password?: string;
    readonly token?: () => string;
  };
}

/** As node:tls takes them. */
export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/** @throws the file system's error when a file cannot be read */
export function kafkaConnection({ brokers, tls, sasl }: KafkaAccess): KafkaConnection {
  return {
    bootstrapBrokers: [...brokers],
    connectTimeout: CONNECT_LIMIT_MS,
    requestTimeout: REQUEST_LIMIT_MS,
    ...(tls === null ? {} : { tls: tlsFiles(tls), tlsServerName: tls.serverName ?? false }),
    ...(sasl === null ? {} : { sasl: login(sasl) }),
  };
}

function login(sasl: KafkaSasl): NonNullable<KafkaConnection['sasl']> {
  const mechanism = sasl.mechanism.toUpperCase() as Uppercase<KafkaSasl['mechanism']>;
  if (sasl.mechanism === 'oauthbearer') return { mechanism, token: () => bearerToken(sasl) };
  return { mechanism, username: sasl.username!, password: sasl.password! };
}

/** @throws the file system's error when a file cannot be read */
export function tlsFiles({ ca, cert, key, serverName }: KafkaTls): TlsFiles {
  return {
    ...(ca === null ? {} : { ca: readRegularFile(ca) }),
    ...(cert === null ? {} : { cert: readRegularFile(cert) }),
    ...(key === null ? {} : { key: readRegularFile(key) }),
    ...(serverName === null ? {} : { servername: serverName }),
  };
}

/** @returns the bearer token as it is now */
export function bearerToken({ token, tokenFile }: KafkaSasl): string {
  return token ?? readRegularText(tokenFile!).trim();
}
