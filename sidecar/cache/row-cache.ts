/**
 * The cache: rows by the key of their entity and the slot of their view, bounded by entities and by bytes. The least
 * recently used entity is evicted first.
 *
 *   age     0 ........ 4 s * factor ........ 5 s * factor ........ staleLimit
 *           fresh      fresh, read ahead     stale: read again; served only when the store fails
 *
 * The factor is 0.85 to 1.0, drawn for each read. Ages count from the one time at which a request reads the clock; when
 * the clock was set back, a row from the future counts as that old. The cache knows no store: the row loader fills it.
 * Its layers can be switched while it is in use.
 */
import { LRUCache } from 'lru-cache';
import { REFRESH_SHARE } from '../../contract/cache-times.ts';
import type { CacheLayers } from '../../project/settings/serve-settings.ts';
import type { CachedRow, ReadMoment } from './cached-row.ts';
import type { ViewPlan } from '../plan/view-plan.ts';
import { ReadyRing } from './ready-ring.ts';

/**
 * The rows of one entity, by the slot of their view. A bare list: an object around it takes 32 bytes for each entity.
 */
type CachedEntity = (CachedRow | undefined)[];

/** A read of an entity that has come back. */
interface RowRead {
  readonly key: string;
  readonly moment: ReadMoment;
}

interface CacheLimits {
  /** 0 switches the cache off. */
  readonly entries: number;
  readonly bytes: number;
  readonly freshUs: number;
  readonly staleUs: number;
}

/** The hottest keys, which are requested all the time, are read ahead earlier: their rows never come due together. */
const HOT_REFRESH_SHARE = 0.6;
/** What an entity takes besides its rows: its key, its place in the order of use, its list of rows. */
const ENTITY_BYTES = 168;
const ROW_PLACE_BYTES = 8;
/** The ready ring's share of the bound in bytes. */
const READY_SHARE = 1 / 2;

export interface CacheStats {
  readonly entries: number;
  readonly bytes: number;
  /** Entities that were evicted since the start, by the bound that was reached. */
  readonly evictedByEntries: number;
  readonly evictedByBytes: number;
}

type RowCacheLayers = Pick<CacheLayers, 'fresh' | 'readAhead' | 'absent' | 'stale'>;

export class RowCache {
  readonly #limits: CacheLimits;
  readonly #entities: LRUCache<string, CachedEntity> | null;
  /** What is ready of the rows; null where no row is kept. */
  readonly ready: ReadyRing | null;
  #layers: RowCacheLayers = { fresh: true, readAhead: true, absent: true, stale: true };
  #evictedByEntries = 0;
  #evictedByBytes = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
    const keeps = limits.entries > 0 && limits.bytes > 0;
    const readyBytes = Math.floor(limits.bytes * READY_SHARE);
    this.ready = keeps ? new ReadyRing(readyBytes) : null;
    this.#entities = keeps
      ? new LRUCache({ max: limits.entries, maxSize: Math.max(1, limits.bytes - readyBytes) })
      : null;
  }

  /**
   * From the next look-up on. Without `fresh` rows are kept to stand in when the store fails; without both, none is.
   */
  setLayers(layers: RowCacheLayers): void {
    this.#layers = layers;
    if (!layers.fresh && !layers.stale) this.#entities?.clear();
  }

  /** Marks the entity as used. */
  find(key: string): CachedEntity | undefined {
    return this.#entities === null ? undefined : this.#entities.get(key);
  }

  /** Without marking the entity as used. */
  peek(key: string): CachedEntity | undefined {
    return this.#entities === null ? undefined : this.#entities.peek(key);
  }

  /**
   * Finds the cached row when the store, read again, still has its bytes. Its times move to those of the read, unless
   * the row was read later than that.
   *
   * @param raw  null: the store has no such row
   * @returns    null when there is none, or another
   */
  renew(read: RowRead, view: ViewPlan, raw: string | null, watermarkUs: number): CachedRow | null {
    const entity = this.peek(read.key);
    const known = entity === undefined ? undefined : entity[view.slot];
    if (known === undefined || known.view !== view || known.raw !== raw) return null;
    if (raw === null && !this.#layers.absent) return null;
    if (known.order <= read.moment.order) known.renew(read.moment, watermarkUs);
    return known;
  }

  /** Puts a row in the place of the one that is there, unless that was read later. */
  put(key: string, row: CachedRow): void {
    this.putAll(key, [row]);
  }

  /** The same for rows of one entity. */
  putAll(key: string, rows: readonly CachedRow[]): void {
    const { fresh, stale, absent } = this.#layers;
    if (this.#entities === null || !(fresh || stale)) return;
    const present = this.#entities.peek(key);
    // Nearly always all rows of an entity come together, in the order of the slots.
    const isInOrder = rows[rows.length - 1]?.view.slot === rows.length - 1;
    let entity: CachedEntity = present ?? (isInOrder ? rows.slice() : []);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const { slot } = row.view;
      const known = entity[slot];
      if (known !== undefined && known.order > row.order) continue;
      // An array that grows by itself takes room for sixteen more.
      if (slot >= entity.length) entity = widened(entity, Math.max(slot + 1, rows.length));
      // Without that layer an absent row is not kept, but it removes the row before it: the store has that no longer.
      entity[slot] = row.raw === null && !absent ? undefined : row;
    }
    let bytes = ENTITY_BYTES + key.length + entity.length * ROW_PLACE_BYTES;
    for (let i = 0; i < entity.length; i++) bytes += entity[i]?.bytes ?? 0;
    const before = this.#entities.size + (present === undefined ? 1 : 0);
    this.#entities.set(key, entity, { size: bytes });
    const evicted = before - this.#entities.size;
    if (evicted > 0) this.#countEvicted(evicted, before > this.#limits.entries);
  }

  isFresh(row: CachedRow, nowUs: number): boolean {
    if (!this.#layers.fresh || (row.raw === null && !this.#layers.absent)) return false;
    // A row that was read while the clock was ahead is no fresher for that.
    return Math.abs(nowUs - row.fetchedUs) < this.#limits.freshUs * row.factor;
  }

  isDueAhead(row: CachedRow, nowUs: number, hot: boolean): boolean {
    if (!this.#layers.readAhead) return false;
    const share = hot ? HOT_REFRESH_SHARE : REFRESH_SHARE;
    return nowUs - row.fetchedUs >= this.#limits.freshUs * row.factor * share;
  }

  /** Whether the row may still stand in when the store fails. */
  mayStandIn(row: CachedRow, nowUs: number): boolean {
    if (!this.#layers.stale || (row.raw === null && !this.#layers.absent)) return false;
    return Math.abs(nowUs - row.fetchedUs) <= this.#limits.staleUs;
  }

  stats(): CacheStats {
    return {
      entries: this.#entities === null ? 0 : this.#entities.size,
      bytes: this.#entities === null ? 0 : this.#entities.calculatedSize + this.ready!.bytes,
      evictedByEntries: this.#evictedByEntries,
      evictedByBytes: this.#evictedByBytes,
    };
  }

  /** At most one is evicted because there are too many entities, the rest because of their bytes. */
  #countEvicted(count: number, overEntries: boolean): void {
    const byEntries = overEntries ? 1 : 0;
    this.#evictedByEntries += byEntries;
    this.#evictedByBytes += count - byEntries;
  }
}

function widened(rows: CachedEntity, length: number): CachedEntity {
  return Array.from({ length }, (_, slot) => rows[slot]);
}
