/**
 * The tiles of a view that events are folded into until their edges are due. What is a number in them lies side by side
 * in one list of doubles: an event changes it where it stands, and no object is made or grows old.
 *
 *   cells    row | row | ...        row = older | edge | n | seen | since | isUnsaved | a cell a part, NaN: null
 *   objects  the states of the other parts, by row
 *
 * The open tiles of an entity are a chain from the newest edge to the oldest. What no double holds (a sum past 2^53),
 * and tiles that an event is taken out of, go the long way, as objects (contract/aggregation/tile.ts).
 *
 * Rows are never fewer than they once had to be, as when a partition that lagged held the watermark, until `pack` has
 * laid those that are used side by side.
 */
import { foldEvent } from '../../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';

/** The end of a chain. */
export const NO_ROW = -1;

const [OLDER, EDGE, N, SEEN, SINCE, UNSAVED] = [0, 1, 2, 3, 4, 5];
const FIRST_ROWS = 1_024;
/** Where one row of so many is used, they are worth packing. */
const SPARSE = 8;

/** The open tiles of an entity. */
interface OpenChain {
  /** The row of the newest; NO_ROW: there is none. */
  newest: number;
}

export class OpenTiles {
  readonly plan: TilePlan;
  /** Of each part its place in a row's cells; below 0: -1 less its place among a row's objects. */
  readonly #places: readonly number[];
  /** Of each part its column. */
  readonly #columns: readonly number[];
  /** A row without events. */
  readonly #empty: Float64Array;
  readonly #objectCount: number;
  #cells: Float64Array;
  #objects: unknown[] = [];
  /** Rows that were used since they were packed; those that are free are a chain. */
  #rows = 0;
  #used = 0;
  #free = NO_ROW;
  /** Tiles with a number that no double holds, in place of their row's states. */
  #wide = new Map<number, Tile>();

  constructor(plan: TilePlan) {
    this.plan = plan;
    const places: number[] = [];
    const empty = [NO_ROW, 0, 0, 0, 0, 0];
    let objects = 0;
    for (const part of plan.parts) {
      places.push(part.addAt === undefined ? -1 - objects++ : empty.length);
      if (part.addAt !== undefined) empty.push((part.empty() as number | null) ?? NaN);
    }
    this.#places = places;
    this.#columns = plan.parts.map(({ key }) => key.column);
    this.#empty = Float64Array.from(empty);
    this.#objectCount = objects;
    this.#cells = new Float64Array(FIRST_ROWS * empty.length);
  }

  older(row: number): number {
    return this.#cells[row * this.#empty.length + OLDER]!;
  }

  setOlder(row: number, older: number): void {
    this.#cells[row * this.#empty.length + OLDER] = older;
  }

  edge(row: number): number {
    return this.#cells[row * this.#empty.length + EDGE]!;
  }

  seen(row: number): number {
    return this.#cells[row * this.#empty.length + SEEN]!;
  }

  /** Says that the state does not have the tile as it is. @returns whether that was known */
  markUnsaved(row: number): boolean {
    const at = row * this.#empty.length + UNSAVED;
    const isKnown = this.#cells[at] === 1;
    this.#cells[at] = 1;
    return isKnown;
  }

  markSaved(row: number): void {
    this.#cells[row * this.#empty.length + UNSAVED] = 0;
  }

  /** @returns the row of a tile without events, with a chain of older ones behind it */
  add(edge: number, older: number): number {
    const width = this.#empty.length;
    const row = this.#free === NO_ROW ? this.#rows++ : this.#free;
    if ((row + 1) * width > this.#cells.length) this.#grow();
    else if (row === this.#free) this.#free = this.older(row);
    this.#used += 1;
    const at = row * width;
    for (let i = 0; i < width; i++) this.#cells[at + i] = this.#empty[i]!;
    this.#cells[at + OLDER] = older;
    this.#cells[at + EDGE] = edge;
    if (this.#objectCount > 0)
      for (let i = 0; i < this.#places.length; i++)
        if (this.#places[i]! < 0) this.#objects[this.#objectPlace(row, i)] = this.plan.parts[i]!.empty();
    return row;
  }

  #grow(): void {
    const larger = new Float64Array(this.#cells.length * 2);
    larger.set(this.#cells);
    this.#cells = larger;
  }

  #objectPlace(row: number, part: number): number {
    return row * this.#objectCount - 1 - this.#places[part]!;
  }

  /** Forgets a tile; its row is another's from then on. */
  drop(row: number): void {
    for (let i = 0; i < this.#objectCount; i++) this.#objects[row * this.#objectCount + i] = null;
    if (this.#wide.size > 0) this.#wide.delete(row);
    this.setOlder(row, this.#free);
    this.#free = row;
    this.#used -= 1;
  }

  /** Whether much memory is held for rows that nobody uses. */
  get isSparse(): boolean {
    return this.#rows > SPARSE * FIRST_ROWS && this.#rows > SPARSE * this.#used;
  }

  /** Gives back the memory of rows that nobody uses. @param chains  all that there are */
  pack(chains: Iterable<OpenChain>): void {
    const width = this.#empty.length;
    const [cells, objects, wide] = [this.#cells, this.#objects, this.#wide];
    this.#cells = new Float64Array(Math.max(FIRST_ROWS, 2 * this.#used) * width);
    this.#objects = [];
    this.#wide = new Map();
    this.#rows = 0;
    this.#free = NO_ROW;
    const move = (row: number): number => {
      const to = this.#rows++;
      this.#cells.set(cells.subarray(row * width, (row + 1) * width), to * width);
      for (let i = 0; i < this.#objectCount; i++)
        this.#objects[to * this.#objectCount + i] = objects[row * this.#objectCount + i];
      if (wide.has(row)) this.#wide.set(to, wide.get(row)!);
      return to;
    };
    for (const chain of chains) {
      if (chain.newest === NO_ROW) continue;
      let row = (chain.newest = move(chain.newest));
      for (let older = this.older(row); older !== NO_ROW; older = this.older(row)) {
        const moved = move(older);
        this.setOlder(row, moved);
        row = moved;
      }
    }
  }

  /** As `foldEvent` of tile.ts. @param event  comes in; passed by `refusalOf` */
  fold(row: number, event: TileEvent): void {
    if (this.#wide.size > 0 && this.#wide.has(row)) {
      const tile = this.tileOf(row);
      foldEvent(this.plan, tile, event);
      return this.set(row, tile);
    }
    const { values, timeUs, offset } = event;
    const { parts } = this.plan;
    const cells = this.#cells;
    const at = row * this.#empty.length;
    for (let i = 0; i < parts.length; i++) {
      const given = values[this.#columns[i]!]!;
      if (given === null) continue;
      // -0 is 0: tile.ts says why.
      const value = given === 0 ? 0 : given;
      const place = this.#places[i]!;
      if (place < 0) {
        const object = this.#objectPlace(row, i);
        const state = this.#objects[object];
        const next = parts[i]!.add(state, value, timeUs);
        if (next !== state) this.#objects[object] = next;
      } else if (!parts[i]!.addAt!(cells, at + place, value)) return this.#foldWide(row, event, i);
    }
    if (cells[at + SEEN] === 0 || offset < cells[at + SINCE]!) cells[at + SINCE] = offset;
    cells[at + N]! += 1;
    cells[at + SEEN]! += 1;
  }

  /** The rest of `fold`, from a part on whose number no double holds any more. */
  #foldWide(row: number, { values, timeUs, offset }: TileEvent, from: number): void {
    const tile = this.tileOf(row);
    for (let i = from; i < tile.states.length; i++) {
      const value = values[this.#columns[i]!]!;
      if (value === null) continue;
      tile.states[i] = this.plan.parts[i]!.add(tile.states[i], value === 0 ? 0 : value, timeUs);
    }
    if (tile.seen === 0 || offset < tile.since) tile.since = offset;
    tile.n += 1;
    tile.seen += 1;
    this.set(row, tile);
  }

  /** @returns the tile as it is, to be used before the next event */
  tileOf(row: number): Tile {
    const wide = this.#wide.size === 0 ? undefined : this.#wide.get(row);
    if (wide !== undefined) return wide;
    const cells = this.#cells;
    const at = row * this.#empty.length;
    const [n, seen, since] = [cells[at + N]!, cells[at + SEEN]!, cells[at + SINCE]!];
    const tile = { n, seen, since, states: Array<unknown>(this.#places.length) };
    for (let i = 0; i < this.#places.length; i++) {
      const place = this.#places[i]!;
      if (place < 0) tile.states[i] = this.#objects[this.#objectPlace(row, i)];
      else {
        const cell = cells[at + place]!;
        tile.states[i] = Number.isNaN(cell) ? null : cell;
      }
    }
    return tile;
  }

  /** Sets a tile in place of the one that was there; the row owns it from then on. */
  set(row: number, tile: Tile): void {
    const at = row * this.#empty.length;
    this.#cells[at + N] = tile.n;
    this.#cells[at + SEEN] = tile.seen;
    this.#cells[at + SINCE] = tile.since;
    this.#wide.delete(row);
    for (let i = 0; i < this.#places.length; i++) {
      const state = tile.states[i];
      const place = this.#places[i]!;
      if (place < 0) this.#objects[this.#objectPlace(row, i)] = state;
      else if (typeof state === 'bigint') this.#wide.set(row, tile);
      else this.#cells[at + place] = (state as number | null) ?? NaN;
    }
  }
}
