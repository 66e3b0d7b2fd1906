/** What reading rows from one Redis and from a cluster have in common; each gives its client and its marker hashes. */
import { rowSchemaFromText } from '../../contract/definitions/definition-json.ts';
import type { RowSchema } from '../../contract/model.ts';
import type { RedisAddress } from '../../project/connections/redis-address.ts';
import type { LiveCredentials } from '../../project/connections/redis-connection.ts';
import { isWrongType, wrongTypeText } from '../../project/connections/redis-wrong-type.ts';
import type { Clock } from '../../project/clock.ts';
import { schemaField, schemasKey } from '../../contract/wire/online/online-layout.ts';
import { evictedSince } from '../../contract/wire/online/eviction-mark.ts';
import type { NodeEvictions } from '../../contract/wire/online/eviction-mark.ts';
import { Evictions } from './evictions.ts';
import { Markers } from './markers.ts';
import type { Marks } from './markers.ts';
import { NodeSilence } from './node-silence.ts';
import type { Pings } from './node-silence.ts';
import { repeatOutOfStep } from './out-of-step.ts';
import { StoreHealth } from './store-health.ts';
import type { StoreState } from './store-health.ts';
import { MARKER_RENEWAL_MS, MAY_BE_EVICTED } from './store-reader.ts';
import type { LaneLimits, ReadLane } from './read-lane.ts';
import type { LaneRead } from './read-queue.ts';
import type { StoreAsk, StoreReader, StoreView } from './store-reader.ts';

/** What the readers use of a client. Commands of one event-loop tick leave in one pipeline a node. */
export interface RedisCommands {
  hmgetBuffer(key: string, ...fields: Buffer[]): Promise<(Buffer | null)[]>;
  hgetall(key: string): Promise<Record<string, string>>;
  hget(key: string, field: string): Promise<string | null>;
}

export interface RedisReaderOptions {
  readonly address: RedisAddress;
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly onTrouble: (error: Error) => void;
  readonly limits: LaneLimits;
}

/** After this time a command without an answer has failed; requests have passed their deadlines long before. */
const COMMAND_LIMIT_MS = 250;
/** A node of the same network answers in a fraction of it; one that is gone must not keep a reconnect for 10 s. */
const CONNECT_LIMIT_MS = 500;
const MAX_RECONNECT_DELAY_MS = 1_000;
/** A connection that is silent for so long while commands wait is closed: its name may be another node's by now. */
const SOCKET_LIMIT_MS = 1_000;
/** A longer text is no schema of ours: 10,000 features with long names have less. */
const SCHEMA_LIMIT = 2 ** 20;
/** How often the sidecar tries to read a store that it has never read. */
const FIRST_READ_EVERY_MS = 500;

/** What we change of ioredis's defaults for every connection, and why. */
export function connectionOptions({ connectMs, silentMs }: LaneLimits) {
  return {
    /** Default true, by INFO, which its user may be forbidden: a node that still loads says so to the first read. */
    enableReadyCheck: false,
    /** Default 10 s. */
    connectTimeout: connectMs,
    /** Default none: a node that hangs with its socket open would keep a command for ever. */
    commandTimeout: silentMs,
    /** Default none: the command fails, and the next one goes down the same connection. */
    socketTimeout: Math.max(SOCKET_LIMIT_MS, silentMs),
    /** Default true: a node that has come back would first get reads whose requests were answered long ago. */
    autoResendUnfulfilledCommands: false,
  } as const;
}

/** What we change of the client's, single or cluster. */
export const CLIENT_OPTIONS = {
  /** Default true: a command without a connection would wait for one past every deadline, and then come in a flood. */
  enableOfflineQueue: false,
  /** Default false: what the lane does not read leaves in one write a node and tick all the same. */
  enableAutoPipelining: true,
} as const;

/**
 * Default up to 5 s: the store must be read again within 2 s of its own recovery. Each process at another time, so that
 * a fleet does not come back in step.
 */
export function reconnectDelayMs(times: number): number {
  return Math.min(50 * times, MAX_RECONNECT_DELAY_MS) * (0.5 + Math.random() / 2);
}

/** For a sidecar: its requests pass their deadlines long before. */
export const SERVING_LIMITS: LaneLimits = { connectMs: CONNECT_LIMIT_MS, silentMs: COMMAND_LIMIT_MS };

export abstract class RedisRows implements StoreReader {
  abstract readonly kind: 'redis' | 'redis-cluster';
  readonly #commands: RedisCommands;
  readonly #keyPrefix: string;
  readonly #clock: Clock;
  readonly #endRenewals: () => void;
  readonly #endFirstReads: () => void;
  readonly #onTrouble: (error: Error) => void;
  readonly #silence = new NodeSilence(() => this.pings());
  protected readonly health = new StoreHealth();
  protected readonly markers: Markers;
  protected readonly evictions = new Evictions((node, section) => this.info(node, section));

  constructor(commands: RedisCommands, keyPrefix: string, clock: Clock, onTrouble: (error: Error) => void) {
    this.#commands = commands;
    this.#keyPrefix = keyPrefix;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
    this.markers = new Markers((hash) => this.#readMarkers(hash), undefined, onTrouble);
    this.#endRenewals = repeatOutOfStep(() => this.markers.renew(clock.nowUs()), MARKER_RENEWAL_MS);
    this.#endFirstReads = repeatOutOfStep(() => this.#tryFirstRead(), FIRST_READ_EVERY_MS);
  }

  abstract nodeOf(key: string): string;
  /** Settles when the first connection does; it need not settle at all. */
  protected abstract connect(): Promise<void>;
  protected abstract isConnected(): boolean;
  /** A marker hash to read, to see whether the store answers. */
  protected abstract anyMarkerHash(): string;
  protected abstract markerHashOf(key: string): string;
  /** The hashes that must all have a view's marker for an absent row of it to be missing, not lost. */
  protected abstract absenceHashesOf(key: string): string[];
  /** The connection of our own to the node of a key; null: there is none, and the client reads. */
  protected abstract laneOf(key: string): ReadLane | null;
  protected abstract disconnect(): void;
  /** Asks a node, named as by `nodeOf`, for a section of INFO. */
  protected abstract info(node: string, section: 'server' | 'stats'): Promise<string>;
  /** The login, read again when it is needed. */
  protected abstract readonly credentials: LiveCredentials;
  /** As `NodeSilence` asks. */
  protected abstract pings(): ReturnType<Pings>;
  /** A node did not answer in time, or could not be asked. */
  protected onSilence(): void {}

  watermarks(): ReadonlyMap<string, number> {
    return this.markers.least();
  }

  read(asks: readonly StoreAsk[], nowUs: number): void {
    for (let i = 0; i < asks.length; i++) {
      const ask = asks[i]!;
      const hash = this.markerHashOf(ask.key);
      const known = this.markers.known(hash, nowUs);
      if (known !== null && vouches(known, ask)) {
        this.#fetch(ask, known, nowUs);
        continue;
      }
      // A marker that was missing may be there now, so that the first run of a view is seen at once.
      this.markers.readAfter(hash, nowUs).then(
        (marks) => this.#fetch(ask, marks, nowUs),
        (error: Error) => ask.onFailure(error),
      );
    }
  }

  start(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, limitMs);
      this.connect()
        .then(() => this.markers.read(this.anyMarkerHash(), this.#clock.nowUs()))
        .catch(() => {})
        .finally(() => {
          clearTimeout(limit);
          resolve();
        });
    });
  }

  state(): StoreState {
    return this.health.state(this.isConnected() && !this.#silence.hasSilentNode);
  }

  async loadSchema(definitionId: number): Promise<RowSchema | null> {
    const key = schemasKey(this.#keyPrefix);
    const text = await this.#commands.hget(key, schemaField(definitionId)).catch((error: Error) => {
      throw ofKey(key, error);
    });
    return text === null || text.length > SCHEMA_LIMIT ? null : rowSchemaFromText(text);
  }

  async close(): Promise<void> {
    this.#endRenewals();
    this.#endFirstReads();
    this.#silence.stop();
    this.disconnect();
  }

  /** @param marks  read before the rows */
  #fetch(ask: StoreAsk, marks: Marks, nowUs: number): void {
    const read = new RowsRead(this, ask, marks, nowUs);
    const lane = this.laneOf(ask.key);
    if (lane !== null && lane.isOpen) return lane.read(read);
    lane?.open();
    this.readByClient(read);
  }

  readByClient(read: RowsRead): void {
    this.#commands.hmgetBuffer(read.key, ...read.views.map((view) => view.field)).then(
      (rows) => read.onRows(rows.map(latin1Of)),
      (error: Error) => read.onSilent(this.#explained(ofKey(read.key, error))),
    );
  }

  /** What was known of the nodes may not hold any more. */
  protected forget(): void {
    this.markers.forget();
    this.evictions.forget();
  }

  /** To be called with what the client tells of its connections. */
  protected heard(error: Error): void {
    this.#onTrouble(this.#explained(error));
  }

  #explained(error: Error): Error {
    return this.health.failed(this.credentials.explain(error));
  }

  async #readMarkers(hash: string): Promise<Record<string, string>> {
    try {
      const fields = await this.#commands.hgetall(hash);
      this.health.answered();
      return fields;
    } catch (error) {
      this.failed(hash, error as Error);
      throw this.#explained(ofKey(hash, error as Error));
    }
  }

  #tryFirstRead(): void {
    if (this.health.wasRead) this.#endFirstReads();
    else this.markers.read(this.anyMarkerHash(), this.#clock.nowUs()).catch(this.#onTrouble);
  }

  /** A read of a key failed: unless its node said so itself, the node may be gone. */
  failed(key: string, { name }: Error): void {
    if (name !== 'ReplyError') this.#silence.readFailed(this.nodeOf(key));
    this.onSilence();
  }

  /** Looks at the markers of absent rows once more. */
  confirmAbsence(
    ask: StoreAsk,
    rows: readonly (string | null)[],
    watermarks: readonly (number | null)[],
    nowUs: number,
  ): void {
    const { key, views } = ask;
    const hashes = this.absenceHashesOf(key);
    const own = hashes.indexOf(this.markerHashOf(key));
    const marksAfter = Promise.all(hashes.map((hash) => this.markers.readAfter(hash, nowUs)));
    Promise.all([marksAfter, this.evictions.of(this.nodeOf(key))]).then(
      ([after, node]) => {
        const isVouched = ({ id }: StoreView): boolean => after.every((mark) => mark.watermarks.has(id));
        const isEvicted = ({ id }: StoreView): boolean => this.#isEvicted(after[own]!, id, node);
        const confirmed = (watermark: number | null, v: number): number | null => {
          if (!isVouched(views[v]!)) return null;
          return rows[v] === null && watermark !== null && isEvicted(views[v]!) ? MAY_BE_EVICTED : watermark;
        };
        ask.onRows(rows, watermarks.map(confirmed));
      },
      (error: Error) => ask.onFailure(this.#explained(error)),
    );
  }

  /** Whether an absent row of a view may have been evicted since all of the view's rows were written. */
  #isEvicted({ evictions }: Marks, view: string, node: NodeEvictions | null): boolean {
    const mark = evictions.get(view);
    if (mark === undefined || node === null) return false;
    const evicted = evictedSince(mark, node);
    if (evicted === 0) return false;
    this.#onTrouble(
      new Error(
        `Redis has evicted ${evicted} keys since the rows of ${view} were written in full: those that are absent are ` +
          'UNAVAILABLE until `plumb materialize` has run. It needs more memory, and maxmemory-policy noeviction',
      ),
    );
    return true;
  }
}

/** An ask on its way, with the marks that were read before its rows. */
class RowsRead implements LaneRead {
  readonly #reader: RedisRows;
  readonly #ask: StoreAsk;
  readonly #marks: Marks;
  readonly #nowUs: number;

  constructor(reader: RedisRows, ask: StoreAsk, marks: Marks, nowUs: number) {
    this.#reader = reader;
    this.#ask = ask;
    this.#marks = marks;
    this.#nowUs = nowUs;
  }

  get key(): string {
    return this.#ask.key;
  }

  get views(): readonly StoreView[] {
    return this.#ask.views;
  }

  knownRow(v: number): string | null | undefined {
    return this.#ask.knownRow(v);
  }

  onRows(rows: readonly (string | null)[]): void {
    const { views } = this.#ask;
    const watermarks: (number | null)[] = [];
    let looksAbsent = false;
    for (let v = 0; v < views.length; v++) {
      const watermark = this.#marks.watermarks.get(views[v]!.id) ?? null;
      watermarks.push(watermark);
      if (rows[v] === null && watermark !== null) looksAbsent = true;
    }
    if (looksAbsent) this.#reader.confirmAbsence(this.#ask, rows, watermarks, this.#nowUs);
    else this.#ask.onRows(rows, watermarks);
  }

  onLost(): void {
    this.#reader.readByClient(this);
  }

  onSilent(error: Error): void {
    this.#reader.failed(this.key, error);
    this.#ask.onFailure(error);
  }
}

function vouches(marks: Marks, { views }: StoreAsk): boolean {
  for (let v = 0; v < views.length; v++) if (!marks.watermarks.has(views[v]!.id)) return false;
  return true;
}

/** @returns the error; of a key that is no hash one that names it. It keeps its name: the node has answered */
function ofKey(key: string, error: Error): Error {
  if (!isWrongType(error)) return error;
  const named = new Error(wrongTypeText([key]), { cause: error });
  named.name = error.name;
  return named;
}

function latin1Of(row: Buffer | null): string | null {
  return row === null ? null : row.toString('latin1');
}
