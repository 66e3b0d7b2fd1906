/**
 * The tiles of a view and partition: of the entities that were met of late in memory, of all others in the state. What
 * events change is written to the state when the stream commits, not before: a tile that a hundred events go into is
 * written once. A stream that dies in between takes the messages since then again.
 */
import { foldEvent } from '../../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../../contract/aggregation/tile.ts';
import { decodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { ViewState } from '../state/view-state.ts';
import { EntityTiles } from './entity-tiles.ts';

/** When so many were met since the last time, those that were not met since then leave the memory. */
const ENTITIES_KEPT = 100_000;

export class ViewTiles {
  readonly #plan: TilePlan;
  readonly #state: ViewState;
  /** Those that were met since the older ones became the older ones. */
  #entities = new Map<string, EntityTiles>();
  #older = new Map<string, EntityTiles>();
  /** Whether no entity has tiles in the state that is not in memory: one that is met then is new. */
  #hasAll: boolean;
  readonly #late = new Set<EntityTiles>();
  /** Those with ids that the state does not have. */
  readonly #unsavedIds = new Set<EntityTiles>();
  /** Of tiles that the state does not have as they are, by edge. */
  readonly #unsaved = new Map<number, Set<EntityTiles>>();
  readonly #refuse: (entity: string) => void;
  #edge: number;

  /**
   * @param edge    the newest edge whose rows were made
   * @param refuse  called with an entity that is met for the first time; throws where that must not be
   */
  constructor(
    plan: TilePlan,
    state: ViewState,
    { edge, refuse }: { readonly edge: number; readonly refuse: (entity: string) => void },
  ) {
    this.#plan = plan;
    this.#state = state;
    this.#edge = edge;
    this.#refuse = refuse;
    this.#hasAll = !state.hasTiles();
  }

  /** The newest edge whose rows were made. */
  get edge(): number {
    return this.#edge;
  }

  entityOf(name: string): EntityTiles {
    const met = this.#entities.get(name);
    if (met !== undefined) return met;
    let found = this.#older.get(name);
    if (found === undefined) found = this.#load(name);
    else this.#older.delete(name);
    this.#entities.set(name, found);
    return found;
  }

  #load(name: string): EntityTiles {
    const tiles = this.#hasAll ? [] : this.#state.tilesOf(name);
    if (tiles.length === 0) this.#refuse(name);
    const entity = new EntityTiles(this.#plan, name);
    for (const { edge, tile } of tiles) {
      if (edge > this.#edge) entity.open(edge, decodeTile(this.#plan, tile));
      else entity.windows.put(edge, decodeTile(this.#plan, tile));
    }
    return entity;
  }

  /** Whether events of the entity were met here. */
  knows(name: string): boolean {
    if (this.#entities.has(name) || this.#older.has(name)) return true;
    return !this.#hasAll && this.#state.tilesOf(name).length > 0;
  }

  /** @returns whether an event of this id and time counts for the first time; from then on it does not */
  isFirst(entity: EntityTiles, eventUs: number, id: string): boolean {
    const known = `${eventUs} ${id}`;
    if (entity.unsavedIds?.has(known) === true || this.#state.hasEvent(entity.entity, eventUs, id))
      return false;
    entity.unsavedIds ??= new Map();
    entity.unsavedIds.set(known, { eventUs, id });
    this.#unsavedIds.add(entity);
    return true;
  }

  /** @returns false where it takes back an event that was never counted: nothing has changed then */
  fold(entity: EntityTiles, event: TileEvent): boolean {
    const edge = edgeAt(event.timeUs, this.#plan.hopUs) + 1;
    const isLate = edge <= this.#edge;
    const tile = isLate ? entity.lateTile(edge) : entity.openTile(edge);
    if (foldEvent(this.#plan, tile, event) === 'unknown') {
      if (tile.seen === 0) entity.forget(edge, isLate);
      return false;
    }
    if (isLate) this.#late.add(entity);
    this.#change(entity, edge);
    return true;
  }

  /** Sets a tile that was made elsewhere. */
  put(entity: EntityTiles, edge: number, tile: Tile): void {
    const isLate = edge <= this.#edge;
    entity.set(edge, tile, isLate);
    if (isLate) this.#late.add(entity);
    this.#change(entity, edge);
  }

  #change(entity: EntityTiles, edge: number): void {
    const others = this.#unsaved.get(edge);
    if (others === undefined) this.#unsaved.set(edge, new Set([entity]));
    else others.add(entity);
  }

  /** @returns the entities with late events since the last time */
  takeLate(): EntityTiles[] {
    const late = [...this.#late];
    this.#late.clear();
    return late;
  }

  /**
   * Moves on to an edge.
   * @param windows  lengths in hops; 0: tiles that enter
   * @returns        the entities of which a tile enters or leaves a window on the way, with their tiles in the windows
   */
  moveTo(to: number, windows: readonly number[]): EntityTiles[] {
    const from = this.#edge;
    const names = new Set<string>();
    const due = new Set<EntityTiles>();
    for (const window of windows) {
      for (const name of this.#state.entitiesIn(from - window, to - window)) names.add(name);
      for (const [edge, entities] of this.#unsaved)
        if (edge > from - window && edge <= to - window) for (const entity of entities) due.add(entity);
    }
    // Those that are loaded now must not take what is due for what was.
    for (const name of names) due.add(this.entityOf(name));
    this.#edge = to;
    for (const entity of due) entity.settle(to);
    return [...due];
  }

  /** Says up to which edge rows were made of all that was taken so far: no late event is among it. */
  standAt(edge: number): void {
    this.#edge = edge;
    for (const entities of [this.#entities, this.#older])
      for (const entity of entities.values()) entity.settle(edge);
  }

  /** Writes what has changed to the state; to be called within its transaction. */
  save(): void {
    for (const edge of [...this.#unsaved.keys()].toSorted((a, b) => a - b))
      for (const entity of this.#unsaved.get(edge)!)
        this.#state.putTile(edge, entity.entity, entity.bytesOf(edge));
    this.#unsaved.clear();
    for (const entity of this.#unsavedIds) {
      for (const { eventUs, id } of entity.unsavedIds!.values())
        this.#state.putEvent(entity.entity, eventUs, id);
      entity.unsavedIds = null;
    }
    this.#unsavedIds.clear();
    if (this.#entities.size <= ENTITIES_KEPT) return;
    if (this.#older.size > 0) this.#hasAll = false;
    this.#older = this.#entities;
    this.#entities = new Map();
  }

  /** Forgets the tiles up to an edge that nothing can ask for any more, of entities in memory. */
  drop(upTo: number): void {
    for (const entities of [this.#entities, this.#older])
      for (const entity of entities.values()) entity.windows.drop(upTo);
  }
}
