/**
 * Tiles from which an event was taken that only the other events can replace: the largest value, the last one. Each is
 * made again of all events of its entity and hop, in the order of their offsets, those taken back left out. It is then
 * as if those had never been; `seen` and `since` stay those of all that came in.
 *
 *   spoiled -> (its edge is due, or the tiles are saved) -> its events are read -> made again
 *
 * Until then events that come in join it, and of those that are taken out it only counts how many.
 */
import { compareCanonical } from '../../../contract/aggregation/canonical-order.ts';
import type { Retraction } from '../../../contract/aggregation/parts/part.ts';
import { emptyTile, foldEvent } from '../../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { ReceivedEvent } from '../stream-event.ts';
import { entityKeys } from '../view-entity.ts';
import type { EventOutcome } from '../view-events.ts';

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
interface TileOwner {
  readonly entity: string;
  /** @returns the tile of an edge, which is there */
  tileAt(edge: number): Tile;
}

export class SpoiledTiles<Owner extends TileOwner> {
  readonly #plan: TilePlan;
  readonly #outcome: (event: ReceivedEvent) => EventOutcome;
  /** Entities by their names, by edge. */
  readonly #edges = new Map<number, Map<string, Owner>>();

  constructor(plan: TilePlan, outcome: (event: ReceivedEvent) => EventOutcome) {
    this.#plan = plan;
    this.#outcome = outcome;
  }

  add(entity: Owner, edge: number): void {
    let entities = this.#edges.get(edge);
    if (entities === undefined) this.#edges.set(edge, (entities = new Map()));
    entities.set(entity.entity, entity);
  }

  has(entity: Owner, edge: number): boolean {
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
        const edge = edgeAt(event.eventUs, this.#plan.hopUs) + 1;
        const outcome = this.#outcome(event);
        if (outcome.kind === 'counts') making.get(`${edge} ${outcome.entity}`)?.take(event, outcome.values);
      }
    return all.map((one) => ({ entity: one.entity, edge: one.edge, tile: one.made() }));
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

/** The events of one tile as they are read again. */
class TileMaking<Owner extends TileOwner> {
  readonly entity: Owner;
  readonly edge: number;
  /** Of the tile that is made again: no event of it comes before this offset. */
  readonly since: number;
  readonly #plan: TilePlan;
  readonly #left: TileEvent[] = [];
  readonly #ids = new Set<string>();
  #seen = 0;
  #since = Infinity;

  constructor(plan: TilePlan, entity: Owner, edge: number) {
    this.#plan = plan;
    this.entity = entity;
    this.edge = edge;
    this.since = entity.tileAt(edge).since;
  }

  take({ eventUs: timeUs, offset, op: sign, id }: ReceivedEvent, values: TileEvent['values']): void {
    const known = `${sign} ${timeUs} ${id}`;
    if (id !== null && this.#ids.has(known)) return;
    this.#ids.add(known);
    // The list of values is the next event's, too.
    if (sign === 1) this.#left.push({ values: [...values], timeUs, offset, sign });
    else if (!this.#takeBack(timeUs, values)) return;
    this.#seen += 1;
    this.#since = Math.min(this.#since, offset);
  }

  /** Events that are equal to a view are one as good as the other. */
  #takeBack(timeUs: number, values: TileEvent['values']): boolean {
    const at = this.#left.findIndex((one) => one.timeUs === timeUs && this.#areSame(one.values, values));
    if (at !== -1) this.#left.splice(at, 1);
    return at !== -1;
  }

  made(): Tile {
    const tile = emptyTile(this.#plan);
    for (const event of this.#left) foldEvent(this.#plan, tile, event);
    tile.seen = this.#seen;
    tile.since = this.#seen === 0 ? this.since : this.#since;
    return tile;
  }

  #areSame(a: TileEvent['values'], b: TileEvent['values']): boolean {
    return this.#plan.columns.every(({ countedOnly }, i) => {
      const [value, other] = [a[i]!, b[i]!];
      if (value === null || other === null) return value === other;
      return countedOnly || compareCanonical(value, other) === 0;
    });
  }
}

/**
 * As `foldEvent`, into a tile that may be spoiled: what it says of an event that is to be taken out is not true then,
 * but for how many it has.
 */
export function foldSpoiled(
  plan: TilePlan,
  tile: Tile,
  { event, isSpoiled }: { readonly event: TileEvent; readonly isSpoiled: boolean },
): Retraction {
  if (!isSpoiled || event.sign > 0) return foldEvent(plan, tile, event);
  if (tile.n === 0) return 'unknown';
  tile.n -= 1;
  tile.seen += 1;
  if (event.offset < tile.since) tile.since = event.offset;
  return 'counted';
}
