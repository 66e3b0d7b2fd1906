/**
 * Tiles from which an event was taken that only the other events can replace: the largest value, the last one. Each is
 * made again of all events of its entity and hop that were counted and are left. It is then as if those taken back had
 * never been; `seen` and `since` stay those of all that came in.
 *
 *   spoiled -> (its edge is due, or the tiles are saved) -> its events are read -> made again
 *
 * Until then events that come in join it, and of those that are taken out it only counts how many.
 */
import { emptyTile, foldEvent } from '../../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { ReceivedEvent } from '../stream-event.ts';
import { entityKeys } from '../view-entity.ts';
import type { EventOutcome } from '../view-events.ts';
import type { CountedEvents, EqualEvents, EventOwner } from './counted-events.ts';

/** Which events are wanted. */
interface WantedEvents {
  readonly fromOffset: number;
  /** Of event time, microseconds. */
  readonly ranges: readonly { readonly fromUs: number; readonly beforeUs: number }[];
  /** With one of these texts in a field, as SQL casts it; null: no field is a join key. */
  readonly keys: { readonly field: string; readonly texts: readonly string[] } | null;
}

/** @returns at least the events that are wanted of a partition, in the order of their offsets */
export type ReadEvents = (wanted: WantedEvents) => AsyncIterable<readonly ReceivedEvent[]>;

interface RemadeTile<Owner> {
  readonly entity: Owner;
  readonly edge: number;
  readonly tile: Tile;
}

/** Past so many ranges of time one that covers them all is read. */
const RANGES_MAX = 64;

/** Who has tiles. */
interface TileOwner extends EventOwner {
  /** @returns the tile of an edge, which is there */
  tileAt(edge: number): Tile;
}

export class SpoiledTiles<Owner extends TileOwner> {
  readonly #plan: TilePlan;
  readonly #outcome: (event: ReceivedEvent) => EventOutcome;
  readonly #counted: CountedEvents;
  /** Entities by their names, by edge. */
  readonly #edges = new Map<number, Map<string, Owner>>();

  /** @param counted  says which events of a tile are left */
  constructor(plan: TilePlan, outcome: (event: ReceivedEvent) => EventOutcome, counted: CountedEvents) {
    this.#plan = plan;
    this.#outcome = outcome;
    this.#counted = counted;
  }

  /** Folds an event into a tile of an entity, which may be spoiled, or is from then on. */
  fold(
    entity: Owner,
    edge: number,
    { tile, event }: { readonly tile: Tile; readonly event: TileEvent },
  ): void {
    if (event.sign > 0) return void foldEvent(this.#plan, tile, event);
    // What a spoiled tile says of an event that is to be taken out is not true, but for how many it has.
    const outcome = this.#has(entity, edge) ? 'unknown' : foldEvent(this.#plan, tile, event);
    if (outcome === 'counted') return;
    this.#add(entity, edge);
    if (outcome === 'again') return;
    tile.n -= 1;
    tile.seen += 1;
    if (event.offset < tile.since) tile.since = event.offset;
  }

  #add(entity: Owner, edge: number): void {
    let entities = this.#edges.get(edge);
    if (entities === undefined) this.#edges.set(edge, (entities = new Map()));
    entities.set(entity.entity, entity);
  }

  #has(entity: Owner, edge: number): boolean {
    return this.#edges.size > 0 && this.#edges.get(edge)?.has(entity.entity) === true;
  }

  /** Whether there are any up to an edge. */
  isThere(upTo: number): boolean {
    for (const edge of this.#edges.keys()) if (edge <= upTo) return true;
    return false;
  }

  /** @returns those up to an edge, made again; they are spoiled no more */
  async remake(upTo: number, read: ReadEvents): Promise<RemadeTile<Owner>[]> {
    const edges = [...this.#edges.keys()].filter((edge) => edge <= upTo).toSorted((a, b) => a - b);
    if (edges.length === 0) return [];
    const making = new Map<string, TileMaking<Owner>>();
    for (const edge of edges) {
      for (const entity of this.#edges.get(edge)!.values())
        making.set(`${edge} ${entity.entity}`, new TileMaking(this.#plan, entity, edge));
      this.#edges.delete(edge);
    }
    const all = [...making.values()];
    const wanted = {
      fromOffset: Math.min(...all.map(({ since }) => since)),
      ranges: this.#rangesOf(edges),
      keys: this.#keysOf(all.map(({ entity }) => entity.entity)),
    };
    for await (const events of read(wanted))
      for (const event of events) {
        if (event.op < 0) continue;
        const edge = edgeAt(event.eventUs, this.#plan.hopUs) + 1;
        const outcome = this.#outcome(event);
        if (outcome.kind !== 'counts') continue;
        const one = making.get(`${edge} ${outcome.entity}`);
        one?.take(event, outcome.values, this.#counted.equals(one.entity, event, outcome.values));
      }
    return all.map(({ entity, edge, tile }) => ({ entity, edge, tile }));
  }

  #keysOf(entities: readonly string[]): WantedEvents['keys'] {
    const { entity, view } = this.#plan;
    const [key] = entity.joinKeys;
    const name = key!.name.toLowerCase();
    const field = view.source.stream!.fields.find((one) => one.name.toLowerCase() === name);
    if (field === undefined) return null;
    return {
      field: field.name,
      texts: [...new Set(entities.map((text) => String(entityKeys(entity, text)[0])))],
    };
  }

  #rangesOf(edges: readonly number[]): WantedEvents['ranges'] {
    const { hopUs } = this.#plan;
    const ranges: { fromUs: number; beforeUs: number }[] = [];
    for (const edge of edges) {
      const last = ranges.at(-1);
      if (last !== undefined && last.beforeUs === (edge - 1) * hopUs) last.beforeUs = edge * hopUs;
      else ranges.push({ fromUs: (edge - 1) * hopUs, beforeUs: edge * hopUs });
    }
    if (ranges.length <= RANGES_MAX) return ranges;
    return [{ fromUs: ranges[0]!.fromUs, beforeUs: ranges.at(-1)!.beforeUs }];
  }
}

/** One tile as its events are read again. */
class TileMaking<Owner extends TileOwner> {
  readonly entity: Owner;
  readonly edge: number;
  readonly tile: Tile;
  /** No event of it comes before this offset. */
  readonly since: number;
  readonly #plan: TilePlan;
  /** How many of equal events are in it. */
  readonly #taken = new Map<string, number>();

  constructor(plan: TilePlan, entity: Owner, edge: number) {
    this.#plan = plan;
    this.entity = entity;
    this.edge = edge;
    const { seen, since } = entity.tileAt(edge);
    this.since = since;
    this.tile = { ...emptyTile(plan), seen, since };
  }

  /** Events that are equal to a view are one as good as the other. */
  take(event: ReceivedEvent, values: TileEvent['values'], { key, left }: EqualEvents): void {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= left) return;
    this.#taken.set(key, taken + 1);
    const { seen, since } = this.tile;
    foldEvent(this.#plan, this.tile, { values, timeUs: event.eventUs, offset: event.offset, sign: 1 });
    [this.tile.seen, this.tile.since] = [seen, since];
  }
}
