/** The settings of `plumb serve`: addresses, deadlines, the cache, the start and the end. */
import { z } from 'zod';
import { bytes, flag, httpUrl, list, milliseconds, numeric, port } from './setting-values.ts';

export interface ServeSettings {
  /** An address or a name, or `unix:/path`. */
  readonly host: string;
  readonly port: number;
  /** Where gRPC is served, on 127.0.0.1; null: nowhere. */
  readonly grpcPort: number | null;
  /** Of a unix socket: its mode in octal, such as 0660, and its group; null: that of the process. */
  readonly socketMode: string;
  readonly socketGroup: string | null;
  /** Empty: all interfaces. */
  readonly adminHost: string;
  readonly adminPort: number;
  /** How long the event loop may stand still before /livez reports it. */
  readonly livezMs: number;
  /** After SIGTERM: how long requests are still served at least, and the time by which everything must have ended. */
  readonly drainMs: number;
  readonly graceMs: number;
  readonly deadlineMs: number;
  readonly staleLimitMs: number;
  readonly cacheEntries: number;
  readonly cacheBytes: number;
  readonly cacheFreshMs: number;
  readonly cacheLayers: CacheLayers;
  readonly allowedHosts: readonly string[];
  readonly transport: 'auto' | 'uws' | 'node';
  /** The least level of the lines on stderr. */
  readonly logLevel: 'info' | 'warn' | 'error';
  /** Whether the admin port takes profiles of the processor and of the heap. */
  readonly profiling: boolean;
  readonly traces: TraceSettings;
}

interface TraceSettings {
  /** A receiver of OTLP over HTTP, with its path; null: nothing is traced. */
  readonly url: string | null;
  /** Of the requests that belong to no trace of their caller's, 0 to 1. */
  readonly share: number;
}

/** Which layers of the sidecar's cache are on. A running sidecar takes a change of these in plumbline.yaml. */
export interface CacheLayers {
  /** Rows are answered from the cache while they are fresh. */
  readonly fresh: boolean;
  /** Rows are read again shortly before they cease to be fresh. */
  readonly readAhead: boolean;
  /** Absent rows are cached too. */
  readonly absent: boolean;
  /** Older rows are served while the store fails. */
  readonly stale: boolean;
  /** Requests join a read that is under way. */
  readonly singleFlight: boolean;
  /** The most requested keys are counted, and read ahead earlier. */
  readonly hotKeys: boolean;
}

/** In octal, as chmod takes it. YAML reads 0660 as the number 660, and 0o660 as 432, which is refused. */
const MODE = /^0?[67][0-7]{2}$/;
const socketMode = z.union([z.string(), z.number()]).transform((value, context) => {
  if (MODE.test(String(value))) return String(value).padStart(4, '0');
  context.addIssue({
    code: 'custom',
    message: `expected the mode of a file, readable and writable for its owner, such as '0660', got ${JSON.stringify(value)}`,
  });
  return z.NEVER;
});
const UNIX_PATH =
  'expected unix: and the absolute path of a socket, such as unix:/run/plumbline/features.sock';
/** A relative path would lie below whatever folder the process was started in. */
const host = z
  .string()
  .refine((value) => !value.startsWith('unix:') || /^unix:\/.*[^/]$/.test(value), UNIX_PATH);
/** At most a day. */
const span = milliseconds().int().nonnegative().max(86_400_000);

export const SERVE_SETTINGS = z
  .strictObject({
    host: host.default('127.0.0.1'),
    port: port.default(6566),
    grpcPort: port.nullable().default(null),
    socketMode: socketMode.prefault('0600'),
    socketGroup: z
      .union([z.string().min(1), z.number().int().nonnegative().transform(String)])
      .nullable()
      .default(null),
    adminHost: z.string().default(''),
    adminPort: port.default(6567),
    livezMs: numeric(span.min(100)).default(10_000),
    drainMs: numeric(span).default(5_000),
    graceMs: numeric(span).default(30_000),
    deadlineMs: numeric(milliseconds().positive().max(60_000)).default(8),
    staleLimitMs: numeric(milliseconds().int().nonnegative()).default(60_000),
    cacheEntries: numeric(z.number().int().nonnegative()).default(100_000),
    cacheBytes: bytes.prefault('128MiB'),
    cacheFreshMs: numeric(milliseconds().int().positive()).default(5_000),
    cacheLayers: z
      .strictObject({
        fresh: flag.default(true),
        readAhead: flag.default(true),
        absent: flag.default(true),
        stale: flag.default(true),
        singleFlight: flag.default(true),
        hotKeys: flag.default(true),
      })
      .prefault({}),
    allowedHosts: list.default([]),
    transport: z.enum(['auto', 'uws', 'node']).default('auto'),
    logLevel: z.enum(['info', 'warn', 'error']).default('info'),
    profiling: flag.default(false),
    traces: z
      .strictObject({
        url: httpUrl.nullable().default(null),
        share: numeric(z.number().min(0).max(1)).default(0),
      })
      .prefault({}),
  })
  .refine(({ cacheFreshMs, staleLimitMs }) => staleLimitMs === 0 || staleLimitMs >= cacheFreshMs, {
    path: ['staleLimitMs'],
    message:
      'expected at least cacheFreshMs, for which a row is fresh, or 0: none stands in while the store fails',
  })
  .prefault({});
