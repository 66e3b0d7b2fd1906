/**
 * The settings of `monitor`: what a verdict may use, who is told of it, and where its numbers go. Addresses of
 * receivers are mostly secrets, so they are never shown, and best given as a file or a variable of the environment.
 */
import { z } from 'zod';
import { bytes, httpUrl, localPath, milliseconds, numeric } from './setting-values.ts';

export interface MonitorSettings {
  /** Bytes that DuckDB may hold in memory, and at most half of what the container has; the rest goes to `scratch`. */
  readonly memory: number;
  /** Folder, absolute. */
  readonly scratch: string;
  /** So many days before today's stay in the archive; null: all. */
  readonly keepServedDays: number | null;
  /** Where the folder of reports is served, without a slash at its end; null: nowhere. */
  readonly reportsUrl: string | null;
  readonly alerts: readonly ReceiverSettings[];
  /** How long a message to a receiver may take, all tries included. */
  readonly sendMs: number;
  /** A textfile for Prometheus that each run writes anew, absolute; null: none. */
  readonly metrics: string | null;
  /** The same of the ingest, written anew at each of its commits. */
  readonly ingestMetrics: string | null;
  /** A Pushgateway; null: none. A file is absolute, and stands over a text. */
  readonly pushUrl: string | null;
  readonly pushUrlFile: string | null;
  /** What is called after each run; null: nothing. A file is absolute, and stands over a text. */
  readonly heartbeatUrl: string | null;
  readonly heartbeatUrlFile: string | null;
  /** File in PEM of the authorities that receivers' certificates are checked by; null: those of the machine. */
  readonly ca: string | null;
}

export interface ReceiverSettings {
  /** By which the project remembers what it was told. */
  readonly name: string;
  readonly kind: ReceiverKind;
  readonly address: SecretText;
  /** Sent as `Authorization: Bearer`; null: none. */
  readonly bearer: SecretText | null;
}

type ReceiverKind = (typeof KINDS)[number];

/** Where a secret text is found; one of the three is given. */
export interface SecretText {
  readonly secret: string | null;
  /** File, absolute, read at each use. */
  readonly file: string | null;
  /** The name of a variable of the environment. */
  readonly variable: string | null;
}

const KINDS = ['webhook', 'slack', 'alertmanager'] as const;

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable')
  .refine(
    (name) => !name.startsWith('PLUMB_'),
    'a variable that begins with PLUMB_ is a setting: name it otherwise',
  );

const receiver = z
  .strictObject({
    kind: z.enum(KINDS),
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, 'expected a name of letters, digits, dots, - and _')
      .optional(),
    url: httpUrl.optional(),
    urlFile: localPath.optional(),
    urlEnv: variable.optional(),
    token: z.string().min(1).optional(),
    tokenFile: localPath.optional(),
    tokenEnv: variable.optional(),
  })
  .refine(({ url, urlFile, urlEnv }) => given(url, urlFile, urlEnv) === 1, {
    error: 'a receiver needs exactly one of url, urlFile and urlEnv',
  })
  .refine(({ token, tokenFile, tokenEnv }) => given(token, tokenFile, tokenEnv) <= 1, {
    error: 'a receiver takes one of token, tokenFile and tokenEnv',
  })
  .refine(({ kind, token, tokenFile, tokenEnv }) => kind !== 'slack' || !given(token, tokenFile, tokenEnv), {
    error: 'a Slack webhook takes no token: its URL is the secret',
  });

const receivers = z
  .array(receiver, { error: 'expected a list of receivers, each with a kind and a url' })
  .refine((all) => new Set(all.map(nameOf)).size === all.length, {
    error: 'two receivers have one name: give each a name of its own, since each remembers what it was told',
  });

const url = httpUrl.nullable().default(null);
const file = localPath.nullable().default(null);

export const MONITOR_SETTINGS = z
  .strictObject({
    memory: bytes.refine((size) => size >= 2 ** 27, 'expected at least 128MiB').prefault('320MiB'),
    scratch: localPath.default('.plumb/temp'),
    keepServedDays: numeric(z.number().int().min(1)).nullable().default(null),
    reportsUrl: url,
    alerts: receivers.default([]),
    sendMs: numeric(milliseconds().int().min(1).max(600_000)).default(30_000),
    metrics: file,
    ingestMetrics: file,
    pushUrl: url,
    pushUrlFile: file,
    heartbeatUrl: url,
    heartbeatUrlFile: file,
    ca: file,
  })
  .prefault({});

/** Where the lineage of runs is told. */
export const LINEAGE_SETTINGS = z.strictObject({ url, file, tokenFile: file }).prefault({});

export interface LineageSettings {
  readonly url: string | null;
  readonly file: string | null;
  /** With the token that the server behind the URL asks for, read each time. */
  readonly tokenFile: string | null;
}

/** @param path  makes a path absolute against the project's folder */
export function lineageSettings(
  lineage: z.output<typeof LINEAGE_SETTINGS>,
  path: (text: string) => string,
): LineageSettings {
  return {
    url: lineage.url,
    file: lineage.file === null ? null : path(lineage.file),
    tokenFile: lineage.tokenFile === null ? null : path(lineage.tokenFile),
  };
}

/** @param path  makes a path absolute against the project's folder */
export function monitorSettings(
  parsed: z.output<typeof MONITOR_SETTINGS>,
  path: (text: string) => string,
): MonitorSettings {
  const absolute = (name: string | null | undefined): string | null =>
    name === null || name === undefined ? null : path(name);
  const text = (own?: string | null, named?: string | null, inEnvironment?: string): SecretText | null => {
    if (given(own, named, inEnvironment) === 0) return null;
    return { secret: own ?? null, file: absolute(named), variable: inEnvironment ?? null };
  };
  return {
    memory: parsed.memory,
    scratch: path(parsed.scratch),
    keepServedDays: parsed.keepServedDays,
    reportsUrl: parsed.reportsUrl?.replace(/\/+$/, '') ?? null,
    alerts: parsed.alerts.map((one) => ({
      name: nameOf(one),
      kind: one.kind,
      address: text(one.url, one.urlFile, one.urlEnv)!,
      bearer: text(one.token, one.tokenFile, one.tokenEnv),
    })),
    sendMs: parsed.sendMs,
    metrics: absolute(parsed.metrics),
    ingestMetrics: absolute(parsed.ingestMetrics),
    pushUrl: parsed.pushUrl,
    pushUrlFile: absolute(parsed.pushUrlFile),
    heartbeatUrl: parsed.heartbeatUrl,
    heartbeatUrlFile: absolute(parsed.heartbeatUrlFile),
    ca: absolute(parsed.ca),
  };
}

function nameOf({ name, kind }: z.output<typeof receiver>): string {
  return name ?? kind;
}

function given(...texts: readonly (string | null | undefined)[]): number {
  return texts.filter((text) => text !== undefined && text !== null).length;
}
