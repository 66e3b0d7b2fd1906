/**
 * The port to the online store: rows and the watermarks that vouch for them. SQLite, Redis and Redis Cluster stand
 * behind it. Bytes only; decoding and caching are the row loader's.
 *
 * A watermark is always read before the rows that it is given with, and is at most 5 s old, both on the clock and on
 * the monotonic one. Where a row is absent its marker is read again afterwards: when a node has lost its rows while the
 * sidecar still knew its marker, entities must not count as new.
 */
import type { RowSchema } from '../../contract/model.ts';
import type { StoreState } from './store-health.ts';

/** Markers older than this are read again before the next row. */
export const MARKER_AGE_MS = 5_000;
/** Readers renew markers in the background a little earlier, so that requests seldom wait for that. */
export const MARKER_RENEWAL_MS = 4_000;

/** In the place of a watermark: the row is absent, and may be one that the store has evicted. */
export const MAY_BE_EVICTED = -1;

/** One entity to read: the key of its hash, the views wanted of it, and two callbacks, of which one is called once. */
export interface StoreAsk {
  readonly key: string;
  readonly views: readonly StoreView[];
  /**
   * The last row of a view, by the view's place: a reader that finds the same bytes gives this very string, and makes
   * no new one.
   *
   * @returns  null or undefined: there was none, or it is not known
   */
  knownRow(v: number): string | null | undefined;
  /**
   * In the order of the views.
   *
   * @param rows        one character a byte (Latin-1); null: the store has no such row
   * @param watermarks  microseconds; null: no marker vouches for the view here; or
   *                    MAY_BE_EVICTED
   */
  onRows(rows: readonly (string | null)[], watermarks: readonly (number | null)[]): void;
  /** The store could not be read. */
  onFailure(error: Error): void;
}

export interface StoreView {
  readonly id: string;
  readonly field: Buffer;
  readonly fieldNumber: number;
}

export interface StoreReader {
  /** As metrics name it. */
  readonly kind: 'sqlite' | 'redis' | 'redis-cluster';
  /**
   * Tries to connect, and returns after the first try, or when the limit has passed. A store that is down is no error
   * here: reads fail until it is back.
   */
  start(limitMs: number): Promise<void>;
  /** Whether it was read since the start, and if not, why. */
  state(): StoreState;
  /**
   * @returns  up to when the store vouches for views, by the markers that were asked for lately; in a cluster the least
   *           of those. Of a store that is not asked it knows nothing
   */
  watermarks(): ReadonlyMap<string, number>;
  /** Reads all asks in one round trip a node; each is told by itself, so that one slow node delays no other. */
  read(asks: readonly StoreAsk[], nowUs: number): void;
  /** @returns the schema that the materializer published for a definition id, or null when there is none */
  loadSchema(definitionId: number): Promise<RowSchema | null>;
  /** @returns the node that holds a key, as metrics name it */
  nodeOf(key: string): string;
  close(): Promise<void>;
}
