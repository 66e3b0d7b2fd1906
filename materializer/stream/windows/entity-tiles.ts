/**
 * One entity of a view in memory. There are very many of them: what most never need is made when it is needed.
 *
 *   windows    over the tiles of edges whose rows were made; those tiles are theirs
 *   open       tiles of later edges, which events are folded into until their edge is due; ascending
 *   late       tiles of earlier edges with late events in them; the next step puts them into the windows
 */
import { decodeTile, encodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import { emptyTile } from '../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { EntityWindows } from '../../../contract/aggregation/windows/entity-windows.ts';

/** An id of an event that counted. */
interface CountedId {
  readonly eventUs: number;
  readonly id: string;
}

/** Nothing is pushed to them. */
const NO_EDGES: number[] = [];
const NO_TILES: Tile[] = [];

export class EntityTiles {
  readonly entity: string;
  /** Its number in the state. */
  readonly id: number;
  /** Whether the state knows its name by that number. */
  isNamed: boolean;
  /** The turn of the memory in which it was last met. */
  turn = 0;
  /** The move to a new edge for which it was last looked at. */
  move = 0;
  /** Edges of tiles that the state does not have as they are. */
  unsaved = NO_EDGES;
  /** Those of them that it has no tile of. */
  entered = NO_EDGES;
  /** null: none. */
  late: Map<number, Tile> | null = null;
  /** Ids of counted events that the state does not have yet, by `{event time} {id}`; null: none. */
  unsavedIds: Map<string, CountedId> | null = null;
  readonly #plan: TilePlan;
  #windows: EntityWindows | null = null;
  #openEdges = NO_EDGES;
  #openTiles = NO_TILES;

  constructor(plan: TilePlan, { entity, id, isNamed }: Pick<EntityTiles, 'entity' | 'id' | 'isNamed'>) {
    this.#plan = plan;
    this.entity = entity;
    this.id = id;
    this.isNamed = isNamed;
  }

  get windows(): EntityWindows {
    return (this.#windows ??= new EntityWindows(this.#plan));
  }

  /** @returns the open tile of an edge, for one event to be folded into it */
  openTile(edge: number): Tile {
    const edges = this.#openEdges;
    let at = edges.length;
    while (at > 0 && edges[at - 1]! > edge) at -= 1;
    if (at > 0 && edges[at - 1] === edge) return this.#openTiles[at - 1]!;
    const tile = emptyTile(this.#plan);
    this.open(edge, tile);
    return tile;
  }

  /** Puts an open tile in its place, of an edge that has none yet. */
  open(edge: number, tile: Tile): void {
    const edges = this.#openEdges;
    let at = edges.length;
    while (at > 0 && edges[at - 1]! > edge) at -= 1;
    if (edges.length === 0) {
      // A list that the first one is pushed to has room for 17.
      this.#openEdges = [edge];
      this.#openTiles = [tile];
      return;
    }
    if (at === edges.length) {
      edges.push(edge);
      this.#openTiles.push(tile);
      return;
    }
    edges.splice(at, 0, edge);
    this.#openTiles.splice(at, 0, tile);
  }

  /** Sets a tile that was made elsewhere, in place of one that may be there. @returns whether there was none */
  set(edge: number, tile: Tile, isLate: boolean): boolean {
    if (isLate) {
      const isNew = this.late?.has(edge) !== true && this.windows.tileAt(edge) === null;
      this.late ??= new Map();
      this.late.set(edge, tile);
      return isNew;
    }
    const at = this.#openEdges.indexOf(edge);
    if (at === -1) this.open(edge, tile);
    else this.#openTiles[at] = tile;
    return at === -1;
  }

  /** @returns the tile of an edge whose rows were made, for one late event to be folded into it */
  lateTile(edge: number): Tile {
    this.late ??= new Map();
    let tile = this.late.get(edge);
    if (tile !== undefined) return tile;
    const held = this.windows.tileAt(edge);
    // The windows own theirs: a late event goes into a copy.
    tile = held === null ? emptyTile(this.#plan) : decodeTile(this.#plan, encodeTile(this.#plan, held));
    this.late.set(edge, tile);
    return tile;
  }

  /** Takes away a tile that no event went into. */
  forget(edge: number, isLate: boolean): void {
    if (isLate) {
      this.late!.delete(edge);
      return;
    }
    const at = this.#openEdges.indexOf(edge);
    this.#openEdges.splice(at, 1);
    this.#openTiles.splice(at, 1);
  }

  settleLate(): void {
    for (const [edge, tile] of this.late ?? []) this.windows.put(edge, tile);
    this.late = null;
  }

  /** Puts the tiles up to an edge into the windows. */
  settle(upTo: number): void {
    const edges = this.#openEdges;
    let count = 0;
    while (count < edges.length && edges[count]! <= upTo) {
      this.windows.put(edges[count]!, this.#openTiles[count]!);
      count += 1;
    }
    if (count === 0) return;
    if (count === edges.length) {
      this.#openEdges = NO_EDGES;
      this.#openTiles = NO_TILES;
      return;
    }
    edges.splice(0, count);
    this.#openTiles.splice(0, count);
  }

  /** Keeps in mind that the state does not have the tile of an edge as it is. @param isNew  or not at all */
  change(edge: number, isNew: boolean): void {
    if (this.unsaved.length === 0) this.unsaved = [edge];
    else if (!this.unsaved.includes(edge)) this.unsaved.push(edge);
    if (!isNew) return;
    if (this.entered.length === 0) this.entered = [edge];
    else this.entered.push(edge);
  }

  saved(): void {
    this.unsaved = NO_EDGES;
    this.entered = NO_EDGES;
  }

  /** @returns the tile of an edge as it is, which is there */
  tileAt(edge: number): Tile {
    const open = this.#openEdges.indexOf(edge);
    return this.late?.get(edge) ?? (open === -1 ? this.windows.tileAt(edge)! : this.#openTiles[open]!);
  }

  /** Forgets tiles up to an edge. */
  drop(upTo: number): void {
    this.#windows?.drop(upTo);
  }
}
