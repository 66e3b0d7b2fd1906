/**
 * The cache: rows by the key of their entity and the slot of their view, bounded by entities and by bytes. The least
 * recently used entity goes first.
 *
 *   age     0 ........ 4 s * factor ........ 5 s * factor ........ staleLimit
 *           fresh      fresh, read ahead     stale: read again; served only when the store fails
 *
 * The factor is 0.85 to 1.0, one a read. Ages come from the request's one reading of the clock. Knows no store: the
 * row loader fills it.
 */
import { LRUCache } from 'lru-cache';
import type { CachedRow } from './cached-row.ts';

/** The rows of one entity, by the slot of their view. */
export interface CachedEntity {
  rows: (CachedRow | undefined)[];
}

export interface CacheLimits {
  /** 0 switches the cache off. */
  readonly entries: number;
  readonly bytes: number;
  readonly freshUs: number;
  readonly staleUs: number;
}

/** From this share of its time of freshness on an entry is read ahead. */
const REFRESH_SHARE = 0.8;
/** The hottest keys are asked for all the time: theirs are read ahead earlier, so that they never come due together. */
const HOT_REFRESH_SHARE = 0.6;
const ENTITY_BYTES = 200;

export class RowCache {
  readonly #limits: CacheLimits;
  readonly #entities: LRUCache<string, CachedEntity> | null;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
    this.#entities =
      limits.entries === 0 || limits.bytes === 0
        ? null
        : new LRUCache({ max: limits.entries, maxSize: limits.bytes });
  }

  /** Marks the entity as used. */
  find(key: string): CachedEntity | undefined {
    return this.#entities === null ? undefined : this.#entities.get(key);
  }

  /** Puts a row in the place of the one that is there, unless that was read later. */
  put(key: string, row: CachedRow): void {
    if (this.#entities === null) return;
    const entity = this.#entities.peek(key) ?? { rows: [] };
    const slot = row.view.slot;
    const known = entity.rows[slot];
    if (known !== undefined && known.fetchedUs > row.fetchedUs) return;
    while (entity.rows.length < slot) entity.rows.push(undefined);
    entity.rows[slot] = row;
    let bytes = ENTITY_BYTES + key.length;
    for (const each of entity.rows) if (each !== undefined) bytes += each.bytes;
    this.#entities.set(key, entity, { size: bytes });
  }

  isFresh(row: CachedRow, nowUs: number): boolean {
    return nowUs - row.fetchedUs < this.#limits.freshUs * row.factor;
  }

  isDueAhead(row: CachedRow, nowUs: number, hot: boolean): boolean {
    const share = hot ? HOT_REFRESH_SHARE : REFRESH_SHARE;
    return nowUs - row.fetchedUs >= this.#limits.freshUs * row.factor * share;
  }

  /** Whether the row may still stand in when the store fails. */
  mayStandIn(row: CachedRow, nowUs: number): boolean {
    return nowUs - row.fetchedUs <= this.#limits.staleUs;
  }

  stats(): { readonly entries: number; readonly bytes: number } {
    return this.#entities === null
      ? { entries: 0, bytes: 0 }
      : { entries: this.#entities.size, bytes: this.#entities.calculatedSize };
  }
}
