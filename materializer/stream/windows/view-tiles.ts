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

/** Entities in memory after a commit. */
const ENTITIES_KEPT = 100_000;

export class ViewTiles {
  readonly #plan: TilePlan;
  readonly #state: ViewState;
  readonly #entities = new Map<string, EntityTiles>();
  readonly #late = new Set<EntityTiles>();
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
  }

  /** The newest edge whose rows were made. */
  get edge(): number {
    return this.#edge;
  }

  entityOf(name: string): EntityTiles {
    let found = this.#entities.get(name);
    if (found !== undefined) return found;
    const tiles = this.#state.tilesOf(name);
    if (tiles.length === 0) this.#refuse(name);
    found = new EntityTiles(this.#plan, name);
    for (const { edge, tile } of tiles) {
      if (edge > this.#edge) found.open.set(edge, decodeTile(this.#plan, tile));
      else found.windows.put(edge, decodeTile(this.#plan, tile));
    }
    this.#entities.set(name, found);
    return found;
  }

  /** Whether events of the entity were met here. */
  knows(name: string): boolean {
    return this.#entities.has(name) || this.#state.tilesOf(name).length > 0;
  }

  /** @returns whether an event of this id and time counts for the first time; from then on it does not */
  isFirst(entity: EntityTiles, eventUs: number, id: string): boolean {
    const known = `${eventUs} ${id}`;
    if (entity.unsavedIds.has(known) || this.#state.hasEvent(entity.entity, eventUs, id)) return false;
    entity.unsavedIds.set(known, { eventUs, id });
    return true;
  }

  /** @returns false where it takes back an event that was never counted: nothing has changed then */
  fold(entity: EntityTiles, event: TileEvent): boolean {
    const edge = edgeAt(event.timeUs, this.#plan.hopUs) + 1;
    const isLate = edge <= this.#edge;
    const tile = entity.tileFor(edge, isLate);
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
    (isLate ? entity.late : entity.open).set(edge, tile);
    if (isLate) this.#late.add(entity);
    this.#change(entity, edge);
  }

  #change(entity: EntityTiles, edge: number): void {
    if (entity.unsaved.has(edge)) return;
    entity.unsaved.add(edge);
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
    for (const entity of this.#entities.values()) entity.settle(edge);
  }

  /** Writes what has changed to the state; to be called within its transaction. */
  save(): void {
    for (const entities of this.#unsaved.values()) {
      for (const entity of entities) {
        for (const edge of entity.unsaved) this.#state.putTile(edge, entity.entity, entity.bytesOf(edge));
        for (const { eventUs, id } of entity.unsavedIds.values())
          this.#state.putEvent(entity.entity, eventUs, id);
        entity.unsaved.clear();
        entity.unsavedIds.clear();
      }
    }
    this.#unsaved.clear();
    if (this.#entities.size > ENTITIES_KEPT) this.#entities.clear();
  }
}
