/**
 * Reads rows from the store into the cache. A row has one read in flight, however many requests wait for it, and all
 * misses of a request go in one round trip. Each row is checked against the definition that wrote it.
 *
 *   load(rows)  --joins--> read in flight
 *               --starts-> store.read -> check (unknown definition: its schema from the store) -> cache -> waiters
 *
 * No request joins a read that is older than 50 ms: it may still fill the cache, but a new read is started. No
 * promise is made on the way, except for a row of an unknown definition.
 */
import type { RowMapping, ViewPlan } from '../plan/view-plan.ts';
import { mapRow } from '../plan/view-plan.ts';
import { LEAST_CACHE_FACTOR } from '../../contract/cache-times.ts';
import { haveSameKeys } from '../../contract/definitions/definition-json.ts';
import { CachedRow, definitionIdOf } from './cached-row.ts';
import type { ReadMoment } from './cached-row.ts';
import type { RowCache } from './row-cache.ts';
import { EVICTED, NO_MARKER, STORE_FAILED } from '../../contract/status.ts';
import { MAY_BE_EVICTED } from '../store/store-reader.ts';
import type { StoreAsk, StoreReader } from '../store/store-reader.ts';
import { definitionName, hasRawTimes, HEADER_BYTES } from '../../contract/wire/online/row-header.ts';

const ABANDON_MS = 50;
/** How many definitions of a view are kept, and how many ids are remembered as unknown. */
const MAX_SCHEMAS = 1_000;
const SCHEMA_RETRY_MS = 1_000;

/** A request that waits for rows. `take` is called once for each row, with why it is UNAVAILABLE where it is null. */
interface RowWaiter {
  take(place: number, row: CachedRow | null, reason: number): void;
}

export interface WantedRow {
  readonly key: string;
  readonly view: ViewPlan;
  /** Passed back to the waiter; unused where nobody waits. */
  readonly place: number;
}

export interface LoaderEvents {
  /** The store could not be read. */
  onStoreFailure(error: Error): void;
  /** A row is corrupt, or neither the bundle nor the store knows its definition; it counts as UNAVAILABLE. */
  onUnreadableRow(view: string, key: string, reason: string): void;
  /** The store has answered for an entity, or failed to, after that time. */
  onRead?(key: string, ms: number): void;
}

export class RowLoader {
  readonly #reader: StoreReader;
  readonly #cache: RowCache;
  readonly #events: LoaderEvents;
  readonly #random: () => number;
  /** Reads in flight, by entity key and view slot; a new request for that row joins the one found here. */
  readonly #flights = new Map<string, EntityReads>();
  /** Definition ids that the store did not know, and when it was last asked. */
  readonly #unknownSchemas = new Map<number, number>();
  #loads = 0;
  #reads = 0;
  #joined = 0;
  #singleFlight = true;

  constructor(
    reader: StoreReader,
    cache: RowCache,
    events: LoaderEvents,
    random: () => number = Math.random,
  ) {
    this.#reader = reader;
    this.#cache = cache;
    this.#events = events;
    this.#random = random;
  }

  /** Entities read from the store since the start. */
  get reads(): number {
    return this.#reads;
  }

  /** Rows that were not read again because a read of them was in flight. */
  get joined(): number {
    return this.#joined;
  }

  /** When it is off, requests do not join each other's reads; a row that one request wants twice is still read once. */
  setSingleFlight(on: boolean): void {
    this.#singleFlight = on;
  }

  /** @param waiter  null for a refresh ahead of time, for which nobody waits */
  load(wanted: readonly WantedRow[], nowUs: number, waiter: RowWaiter | null): void {
    const nowMs = performance.now();
    const started: EntityRead[] = [];
    const joinsForMs = this.#singleFlight ? ABANDON_MS : 0;
    let moment: ReadMoment | null = null;
    for (let i = 0; i < wanted.length; i++) {
      const { key, view, place } = wanted[i]!;
      let flights = this.#flights.get(key);
      if (flights === undefined) this.#flights.set(key, (flights = []));
      let read = flights[view.slot];
      if (read !== undefined && nowMs - read.startedMs <= joinsForMs) {
        this.#joined += 1;
      } else {
        moment ??= this.#moment(nowUs);
        read = startedIn(flights, moment);
        if (read === undefined) started.push((read = new EntityRead(this, key, moment, nowMs)));
        read.views.push(view);
        while (flights.length < view.slot) flights.push(undefined);
        flights[view.slot] = read;
      }
      if (waiter !== null) read.wait(view, waiter, place);
    }
    if (started.length === 0) return;
    this.#reads += started.length;
    this.#reader.read(started, nowUs);
  }

  #moment(nowUs: number): ReadMoment {
    const factor = LEAST_CACHE_FACTOR + (1 - LEAST_CACHE_FACTOR) * this.#random();
    this.#loads += 1;
    return { fetchedUs: nowUs, order: this.#loads, factor, ready: this.#cache.ready };
  }

  /** @returns the bytes of a row as the cache has them, undefined where it has none */
  knownRow(key: string, view: ViewPlan): string | null | undefined {
    return this.#cache.peek(key)?.[view.slot]?.raw;
  }

  failed(read: EntityRead, error: Error): void {
    this.#events.onRead?.(read.key, performance.now() - read.startedMs);
    this.#events.onStoreFailure(error);
    for (let v = 0; v < read.views.length; v++) this.#land(read, v, null, STORE_FAILED);
  }

  arrived(read: EntityRead, raws: readonly (string | null)[], watermarks: readonly (number | null)[]): void {
    this.#events.onRead?.(read.key, performance.now() - read.startedMs);
    const { views } = read;
    const rows: (CachedRow | null | undefined)[] = [];
    let made: CachedRow[] | null = null;
    for (let v = 0; v < views.length; v++) {
      const stored = raws[v]!;
      const raw = stored !== null && isNoRow(views[v]!, stored) ? null : stored;
      const watermarkUs = watermarks[v]!;
      if (raw === null && (watermarkUs === null || watermarkUs === MAY_BE_EVICTED)) {
        // Neither a row nor the view's marker, so the node was emptied; or it evicts. This is no new entity.
        rows.push(null);
        continue;
      }
      const kept = this.#cache.renew(read, views[v]!, raw, watermarkUs ?? 0);
      const row = kept ?? this.#made(read, v, raw, watermarkUs);
      rows.push(row);
      if (row === null || row === undefined) continue;
      // The first waiter of a new row is the request that had it read: only a second one makes it requested again.
      if (read.waitersOf(v) > (kept === null ? 1 : 0)) row.markRequestedAgain();
      if (kept === null) (made ??= []).push(row);
    }
    if (made !== null) this.#cache.putAll(read.key, made);
    for (let v = 0; v < views.length; v++) {
      if (rows[v] !== undefined) this.#land(read, v, rows[v]!, reasonOf(raws[v]!, watermarks[v]!));
    }
  }

  /** @returns null: it cannot be read; undefined: it is decoded later, once its definition is loaded */
  #made(
    read: EntityRead,
    v: number,
    raw: string | null,
    watermarkUs: number | null,
  ): CachedRow | null | undefined {
    const view = read.views[v]!;
    if (raw !== null && mappingOf(view, raw) === undefined) {
      void this.#decodeLater(read, v, raw, watermarkUs);
      return undefined;
    }
    try {
      return new CachedRow(view, read.moment, watermarkUs ?? 0, raw);
    } catch (error) {
      this.#events.onUnreadableRow(view.id, read.key, (error as Error).message);
      return null;
    }
  }

  async #decodeLater(read: EntityRead, v: number, raw: string, watermarkUs: number | null): Promise<void> {
    const { key, moment } = read;
    const view = read.views[v]!;
    let row: CachedRow | null = null;
    try {
      const mapping = await this.#loadMapping(view, raw);
      if (mapping !== null || watermarkUs !== null) {
        row = new CachedRow(view, moment, watermarkUs ?? 0, mapping === null ? null : raw);
        this.#cache.put(key, row);
      }
    } catch (error) {
      this.#events.onUnreadableRow(view.id, key, (error as Error).message);
    }
    this.#land(read, v, row, STORE_FAILED);
  }

  /**
   * @returns null where the row was written under other join keys
   * @throws  TypeError when neither the bundle nor the store knows the definition that wrote it
   */
  async #loadMapping(view: ViewPlan, raw: string): Promise<RowMapping | null> {
    if (raw.length < HEADER_BYTES) throw new TypeError(`the row has only ${raw.length} bytes`);
    const definitionId = definitionIdOf(raw);
    const name = definitionName(definitionId);
    const triedMs = this.#unknownSchemas.get(definitionId);
    if (triedMs !== undefined && performance.now() - triedMs < SCHEMA_RETRY_MS) {
      throw new TypeError(`its definition ${name} is unknown`);
    }
    const schema = await this.#reader.loadSchema(definitionId);
    if (schema === null || schema.definitionId !== definitionId) {
      // Bounded, since anybody who can write rows can make up definition ids.
      if (this.#unknownSchemas.size >= MAX_SCHEMAS) this.#unknownSchemas.clear();
      this.#unknownSchemas.set(definitionId, performance.now());
      throw new TypeError(`its definition ${name} is neither in the bundle nor in the store`);
    }
    if (view.mappings.size >= MAX_SCHEMAS)
      throw new TypeError(`its definition ${name} is one of more than ${MAX_SCHEMAS} of its view`);
    const mapping = mapRow(view.schema, schema);
    view.mappings.set(definitionId, mapping);
    return mapping;
  }

  /** @param reason  why the row is UNAVAILABLE where it is null */
  #land(read: EntityRead, v: number, row: CachedRow | null, reason: number): void {
    const { key } = read;
    const { slot } = read.views[v]!;
    const flights = this.#flights.get(key);
    if (flights !== undefined && flights[slot] === read) {
      flights[slot] = undefined;
      if (!hasRead(flights)) this.#flights.delete(key);
    }
    if (row === null) {
      const kept = this.#cache.peek(key)?.[slot];
      if (kept !== undefined) kept.refreshing = false;
    }
    read.tell(v, row, reason);
  }
}

type EntityReads = (EntityRead | undefined)[];

/** A read of one entity in flight, and which waiter wants which of its views. */
class EntityRead implements StoreAsk {
  readonly #loader: RowLoader;
  readonly key: string;
  readonly views: ViewPlan[] = [];
  readonly moment: ReadMoment;
  readonly startedMs: number;
  readonly #waiters: RowWaiter[] = [];
  /** For each waiter the index of its view, and its place. */
  readonly #waitsFor: number[] = [];
  readonly #places: number[] = [];

  constructor(loader: RowLoader, key: string, moment: ReadMoment, startedMs: number) {
    this.#loader = loader;
    this.key = key;
    this.moment = moment;
    this.startedMs = startedMs;
  }

  wait(view: ViewPlan, waiter: RowWaiter, place: number): void {
    let v = this.views.length - 1;
    while (this.views[v]!.slot !== view.slot) v -= 1;
    this.#waiters.push(waiter);
    this.#waitsFor.push(v);
    this.#places.push(place);
  }

  waitersOf(v: number): number {
    let count = 0;
    for (let i = 0; i < this.#waitsFor.length; i++) if (this.#waitsFor[i] === v) count += 1;
    return count;
  }

  tell(v: number, row: CachedRow | null, reason: number): void {
    for (let i = 0; i < this.#waiters.length; i++) {
      if (this.#waitsFor[i] === v) this.#waiters[i]!.take(this.#places[i]!, row, reason);
    }
  }

  knownRow(v: number): string | null | undefined {
    return this.#loader.knownRow(this.key, this.views[v]!);
  }

  onRows(rows: readonly (string | null)[], watermarks: readonly (number | null)[]): void {
    this.#loader.arrived(this, rows, watermarks);
  }

  onFailure(error: Error): void {
    this.#loader.failed(this, error);
  }
}

/** @returns the read of an entity that the load of this moment has started already */
function startedIn(flights: EntityReads, moment: ReadMoment): EntityRead | undefined {
  for (let slot = 0; slot < flights.length; slot++) {
    if (flights[slot]?.moment === moment) return flights[slot];
  }
  return undefined;
}

function hasRead(flights: EntityReads): boolean {
  for (let slot = 0; slot < flights.length; slot++) if (flights[slot] !== undefined) return true;
  return false;
}

/** @returns why a row is UNAVAILABLE that was read so and that the cache got nothing of */
function reasonOf(raw: string | null, watermarkUs: number | null): number {
  if (raw !== null) return STORE_FAILED;
  return watermarkUs === MAY_BE_EVICTED ? EVICTED : NO_MARKER;
}

/** A header alone is a tombstone; a row of other join keys is another entity's whose key happens to read the same. */
function isNoRow(view: ViewPlan, raw: string): boolean {
  return (raw.length === HEADER_BYTES && hasRawTimes(raw)) || mappingOf(view, raw) === null;
}

/** @returns null: its rows had other join keys; undefined: its definition is not known here */
function mappingOf(view: ViewPlan, raw: string): RowMapping | null | undefined {
  return raw.length < HEADER_BYTES ? undefined : view.mappings.get(definitionIdOf(raw));
}

/**
 * Makes a row that was checked under another bundle anew for the view as it is now.
 *
 * @returns  null when that cannot be done without the store, as after a change of join keys: it must be read again
 */
export function rebind(row: CachedRow, view: ViewPlan): CachedRow | null {
  if (!haveSameKeys(row.view.schema, view.schema)) return null;
  if (row.raw === null) return new CachedRow(view, row, row.watermarkUs, null);
  if ((mappingOf(view, row.raw) ?? null) === null) return null;
  try {
    return new CachedRow(view, row, row.watermarkUs, row.raw);
  } catch {
    return null;
  }
}
