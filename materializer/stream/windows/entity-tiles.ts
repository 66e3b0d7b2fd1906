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
import { EntityWindows } from '../../../contract/aggregation/windows/entity-windows.ts';
import type { EventOwner } from './counted-events.ts';
import { NO_ROW } from './open-tiles.ts';
import type { OpenTiles } from './open-tiles.ts';

/** Nothing is pushed to it. */
const NO_EDGES: number[] = [];
/** The list of one edge, for all entities that have no other. */
let lone: number[] = [];

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
  /** Edges of tiles that the state does not have as they are. A list may be that of other entities, too. */
  unsaved = NO_EDGES;
  /** Those of them that it has no tile of. */
  entered = NO_EDGES;
  /** null: none. */
  late: Map<number, Tile> | null = null;
  /** The row of the newest of its open tiles. */
  newest = NO_ROW;
  unsavedEvents: EventOwner['unsavedEvents'] = null;
  readonly #open: OpenTiles;
  #windows: EntityWindows | null = null;

  constructor(open: OpenTiles, { entity, id, isNamed }: Pick<EntityTiles, 'entity' | 'id' | 'isNamed'>) {
    this.#open = open;
    this.entity = entity;
    this.id = id;
    this.isNamed = isNamed;
  }

  get windows(): EntityWindows {
    return (this.#windows ??= new EntityWindows(this.#open.plan));
  }

  /** @returns the row of the open tile of an edge, which has no events where there was none */
  openRow(edge: number): number {
    const open = this.#open;
    let newer = NO_ROW;
    let row = this.newest;
    while (row !== NO_ROW && open.edge(row) > edge) {
      newer = row;
      row = open.older(row);
    }
    if (row !== NO_ROW && open.edge(row) === edge) return row;
    const added = open.add(edge, row);
    this.#chain(newer, added);
    return added;
  }

  /** @returns the row of the open tile of an edge; NO_ROW: there is none */
  #rowOf(edge: number): number {
    let row = this.newest;
    while (row !== NO_ROW && this.#open.edge(row) > edge) row = this.#open.older(row);
    return row !== NO_ROW && this.#open.edge(row) === edge ? row : NO_ROW;
  }

  #chain(newer: number, row: number): void {
    if (newer === NO_ROW) this.newest = row;
    else this.#open.setOlder(newer, row);
  }

  /** Sets a tile that was made elsewhere, in place of one that may be there. @returns whether there was none */
  set(edge: number, tile: Tile, isLate: boolean): boolean {
    if (isLate) {
      const isNew = this.late?.has(edge) !== true && this.windows.tileAt(edge) === null;
      this.late ??= new Map();
      this.late.set(edge, tile);
      return isNew;
    }
    const isNew = this.#rowOf(edge) === NO_ROW;
    this.#open.set(this.openRow(edge), tile);
    return isNew;
  }

  /** @returns the tile of an edge whose rows were made, for one late event to be folded into it */
  lateTile(edge: number): Tile {
    this.late ??= new Map();
    let tile = this.late.get(edge);
    if (tile !== undefined) return tile;
    const held = this.windows.tileAt(edge);
    const { plan } = this.#open;
    // The windows own theirs: a late event goes into a copy.
    tile = held === null ? emptyTile(plan) : decodeTile(plan, encodeTile(plan, held));
    this.late.set(edge, tile);
    return tile;
  }

  settleLate(): void {
    for (const [edge, tile] of this.late ?? []) this.windows.put(edge, tile);
    this.late = null;
  }

  /** Puts the tiles up to an edge into the windows. */
  settle(upTo: number): void {
    const open = this.#open;
    let newer = NO_ROW;
    let row = this.newest;
    while (row !== NO_ROW && open.edge(row) > upTo) {
      newer = row;
      row = open.older(row);
    }
    if (row === NO_ROW) return;
    this.#chain(newer, NO_ROW);
    if (open.older(row) === NO_ROW) return this.#settleRow(row);
    const due: number[] = [];
    for (; row !== NO_ROW; row = open.older(row)) due.push(row);
    for (let i = due.length - 1; i >= 0; i--) this.#settleRow(due[i]!);
  }

  #settleRow(row: number): void {
    this.windows.put(this.#open.edge(row), this.#open.tileOf(row));
    this.#open.drop(row);
  }

  /** Keeps in mind that the state does not have an open tile as it is. @param isNew  or not at all */
  changeOpen(row: number, isNew: boolean): void {
    const edge = this.#open.edge(row);
    if (!this.#open.markUnsaved(row)) this.unsaved = withEdge(this.unsaved, edge);
    if (isNew) this.entered = withEdge(this.entered, edge);
  }

  /** The same of any tile. */
  change(edge: number, isNew: boolean): void {
    const row = this.#rowOf(edge);
    if (row !== NO_ROW) return this.changeOpen(row, isNew);
    if (!this.unsaved.includes(edge)) this.unsaved = withEdge(this.unsaved, edge);
    if (isNew) this.entered = withEdge(this.entered, edge);
  }

  saved(): void {
    this.unsaved = NO_EDGES;
    this.entered = NO_EDGES;
    for (let row = this.newest; row !== NO_ROW; row = this.#open.older(row)) this.#open.markSaved(row);
  }

  /** @returns the tile of an edge as it is, which is there; of an open one to be used before the next event */
  tileAt(edge: number): Tile {
    const row = this.#rowOf(edge);
    return this.late?.get(edge) ?? (row === NO_ROW ? this.windows.tileAt(edge)! : this.#open.tileOf(row));
  }

  /** It leaves the memory: nothing of it is used any more. */
  leave(): void {
    for (let row = this.newest; row !== NO_ROW;) {
      const older = this.#open.older(row);
      this.#open.drop(row);
      row = older;
    }
    this.newest = NO_ROW;
  }

  /** Forgets tiles up to an edge. */
  drop(upTo: number): void {
    this.#windows?.drop(upTo);
  }
}

/** @returns the list, or another, with an edge behind those before */
function withEdge(edges: number[], edge: number): number[] {
  if (edges.length > 1) {
    edges.push(edge);
    return edges;
  }
  if (edges.length === 1) return [edges[0]!, edge];
  if (lone[0] !== edge) lone = [edge];
  return lone;
}
