/** What reading rows from one Redis and from a cluster have in common; each gives its client and its marker hashes. */
import { rowSchemaFromJson } from '../../registry/definition-json.ts';
import type { RowSchema } from '../../registry/model.ts';
import type { Clock } from '../../registry/std/clock.ts';
import type { Json } from '../../registry/std/canonical-json.ts';
import { schemaField, schemasKey } from '../../registry/wire/online-layout.ts';
import { Markers } from './markers.ts';
import type { Marks } from './markers.ts';
import { MARKER_RENEWAL_MS } from './store-reader.ts';
import type { StoreAsk, StoreReader } from './store-reader.ts';

/** What the readers use of a client. Commands of one event-loop tick leave in one pipeline a node. */
export interface RedisCommands {
  hmgetBuffer(key: string, ...fields: Buffer[]): Promise<(Buffer | null)[]>;
  hgetall(key: string): Promise<Record<string, string>>;
  hget(key: string, field: string): Promise<string | null>;
}

/** A command that got no answer by then has failed; long before it, requests have passed their deadlines. */
export const COMMAND_LIMIT_MS = 250;
export const CONNECT_LIMIT_MS = 500;
export const MAX_RECONNECT_DELAY_MS = 1_000;

export abstract class RedisRows implements StoreReader {
  abstract readonly kind: 'redis' | 'redis-cluster';
  readonly #commands: RedisCommands;
  readonly #keyPrefix: string;
  readonly #timer: NodeJS.Timeout;
  protected readonly markers: Markers;

  constructor(commands: RedisCommands, keyPrefix: string, clock: Clock) {
    this.#commands = commands;
    this.#keyPrefix = keyPrefix;
    this.markers = new Markers((hash) => commands.hgetall(hash));
    this.#timer = setInterval(() => this.markers.renew(clock.nowUs()), MARKER_RENEWAL_MS).unref();
  }

  abstract start(): Promise<void>;
  abstract nodeOf(key: string): string;
  protected abstract markerHashOf(key: string): string;
  /** The hashes that must all have a view's marker for an absent row of it to be missing, not lost. */
  protected abstract absenceHashesOf(key: string): string[];
  protected abstract disconnect(): void;

  read(asks: readonly StoreAsk[], nowUs: number): void {
    for (let i = 0; i < asks.length; i++) {
      const ask = asks[i]!;
      const hash = this.markerHashOf(ask.key);
      const known = this.markers.known(hash, nowUs);
      if (known !== null && vouches(known, ask)) {
        this.#fetch(ask, known, nowUs);
        continue;
      }
      // A marker that was missing may have come since: the first run of a view is seen at once.
      this.markers.readAfter(hash, nowUs).then(
        (marks) => this.#fetch(ask, marks, nowUs),
        (error: Error) => ask.onFailure(error),
      );
    }
  }

  async loadSchema(definitionId: number): Promise<RowSchema | null> {
    const text = await this.#commands.hget(schemasKey(this.#keyPrefix), schemaField(definitionId));
    return text === null ? null : rowSchemaFromJson(JSON.parse(text) as Json);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.disconnect();
  }

  /** @param marks  read before the rows */
  #fetch(ask: StoreAsk, marks: Marks, nowUs: number): void {
    this.#commands.hmgetBuffer(ask.key, ...ask.views.map((view) => view.field)).then(
      (rows) => this.#fetched(ask, marks, nowUs, rows.map(latin1Of)),
      (error: Error) => ask.onFailure(error),
    );
  }

  #fetched(ask: StoreAsk, marks: Marks, nowUs: number, rows: readonly (string | null)[]): void {
    const { views } = ask;
    const watermarks: (number | null)[] = [];
    let looksAbsent = false;
    for (let v = 0; v < views.length; v++) {
      const watermark = marks.get(views[v]!.id) ?? null;
      watermarks.push(watermark);
      if (rows[v] === null && watermark !== null) looksAbsent = true;
    }
    if (!looksAbsent) return ask.onRows(rows, watermarks);
    const hashes = this.absenceHashesOf(ask.key);
    Promise.all(hashes.map((hash) => this.markers.readAfter(hash, nowUs))).then(
      (after) => {
        const still = (v: number): boolean => after.every((mark) => mark.has(views[v]!.id));
        ask.onRows(
          rows,
          watermarks.map((watermark, v) => (still(v) ? watermark : null)),
        );
      },
      (error: Error) => ask.onFailure(error),
    );
  }
}

function vouches(marks: Marks, { views }: StoreAsk): boolean {
  for (let v = 0; v < views.length; v++) if (!marks.has(views[v]!.id)) return false;
  return true;
}

function latin1Of(row: Buffer | null): string | null {
  return row === null ? null : row.toString('latin1');
}
