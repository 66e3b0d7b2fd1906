/**
 * The write side of the online store: one port, kept by SQLite, Redis and Redis Cluster alike, so that a row that
 * one of them would refuse is refused by all.
 *
 * A write is guarded: what stands online is replaced only by what is newer, decided row by row where it stands
 * (`guard-outcome.ts` has the rule, `guard-script.ts` the same rule inside Redis). So a re-run, a slower parallel
 * writer or an event out of order never takes a fresher row away, and any run may be repeated.
 */
import type { RowSchema } from '../../contract/model.ts';
import type { WriteCounts } from './guard-outcome.ts';
import type { StoreEvictions } from './redis/store-evictions.ts';

/** One view's row of one entity, ready for the store. */
export interface OnlineRow {
  readonly key: string;
  /** The view's id: the field's name. */
  readonly view: string;
  /** Header and values. The store keeps no reference to it. */
  readonly row: Buffer;
  /** Definition ids that the view had before the row's: a stored row with one of them is replaced. */
  readonly superseded: readonly number[];
  /** How long after the write the key may expire at the earliest; null: it never expires. */
  readonly expiresInMs: number | null;
}

/** How far each group of keys of a view is complete online, microseconds; null: the group has no marker. */
export interface MarkerState {
  /** One entry a marker group: one without a cluster, 128 in a cluster. */
  readonly watermarksUs: readonly (number | null)[];
}

export interface WriteOptions {
  /** Goes past the guard: what is given is written whatever stands there. */
  readonly replace: boolean;
}

export interface OnlineWriter {
  /** What the store evicts; null: it never does. */
  readonly evictions: StoreEvictions | null;
  /**
   * What `write` could not write since the last call since keys hold something that is no row, as a MAT_ONLINE that
   * names them; null: nothing. The rows of all other keys were written.
   */
  blocked(): Error | null;
  /** Whether `blocked` would name any. */
  isBlocked(): boolean;
  /** Bytes of the largest row written since the last call; 0: none was. */
  largestRow(): number;
  /** Publishes the schemas of definition ids; to be called before the first row of a new id is written. */
  publishSchemas(schemas: readonly RowSchema[]): Promise<void>;
  /**
   * Writes rows through the guard. When it rejects, any part of the rows may have been written; writing them again
   * is safe, and those that were are then counted `equal`.
   *
   * @throws MAT_ONLINE when the store cannot be reached for longer than a failover takes, or refuses
   */
  write(rows: readonly OnlineRow[], options: WriteOptions): Promise<WriteCounts>;
  /** @returns the index in `MarkerState` of the marker that vouches for a key's rows */
  markerGroupOf(key: string): number;
  /** @returns for each key the view's row that stands there, header and values; null: there is none */
  readRows(view: string, keys: readonly string[]): Promise<readonly (Buffer | null)[]>;
  readMarkers(view: string): Promise<MarkerState>;
  /** @returns for each marker group what `writePublished` has said last of a view; null: nothing */
  readPublished(view: string): Promise<readonly (string | null)[]>;
  /** To be called after the rows of which it says that they are published. */
  writePublished(view: string, text: string): Promise<void>;
  /** To be called after the rows that the watermark vouches for were written. */
  writeMarkers(view: string, watermarkUs: number): Promise<void>;
  close(): Promise<void>;
}
