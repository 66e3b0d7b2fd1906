/**
 * The tiles of a view and partition: of the entities that were met of late in memory, of all others in the state. What
 * events change is written to the state when the stream commits, not before: a tile that a hundred events go into is
 * written once. A stream that dies in between takes the messages since then again.
 */
import type { Tile, TileEvent } from '../../../contract/aggregation/tile.ts';
import { decodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { TileStore } from '../state/tile-store.ts';
import { refOfText } from '../view-entity.ts';
import type { EntityRef } from '../view-entity.ts';
import type { CountedEvents } from './counted-events.ts';
import { EntityTiles } from './entity-tiles.ts';
import { OpenTiles } from './open-tiles.ts';
import type { SpoiledTiles } from './spoiled-tiles.ts';

/** When so many were met in a turn, those that were not met in it leave the memory, and the next turn begins. */
const ENTITIES_KEPT = 100_000;

interface ViewTilesOptions {
  readonly edge: number;
  readonly refuse: (entity: string) => void;
  readonly counted: CountedEvents;
  readonly spoiled: SpoiledTiles<EntityTiles>;
}

export class ViewTiles {
  readonly #plan: TilePlan;
  readonly #store: TileStore;
  readonly #open: OpenTiles;
  /** By reference, and by number: undefined where it is not in memory. */
  readonly #entities = new Map<EntityRef, EntityTiles>();
  readonly #byId: (EntityTiles | undefined)[] = [];
  #turn = 1;
  /** How many were met in the turn. */
  #met = 0;
  /** Whether no entity has tiles in the state that is not in memory: one that is met then is new. */
  #hasAll: boolean;
  readonly #late = new Set<EntityTiles>();
  /** Those with tiles that the state does not have as they are. */
  #unsaved: EntityTiles[] = [];
  /** Those of them that it has no tile of at an edge, by edge. */
  readonly #entered = new Map<number, EntityTiles[]>();
  readonly #refuse: (entity: string) => void;
  readonly #counted: CountedEvents;
  readonly #spoiled: SpoiledTiles<EntityTiles>;
  #edge: number;
  #move = 0;

  /**
   * @param edge    the newest edge whose rows were made
   * @param refuse  called with an entity that is met for the first time; throws where that must not be
   * @param counted which of their events were counted; saved with them
   * @param spoiled those of its tiles that are to be made again, and given back by `put`
   */
  constructor(plan: TilePlan, store: TileStore, { edge, refuse, counted, spoiled }: ViewTilesOptions) {
    this.#plan = plan;
    this.#store = store;
    this.#open = new OpenTiles(plan);
    this.#edge = edge;
    this.#refuse = refuse;
    this.#counted = counted;
    this.#spoiled = spoiled;
    this.#hasAll = store.isEmpty;
  }

  /** The newest edge whose rows were made. */
  get edge(): number {
    return this.#edge;
  }

  entityOf(ref: EntityRef): EntityTiles {
    const entity = this.#entities.get(ref) ?? this.#load(ref);
    if (entity.turn !== this.#turn) {
      entity.turn = this.#turn;
      this.#met += 1;
    }
    return entity;
  }

  #load(ref: EntityRef): EntityTiles {
    const name = String(ref);
    const known = this.#hasAll ? null : this.#store.idOf(name);
    if (known === null) this.#refuse(name);
    const entity = new EntityTiles(this.#open, {
      entity: name,
      id: known ?? this.#store.newId(),
      isNamed: known !== null,
    });
    for (const { edge, tile } of known === null ? [] : this.#store.tilesOf(known)) {
      if (edge > this.#edge) entity.set(edge, decodeTile(this.#plan, tile), false);
      else entity.windows.put(edge, decodeTile(this.#plan, tile));
    }
    this.#entities.set(ref, entity);
    while (this.#byId.length <= entity.id) this.#byId.push(undefined);
    this.#byId[entity.id] = entity;
    return entity;
  }

  /** Whether events of the entity were met here. */
  knows(name: string): boolean {
    if (this.#entities.has(refOfText(this.#plan.entity, name))) return true;
    return !this.#hasAll && this.#store.idOf(name) !== null;
  }

  /** @param event  to be counted, as `CountedEvents` says */
  fold(entity: EntityTiles, event: TileEvent): void {
    const edge = edgeAt(event.timeUs, this.#plan.hopUs) + 1;
    if (edge <= this.#edge) this.#foldLate(entity, edge, event);
    else this.#foldOpen(entity, edge, event);
  }

  #foldOpen(entity: EntityTiles, edge: number, event: TileEvent): void {
    const row = entity.openRow(edge);
    const isNew = this.#open.seen(row) === 0;
    if (event.sign > 0) this.#open.fold(row, event);
    else {
      const tile = this.#open.tileOf(row);
      this.#spoiled.fold(entity, edge, { tile, event });
      this.#open.set(row, tile);
    }
    this.#note(entity, edge, isNew);
    entity.changeOpen(row, isNew);
  }

  #foldLate(entity: EntityTiles, edge: number, event: TileEvent): void {
    const tile = entity.lateTile(edge);
    const isNew = tile.seen === 0;
    this.#spoiled.fold(entity, edge, { tile, event });
    this.#late.add(entity);
    this.#note(entity, edge, isNew);
    entity.change(edge, isNew);
  }

  /** Sets a tile that was made elsewhere. */
  put(entity: EntityTiles, edge: number, tile: Tile): void {
    const isLate = edge <= this.#edge;
    const isNew = entity.set(edge, tile, isLate);
    if (isLate) this.#late.add(entity);
    this.#note(entity, edge, isNew);
    entity.change(edge, isNew);
  }

  /** To be called before the entity itself knows of the change. */
  #note(entity: EntityTiles, edge: number, isNew: boolean): void {
    if (entity.unsaved.length === 0) this.#unsaved.push(entity);
    if (!isNew) return;
    const others = this.#entered.get(edge);
    if (others === undefined) this.#entered.set(edge, [entity]);
    else others.push(entity);
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
    const due: EntityTiles[] = [];
    this.#move += 1;
    const look = (entity: EntityTiles): void => {
      if (entity.move === this.#move) return;
      entity.move = this.#move;
      due.push(entity);
    };
    for (const window of windows) {
      for (const ids of this.#store.entitiesIn(from - window, to - window))
        for (let i = 0; i < ids.length; i++) look(this.#withId(ids[i]!));
      for (const [edge, entities] of this.#entered)
        if (edge > from - window && edge <= to - window)
          for (let i = 0; i < entities.length; i++) look(entities[i]!);
    }
    // Those that are loaded now must not take what is due for what was.
    this.#edge = to;
    for (let i = 0; i < due.length; i++) due[i]!.settle(to);
    return due;
  }

  #withId(id: number): EntityTiles {
    return this.#byId[id] ?? this.entityOf(refOfText(this.#plan.entity, this.#store.nameOf(id)));
  }

  /** Says up to which edge rows were made of all that was taken so far: no late event is among it. */
  standAt(edge: number): void {
    this.#edge = edge;
    for (const entity of this.#entities.values()) entity.settle(edge);
  }

  /** Writes what has changed to the state; to be called within its transaction. */
  save(): void {
    this.#store.put(this.#unsaved);
    for (const entity of this.#unsaved) entity.saved();
    this.#unsaved = [];
    this.#entered.clear();
    this.#counted.save();
    if (this.#open.isSparse) this.#open.pack(this.#entities.values());
    if (this.#met > ENTITIES_KEPT) this.#endTurn();
  }

  #endTurn(): void {
    for (const [ref, entity] of this.#entities) {
      if (entity.turn === this.#turn) continue;
      entity.leave();
      this.#entities.delete(ref);
      this.#byId[entity.id] = undefined;
      this.#hasAll = false;
    }
    this.#turn += 1;
    this.#met = 0;
  }

  /** Forgets the tiles before an edge, and ids before a time, that nothing can ask for any more. */
  prune(beforeEdge: number, beforeUs: number): void {
    this.#store.prune(beforeEdge, beforeUs);
    for (const entity of this.#entities.values()) {
      entity.drop(beforeEdge - 1);
      // Its name may have gone with its tiles.
      entity.isNamed = false;
    }
  }
}
