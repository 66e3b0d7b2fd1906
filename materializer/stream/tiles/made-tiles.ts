/**
 * The tiles of a view and partition that are made here for a topic: those that events went into of late in memory, all
 * of them in the state. Windows are no matter: whoever reads the topic has them.
 */
import { decodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { emptyTile } from '../../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../../contract/aggregation/tile.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { TileStore } from '../state/tile-store.ts';
import type { EntityRef } from '../view-entity.ts';
import type { CountedEvents, EventOwner } from '../windows/counted-events.ts';
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
  unsavedEvents: EventOwner['unsavedEvents'] = null;
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

  saved(): void {
    this.unsaved = [];
    this.entered = [];
  }
}

export class MadeTiles {
  readonly #plan: TilePlan;
  readonly #store: TileStore;
  readonly #counted: CountedEvents;
  readonly #spoiled: SpoiledTiles<MadeEntity>;
  readonly #entities = new Map<EntityRef, MadeEntity>();
  readonly #changed = new Set<MadeEntity>();

  /** @param counted  which of their events were counted; saved with them */
  constructor(
    plan: TilePlan,
    store: TileStore,
    { counted, spoiled }: { readonly counted: CountedEvents; readonly spoiled: SpoiledTiles<MadeEntity> },
  ) {
    this.#plan = plan;
    this.#store = store;
    this.#counted = counted;
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

  /** @param event  to be counted, as `CountedEvents` says */
  fold(entity: MadeEntity, event: TileEvent): void {
    const edge = edgeAt(event.timeUs, this.#plan.hopUs) + 1;
    const isNew = !entity.has(edge);
    this.#spoiled.fold(entity, edge, { tile: entity.tileAt(edge), event });
    if (!entity.unsaved.includes(edge)) entity.unsaved.push(edge);
    if (isNew) entity.entered.push(edge);
    this.#changed.add(entity);
  }

  /** @returns those with tiles that the state does not have as they are */
  get changed(): Iterable<MadeEntity> {
    return this.#changed;
  }

  /** Writes what has changed to the state; to be called within its transaction. */
  save(): void {
    this.#store.put([...this.#changed]);
    for (const entity of this.#changed) entity.saved();
    this.#counted.save();
    this.#changed.clear();
    if (this.#entities.size > ENTITIES_KEPT) this.#entities.clear();
  }

  /** Forgets the tiles before an edge, and ids before a time, that no event can touch any more; after a save. */
  prune(beforeEdge: number, beforeUs: number): void {
    this.#store.prune(beforeEdge, beforeUs);
    this.#entities.clear();
  }
}
