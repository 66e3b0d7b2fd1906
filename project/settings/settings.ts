/**
 * A project's settings: flags over environment (`PLUMB_...`) over plumbline.yaml over defaults that run embedded.
 * Paths are made absolute here, against the project's folder; nothing later depends on the current folder.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { registryError } from '../../contract/errors.ts';
import type { ClockSettings } from '../open-clock.ts';
import type { HmacKeySettings } from '../../contract/log-privacy.ts';
import { SERVE_SETTINGS } from './serve-settings.ts';
import type { ServeSettings } from './serve-settings.ts';
import { BUNDLE_SETTINGS, bundles, bundleTravel } from './bundle-settings.ts';
import type { BundleTravel } from './bundle-settings.ts';
import { bytes, duration, flag, localPath, numeric, storedPath } from './setting-values.ts';
import { KAFKA_ACCESS, KAFKA_SETTINGS, kafkaAccess } from './kafka-settings.ts';
import { LINEAGE_SETTINGS, lineageSettings, MONITOR_SETTINGS, monitorSettings } from './monitor-settings.ts';
import type { LineageSettings, MonitorSettings } from './monitor-settings.ts';
import { ACCESS_SETTINGS, accessSettings } from './access-settings.ts';
import type { AccessSettings } from './access-settings.ts';
import { isSafeUrl } from './oidc-settings.ts';
import { UI_SETTINGS } from './ui-settings.ts';
import type { UiSettings } from './ui-settings.ts';
import type { KafkaAccess, KafkaSettings } from './kafka-settings.ts';
import { S3_SETTINGS, s3Settings } from './s3-settings.ts';
import type { Elsewhere } from './s3-settings.ts';
import { SPARK_SETTINGS, sparkSettings } from './spark-settings.ts';
import type { SparkSettings } from './spark-settings.ts';
import type { Folder } from '../storage/folder.ts';
import { openFolder } from '../storage/open-folder.ts';
import { originsOf, settingsError, withOrigin } from './setting-mistakes.ts';
import { SettingSources } from './setting-sources.ts';
import type { SettingFlags } from './setting-sources.ts';
import { REDIS_ACCESS, redisAccess, redisAddress } from '../connections/redis-address.ts';
import type { RedisAccess } from '../connections/redis-address.ts';
import { givenText } from '../../contract/std/given-text.ts';
import { isLocalPath, isObject, schemeOf } from '../../contract/std/files/local-path.ts';
import { VARIABLE_NAME } from '../../contract/definitions/source-variables.ts';
import type { Variables } from '../../contract/definitions/source-variables.ts';

export interface Settings {
  /** The project's folder, absolute. */
  readonly folder: string;
  readonly project: string;
  /** Globs relative to the project's folder. */
  readonly definitions: readonly string[];
  readonly registry: StoreUrl;
  readonly online: OnlineSettings;
  /** Of the histories of aggregated views. */
  readonly history: Folder;
  /** On this machine, for what runs stage, lock and keep: the folder of the histories, where they lie here. */
  readonly work: string;
  /** Folders, absolute. */
  readonly bundles: string;
  readonly reports: string;
  /** Where `plumb monitor ingest` keeps the vector log as Parquet. */
  readonly served: string;
  readonly bundleTravel: BundleTravel;
  readonly log: LogSettings;
  readonly serve: ServeSettings;
  readonly materialize: MaterializeSettings;
  readonly stream: StreamSettings;
  readonly train: TrainSettings;
  readonly spark: SparkSettings;
  readonly monitor: MonitorSettings;
  readonly ui: UiSettings;
  readonly access: AccessSettings;
  /** Where the lineage of runs is told, as events of OpenLineage; null: nowhere. Files are absolute. */
  readonly lineage: LineageSettings;
  /** `duckdb` and `s3`. */
  readonly elsewhere: Elsewhere;
  readonly clock: ClockSettings;
  /** What stands for `${name}` in the paths of sources. */
  readonly vars: Variables;
}

/** `sqlite:` with an absolute path, or a server's URL. */
export interface StoreUrl {
  readonly kind: 'sqlite' | 'postgres' | 'http' | 'redis' | 'redis-cluster';
  /** The file of `sqlite`, else the URL as given. `http` is a registry that a server has, over TLS or on loopback. */
  readonly url: string;
}

interface MaterializeSettings {
  /** In [0, 1]: the largest share of the rows of a run that may be rejected. */
  readonly maxRejectedShare: number;
  /** In [0, 1]: the largest share of the new events that may come too late. */
  readonly maxLateShare: number;
  /** In [0, 1]: the largest share of a view's entities that one whole snapshot may lack (`absent: delete`). */
  readonly maxAbsentShare: number;
  /** A textfile for Prometheus that each run writes anew, absolute; null: none. */
  readonly metrics: string | null;
  /** Bytes that DuckDB may hold in memory; what does not fit goes to the history's volume meanwhile. */
  readonly memory: number;
}

export interface OnlineSettings extends StoreUrl {
  readonly keyPrefix: string;
  /** What is given beside the URL of a Redis; undefined where nothing is. */
  readonly access?: RedisAccess;
}

interface LogSettings {
  readonly spool: string;
  readonly durability: 'queued' | 'written' | 'synced';
  readonly maxBytes: number;
  readonly onFull: 'shed-log' | 'reject';
  readonly enabled: boolean;
  /** Where the log is shipped; null: nowhere. */
  readonly kafka: KafkaSettings | null;
  /** Whether `plumb monitor ingest` reads this spool; segments are then kept until it has read them. */
  readonly ingest: boolean;
  /** Memory for records while the disk is slow; 0: answers wait for the disk. */
  readonly ringBytes: number;
  /** The secret of HMACs where a definition asks for them; null: none. */
  readonly hmacKey: HmacKeySettings | null;
}

/** @returns the spool's consumers: a segment is deleted when all have passed it, and kept when there are none */
export function spoolConsumers(log: LogSettings): string[] {
  return [...(log.kafka === null ? [] : ['kafka']), ...(log.ingest ? ['ingest'] : [])];
}

interface StreamSettings {
  /** Where topics lie; null: sources are folders. */
  readonly kafka: KafkaAccess | null;
  /** The folder of what streams know, absolute. */
  readonly state: string;
  /** How long a row may be online before it is history. */
  readonly flushUs: number;
  /** How long a process that died or hangs keeps its partitions of a topic. */
  readonly leaseUs: number;
  /** Messages that may be unreadable within a minute. */
  readonly maxRejected: number;
}

interface TrainSettings {
  /** Bytes that DuckDB may hold in memory; what does not fit goes to `temp` meanwhile. */
  readonly memory: number;
  /** Folder, absolute. */
  readonly temp: string;
}

/** Also the folder of runs where the histories lie elsewhere. */
const HISTORY = '.plumb/history';
const VARIABLE = 'a variable is a letter, then letters, digits and _';

const ONLINE = z.strictObject({
  url: z.string().default('sqlite:.plumb/online.db'),
  keyPrefix: z
    .string()
    .refine((text) => !/[{}]/.test(text), 'it must hold no braces: Redis Cluster would read a hash tag')
    .default(''),
  ...REDIS_ACCESS,
});

/** A store may be given by its URL alone. */
const online = z.preprocess((value) => (typeof value === 'string' ? { url: value } : value), ONLINE);

/** What plumbline.yaml may hold. */
export const SETTINGS_FILE = z.strictObject({
  project: z.string().min(1).default('plumbline'),
  definitions: z.array(z.string()).default(['definitions/*.ts', 'definitions/*.yaml']),
  registry: z.string().default('sqlite:.plumb/registry.db'),
  online: online.prefault({}),
  history: storedPath.default(HISTORY),
  bundles: bundles.prefault({}),
  reports: localPath.default('.plumb/reports'),
  served: storedPath.default('.plumb/served'),
  log: z
    .strictObject({
      spool: localPath.default('.plumb/spool'),
      durability: z.enum(['queued', 'written', 'synced']).default('written'),
      maxBytes: bytes.refine((size) => size >= 4_096, 'expected at least 4KiB').prefault('2GiB'),
      onFull: z.enum(['shed-log', 'reject']).default('shed-log'),
      enabled: flag.default(true),
      kafka: KAFKA_SETTINGS.nullable().default(null),
      ingest: flag.default(false),
      ringBytes: bytes.refine((size) => size <= 2 ** 30, 'expected at most 1GiB').prefault('64MiB'),
      hmacKey: z
        .strictObject({ id: z.string().min(1).max(64), file: localPath })
        .nullable()
        .default(null),
    })
    .prefault({}),
  serve: SERVE_SETTINGS,
  materialize: z
    .strictObject({
      maxRejectedShare: numeric(z.number().min(0).max(1)).default(0.01),
      maxLateShare: numeric(z.number().min(0).max(1)).default(0.05),
      maxAbsentShare: numeric(z.number().min(0).max(1)).default(0.5),
      metrics: z.string().nullable().default(null),
      memory: bytes.refine((size) => size >= 2 ** 27, 'expected at least 128MiB').prefault('1GiB'),
    })
    .prefault({}),
  stream: z
    .strictObject({
      kafka: KAFKA_ACCESS.nullable().default(null),
      state: localPath.default('.plumb/stream'),
      flush: duration.refine((us) => us >= 1_000_000, 'expected at least 1s').prefault('60s'),
      lease: duration.refine((us) => us >= 6_000_000, 'expected at least 6s').prefault('30s'),
      maxRejected: numeric(z.number().int().min(0)).default(1_000),
    })
    .prefault({}),
  train: z
    .strictObject({
      memory: bytes.refine((size) => size >= 2 ** 27, 'expected at least 128MiB').prefault('2GiB'),
      temp: localPath.default('.plumb/temp'),
    })
    .prefault({}),
  spark: SPARK_SETTINGS,
  monitor: MONITOR_SETTINGS,
  lineage: LINEAGE_SETTINGS,
  ui: UI_SETTINGS,
  access: ACCESS_SETTINGS,
  duckdb: z.strictObject({ extensions: localPath.nullable().default(null) }).prefault({}),
  s3: S3_SETTINGS,
  clock: z
    .strictObject({ control: localPath.nullable().default(null), runLasts: duration.prefault('0s') })
    .prefault({}),
  vars: z
    .record(
      z.string().regex(VARIABLE_NAME, VARIABLE),
      z.union([z.string(), z.number(), z.boolean()]).transform(String),
    )
    .default({}),
});

/**
 * @param folder  the project's folder; without a plumbline.yaml in it the command has no project
 * @param environment  `PLUMB_SERVE_PORT` sets `serve.port`, `PLUMB_LOG_MAX_BYTES` sets `log.maxBytes`
 * @throws REG_SETTINGS with every setting that does not fit
 */
export function loadSettings(
  folder: string,
  environment: NodeJS.ProcessEnv,
  flags: SettingFlags = {},
): Settings {
  return settingsWithOrigins(folder, environment, flags).settings;
}

/** As `loadSettings`, with the place that gave each setting, by its path. */
export function settingsWithOrigins(
  folder: string,
  environment: NodeJS.ProcessEnv,
  flags: SettingFlags,
): { settings: Settings; origins: ReadonlyMap<string, string> } {
  const root = resolve(folder);
  const file = join(root, 'plumbline.yaml');
  if (!existsSync(file)) {
    throw registryError('REG_SETTINGS', `there is no plumbline.yaml in ${root}`, {
      help: 'Go to a project, name one with -C DIR, or start one with `plumb init`.',
    });
  }
  const sources = SettingSources.read(file, environment, flags, settingPaths());
  const parsed = SETTINGS_FILE.safeParse(sources.raw);
  if (!parsed.success) throw settingsError(SETTINGS_FILE, file, parsed.error.issues, sources);
  try {
    return { settings: settingsOf(root, parsed.data, environment), origins: originsOf(parsed.data, sources) };
  } catch (error) {
    throw withOrigin(error as Error, file, sources);
  }
}

type Parsed = z.output<typeof SETTINGS_FILE>;

function settingsOf(root: string, s: Parsed, environment: NodeJS.ProcessEnv): Settings {
  const path = (text: string): string => resolve(root, text);
  const s3 = s3Settings(s.s3, path, environment);
  return {
    folder: root,
    project: s.project,
    definitions: s.definitions,
    registry: storeUrl('registry', s.registry, path),
    online: onlineSettings(s.online, path),
    history: openFolder(isObject(s.history) ? s.history : path(s.history), s3),
    work: path(isObject(s.history) ? HISTORY : s.history),
    bundles: path(s.bundles.folder),
    bundleTravel: bundleTravel(s.bundles, path),
    reports: path(s.reports),
    served: isObject(s.served) ? s.served.replace(/\/+$/, '') : path(s.served),
    log: {
      ...s.log,
      spool: path(s.log.spool),
      kafka: s.log.kafka === null ? null : kafkaAccess(s.log.kafka, path),
      hmacKey: s.log.hmacKey === null ? null : { ...s.log.hmacKey, file: path(s.log.hmacKey.file) },
    },
    serve: s.serve,
    materialize: {
      ...s.materialize,
      metrics: s.materialize.metrics === null ? null : path(s.materialize.metrics),
    },
    stream: {
      kafka: s.stream.kafka === null ? null : kafkaAccess(s.stream.kafka, path),
      state: path(s.stream.state),
      flushUs: s.stream.flush,
      leaseUs: s.stream.lease,
      maxRejected: s.stream.maxRejected,
    },
    train: { ...s.train, temp: path(s.train.temp) },
    spark: sparkSettings(s.spark, path),
    monitor: monitorSettings(s.monitor, path),
    lineage: lineageSettings(s.lineage, path),
    ui: s.ui,
    access: accessSettings(s.access, path),
    elsewhere: {
      extensions: s.duckdb.extensions === null ? null : path(s.duckdb.extensions),
      s3,
    },
    clock: { control: s.clock.control === null ? null : path(s.clock.control), runLastsUs: s.clock.runLasts },
    vars: s.vars,
  };
}

/** Settings that only the file can give. */
const FILE_ONLY: ReadonlySet<string> = new Set([
  'definitions',
  'vars',
  'spark.conf',
  'monitor.alerts',
  'access.oidc.roles',
  'access.oidc.teams',
]);

/** @returns every setting that a flag or the environment can give, as a path such as `serve.port`; no variables */
export function settingPaths(): string[] {
  return [...defaultSettings().keys()].filter((path) => !FILE_ONLY.has(path));
}

/** @returns every setting by its path, with its default as plumbline.yaml would have it; undefined: it has none */
export function defaultSettings(): ReadonlyMap<string, unknown> {
  const { online: _, bundles: __, ...rest } = SETTINGS_FILE.shape;
  const within = Object.entries({ ...rest, online: ONLINE, bundles: BUNDLE_SETTINGS }).flatMap(
    ([name, schema]) => defaultsWithin(name, schema),
  );
  return new Map([['online', undefined], ['bundles', undefined], ...within]);
}

/** The defaults within an object, which may be optional; of any other schema its own default. */
function defaultsWithin(path: string, schema: z.ZodType): [path: string, value: unknown][] {
  let inner = schema;
  let value: unknown;
  while ('innerType' in inner.def) {
    if ('defaultValue' in inner.def) value = inner.def.defaultValue;
    inner = inner.def.innerType as z.ZodType;
  }
  if (!(inner instanceof z.ZodObject)) return [[path, value]];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, of]) =>
    defaultsWithin(`${path}.${key}`, of),
  );
}

function onlineSettings(parsed: z.output<typeof ONLINE>, path: (text: string) => string): OnlineSettings {
  const { url, keyPrefix, ...given } = parsed;
  const store = storeUrl('online', url, path);
  const isGiven = Object.values(given).some((each) => each !== null);
  if (store.kind === 'sqlite' && isGiven) {
    throw registryError('REG_SETTINGS', 'online: a login and tls are for Redis, not for a file of SQLite', {
      field: 'online',
    });
  }
  const access = isGiven ? redisAccess(given, path) : undefined;
  // A fault of the URL is reported now, not by the program that first connects.
  if (store.kind !== 'sqlite') redisAddress(url, access);
  return { ...store, keyPrefix, ...(access === undefined ? {} : { access }) };
}

function storeUrl(setting: string, url: string, path: (text: string) => string): StoreUrl {
  if (/^sqlite:/i.test(url)) {
    const file = url.slice('sqlite:'.length);
    if (isLocalPath(file) && schemeOf(url) === null) return { kind: 'sqlite', url: path(file) };
    const expected = 'expected sqlite:FILE with the path of a file on this machine';
    throw registryError('REG_SETTINGS', `${setting}: ${expected}, got ${shownUrl(url)}`, { field: setting });
  }
  if (setting === 'registry' && /^postgres(ql)?:\/\//.test(url)) return { kind: 'postgres', url };
  if (setting === 'registry' && isSafeUrl(url)) return { kind: 'http', url };
  if (setting === 'online' && /^rediss?(\+sentinel)?:\/\//i.test(url)) return { kind: 'redis', url };
  if (setting === 'online' && /^rediss?\+cluster:\/\//i.test(url)) return { kind: 'redis-cluster', url };
  const known =
    setting === 'online'
      ? 'sqlite:FILE, redis://, redis+cluster:// or redis+sentinel:// (rediss for TLS)'
      : 'sqlite:FILE, postgres:// or https:// (http:// on loopback alone)';
  throw registryError('REG_SETTINGS', `${setting}: expected ${known}, got ${shownUrl(url)}`, {
    field: setting,
  });
}

/** The URL up to where a login may begin: in a mistyped URL any part may be a password. */
function shownUrl(url: string): string {
  const scheme = /^[a-z0-9+.-]{1,20}:\/\//i.exec(url)?.[0];
  if (scheme !== undefined) return scheme.toLowerCase() === 'sqlite://' ? givenText(url) : scheme;
  return /[@?]/.test(url) ? 'something else, not shown since it may hold a password' : givenText(url);
}
