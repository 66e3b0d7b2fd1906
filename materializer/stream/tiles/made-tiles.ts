/**
 * The tiles of a view and partition that are made here for a topic: those that events went into of late in memory, all
 * of them in the state. Windows are no matter: whoever reads the topic has them.
 */
import type { Retraction } from '../../../contract/aggregation/parts/part.ts';
import { decodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { emptyTile } from '../../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../../contract/aggregation/tile.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { TileStore } from '../state/tile-store.ts';
import type { EntityRef } from '../view-entity.ts';
import { foldSpoiled } from '../windows/spoiled-tiles.ts';
import type { SpoiledTiles } from '../windows/spoiled-tiles.ts';

/** Past so many in memory those leave it that are saved. */
const ENTITIES_KEPT = 100_000;

/** An entity with what the state does not have of it. */
export class MadeEntity {
  readonly entity: string;
  readonly id: number;
  isNamed: boolean;
  unsaved: number[] = [];
  entered: number[] = [];
  /** By `{event time} {id}`. */
  readonly ids = new Map<string, { readonly eventUs: number; readonly id: string }>();
  readonly #plan: TilePlan;
  /** As the state has them until they are asked for. */
  readonly #tiles: Map<number, Tile | Buffer>;

  constructor(
    plan: TilePlan,
    known: { readonly entity: string; readonly id: number; readonly isNamed: boolean },
    tiles: readonly { readonly edge: number; readonly tile: Buffer }[],
  ) {
    this.#plan = plan;
    this.entity = known.entity;
    this.id = known.id;
    this.isNamed = known.isNamed;
    this.#tiles = new Map(tiles.map(({ edge, tile }) => [edge, tile]));
  }

  has(edge: number): boolean {
    return this.#tiles.has(edge);
  }

  tileAt(edge: number): Tile {
    let tile = this.#tiles.get(edge) ?? emptyTile(this.#plan);
    if (Buffer.isBuffer(tile)) tile = decodeTile(this.#plan, tile);
    this.#tiles.set(edge, tile);
    return tile;
  }

  put(edge: number, tile: Tile): void {
    this.#tiles.set(edge, tile);
  }

  forget(edge: number): void {
    this.#tiles.delete(edge);
  }

  saved(): void {
    this.unsaved = [];
    this.entered = [];
    this.ids.clear();
  }
}

export class MadeTiles {
  readonly #plan: TilePlan;
  readonly #store: TileStore;
  readonly #spoiled: SpoiledTiles<MadeEntity>;
  readonly #entities = new Map<EntityRef, MadeEntity>();
  readonly #changed = new Set<MadeEntity>();

  constructor(plan: TilePlan, store: TileStore, spoiled: SpoiledTiles<MadeEntity>) {
    this.#plan = plan;
    this.#store = store;
    this.#spoiled = spoiled;
  }

  entityOf(ref: EntityRef): MadeEntity {
    const known = this.#entities.get(ref);
    if (known !== undefined) return known;
    const name = String(ref);
    const id = this.#store.idOf(name);
    const of = { entity: name, id: id ?? this.#store.newId(), isNamed: id !== null };
    const entity = new MadeEntity(this.#plan, of, id === null ? [] : this.#store.tilesOf(id));
    this.#entities.set(ref, entity);
    return entity;
  }

  /** @returns whether an event of this id and time counts for the first time; from then on it does not */
  isFirst(entity: MadeEntity, eventUs: number, id: string): boolean {
    const known = `${eventUs} ${id}`;
    if (entity.ids.has(known) || this.#store.hasEvent(entity.id, eventUs, id)) return false;
    entity.ids.set(known, { eventUs, id });
    this.#changed.add(entity);
    return true;
  }

  /** @returns false where it takes back an event that was never counted: nothing has changed then */
  fold(entity: MadeEntity, event: TileEvent): boolean {
    const edge = edgeAt(event.timeUs, this.#plan.hopUs) + 1;
    const isNew = !entity.has(edge);
    const isSpoiled = this.#spoiled.has(entity, edge);
    const outcome: Retraction = foldSpoiled(this.#plan, entity.tileAt(edge), { event, isSpoiled });
    if (outcome === 'unknown') {
      if (isNew) entity.forget(edge);
      return false;
    }
    if (outcome === 'again') this.#spoiled.add(entity, edge);
    if (!entity.unsaved.includes(edge)) entity.unsaved.push(edge);
    if (isNew) entity.entered.push(edge);
    this.#changed.add(entity);
    return true;
  }

  /** @returns those with tiles that the state does not have as they are */
  get changed(): Iterable<MadeEntity> {
    return this.#changed;
  }

  /** Writes what has changed to the state; to be called within its transaction. */
  save(): void {
    this.#store.put([...this.#changed].filter(({ unsaved }) => unsaved.length > 0));
    for (const entity of this.#changed) {
      for (const { eventUs, id } of entity.ids.values()) this.#store.putEvent(entity, eventUs, id);
      entity.saved();
    }
    this.#changed.clear();
    if (this.#entities.size > ENTITIES_KEPT) this.#entities.clear();
  }

  /** Forgets the tiles before an edge, and ids before a time, that no event can touch any more; after a save. */
  prune(beforeEdge: number, beforeUs: number): void {
    this.#store.prune(beforeEdge, beforeUs);
    this.#entities.clear();
  }
}
