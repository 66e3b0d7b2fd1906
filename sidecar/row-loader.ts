/**
 * Brings rows from the store into the cache: one read in flight for each (entity, view) however many requests ask,
 * all misses of a request in one round trip. Decodes with the definition that wrote the row.
 *
 *   load(asks)  --joins--> read in flight
 *               --starts-> store.read -> decode (unknown definition: its schema from the store) -> cache -> waiters
 *
 * A read older than 50 ms is abandoned: it may still fill the cache, but no one new waits for it.
 */
import type { RowMapping, ViewPlan } from './plan.ts';
import { mapRow } from './plan.ts';
import { CachedRow } from './cached-row.ts';
import type { ReadMoment } from './cached-row.ts';
import type { RowCache } from './cache.ts';
import type { StoreAsk, StoreReader, StoreRows } from './store/store-reader.ts';
import { readHeader } from '../registry/wire/row-header.ts';

export const ABANDON_MS = 50;
const FACTOR_LOW = 0.85;
const SCHEMA_RETRY_MS = 1_000;

/** Who waits for a row: told once, with null when it could not be read. */
export interface RowWaiter {
  take(place: number, row: CachedRow | null): void;
}

export interface RowAsk {
  readonly key: string;
  readonly view: ViewPlan;
  /** Given back to the waiter; not used without one. */
  readonly place: number;
}

interface Flight {
  readonly startedMs: number;
  readonly waiters: RowWaiter[];
  readonly places: number[];
}

export interface LoaderEvents {
  /** The store could not be read. */
  onStoreFailure(error: Error): void;
  /** A row is corrupt, or of a definition that nobody knows; it counts as UNAVAILABLE. */
  onUnreadableRow(view: string, key: string, reason: string): void;
  /** The store has answered for an entity, or failed to, after so long. */
  onRead?(key: string, ms: number): void;
}

export class RowLoader {
  readonly #reader: StoreReader;
  readonly #cache: RowCache;
  readonly #events: LoaderEvents;
  readonly #random: () => number;
  readonly #flights = new Map<string, Flight>();
  /** When a definition id was last looked for in vain. */
  readonly #unknownSchemas = new Map<number, number>();
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

  /** Rows that were not read since a read of them was under way. */
  get joined(): number {
    return this.#joined;
  }

  /** Without it only what one request asks for twice is read once. */
  setSingleFlight(on: boolean): void {
    this.#singleFlight = on;
  }

  /** @param waiter  null: refreshes ahead of time, nobody waits */
  load(asks: readonly RowAsk[], nowUs: number, waiter: RowWaiter | null): void {
    const byKey = new Map<string, ViewPlan[]>();
    const nowMs = performance.now();
    const joinsForMs = this.#singleFlight ? ABANDON_MS : 0;
    for (const { key, view, place } of asks) {
      const name = flightName(key, view);
      let flight = this.#flights.get(name);
      if (flight !== undefined && nowMs - flight.startedMs <= joinsForMs) {
        this.#joined += 1;
      } else {
        flight = { startedMs: nowMs, waiters: [], places: [] };
        this.#flights.set(name, flight);
        const views = byKey.get(key);
        if (views === undefined) byKey.set(key, [view]);
        else views.push(view);
      }
      if (waiter !== null) {
        flight.waiters.push(waiter);
        flight.places.push(place);
      }
    }
    if (byKey.size > 0) this.#read(byKey, nowUs);
  }

  #read(byKey: ReadonlyMap<string, ViewPlan[]>, nowUs: number): void {
    const asks: StoreAsk[] = [...byKey].map(([key, views]) => ({ key, views }));
    this.#reads += asks.length;
    const moment = { fetchedUs: nowUs, factor: FACTOR_LOW + (1 - FACTOR_LOW) * this.#random() };
    const answers = this.#reader.read(asks, nowUs);
    for (const [i, [key, views]] of [...byKey].entries()) {
      const flights = views.map((view) => this.#flights.get(flightName(key, view))!);
      const { startedMs } = flights[0]!;
      answers[i]!.then(
        (found) => {
          this.#events.onRead?.(key, performance.now() - startedMs);
          this.#arrived(key, views, flights, found, moment);
        },
        (error: Error) => {
          this.#events.onRead?.(key, performance.now() - startedMs);
          this.#events.onStoreFailure(error);
          for (const [v, view] of views.entries()) this.#land(key, view, flights[v]!, null);
        },
      );
    }
  }

  #arrived(
    key: string,
    views: readonly ViewPlan[],
    flights: readonly Flight[],
    found: StoreRows,
    moment: ReadMoment,
  ): void {
    for (const [v, view] of views.entries()) {
      const raw = found.rows[v]!;
      const watermarkUs = found.watermarks[v]!;
      // No row under a missing marker: an emptied node, not a new entity.
      if (raw === null && watermarkUs === null) this.#land(key, view, flights[v]!, null);
      else void this.#decode(key, view, flights[v]!, raw, watermarkUs ?? 0, moment);
    }
  }

  async #decode(
    key: string,
    view: ViewPlan,
    flight: Flight,
    raw: Buffer | null,
    watermarkUs: number,
    moment: ReadMoment,
  ): Promise<void> {
    let row: CachedRow | null = null;
    try {
      const mapping = raw === null ? null : (mappingOf(view, raw) ?? (await this.#loadMapping(view, raw)));
      row = new CachedRow(view, moment, watermarkUs, raw, mapping);
      this.#cache.put(key, row);
    } catch (error) {
      this.#events.onUnreadableRow(view.id, key, (error as Error).message);
    }
    this.#land(key, view, flight, row);
  }

  /** @throws TypeError when neither the bundle nor the store knows the definition that wrote the row */
  async #loadMapping(view: ViewPlan, raw: Buffer): Promise<RowMapping> {
    const header = readHeader(raw);
    if (header === null) throw new TypeError(`the row has only ${raw.length} bytes`);
    const { definitionId } = header;
    const name = definitionId.toString(16).padStart(8, '0');
    const triedMs = this.#unknownSchemas.get(definitionId);
    if (triedMs !== undefined && performance.now() - triedMs < SCHEMA_RETRY_MS) {
      throw new TypeError(`its definition ${name} is unknown`);
    }
    const schema = await this.#reader.loadSchema(definitionId);
    if (schema === null || schema.definitionId !== definitionId) {
      this.#unknownSchemas.set(definitionId, performance.now());
      throw new TypeError(`its definition ${name} is neither in the bundle nor in the store`);
    }
    const mapping = mapRow(view.view, schema);
    view.mappings.set(definitionId, mapping);
    return mapping;
  }

  #land(key: string, view: ViewPlan, flight: Flight, row: CachedRow | null): void {
    const name = flightName(key, view);
    if (this.#flights.get(name) === flight) this.#flights.delete(name);
    if (row === null) {
      const kept = this.#cache.find(key)?.rows[view.slot];
      if (kept !== undefined) kept.refreshing = false;
    }
    for (let i = 0; i < flight.waiters.length; i++) flight.waiters[i]!.take(flight.places[i]!, row);
  }
}

function flightName(key: string, view: ViewPlan): string {
  return `${view.id} ${key}`;
}

function mappingOf(view: ViewPlan, raw: Buffer): RowMapping | undefined {
  const header = readHeader(raw);
  return header === null ? undefined : view.mappings.get(header.definitionId);
}

/**
 * A row that was decoded under another bundle, decoded for the view as it is now.
 *
 * @returns  null when that cannot be done without the store: it must be read again
 */
export function rebind(row: CachedRow, view: ViewPlan): CachedRow | null {
  if (row.raw === null) return new CachedRow(view, row, row.watermarkUs, null, null);
  const mapping = mappingOf(view, row.raw);
  if (mapping === undefined) return null;
  try {
    return new CachedRow(view, row, row.watermarkUs, row.raw, mapping);
  } catch {
    return null;
  }
}
