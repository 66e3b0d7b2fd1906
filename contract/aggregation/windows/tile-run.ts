/**
 * The tiles of one entity in the order of their edges, merged over origins, with coarser tiles of 60 and 3,600 hops
 * over them. A coarser tile is made when a window first covers its hops, and made again after one of its tiles changed:
 * so a window of 30 days with a hop of 10 s is some 300 tiles, not 259,200.
 *
 *   tiles   |  e3  e4      e9 | ...          | ...
 *   60      |  hops 0 to 59   | 60 to 119    | ...
 *   3,600   |  hops 0 to 3,599               | ...
 */
import { emptyTile } from '../tile.ts';
import type { Tile } from '../tile.ts';
import type { Refill } from '../parts/part.ts';
import type { TilePlan } from '../tile-plan.ts';

/** Hops of a coarser tile, the widest first. */
const LEVELS = [3_600, 60];
/** A coarser tile over fewer tiles than this saves nothing. */
const WORTH = 8;

/** Tiles one after the other: `count` of them from the place `start` on, merged. */
interface CoarseTile {
  readonly tile: Tile;
  readonly start: number;
  readonly count: number;
}

export class TileRun {
  readonly #plan: TilePlan;
  /** Ascending; an edge as its index, a count of hops. */
  edges: number[] = [];
  tiles: Tile[] = [];
  /** By level: the merged tile and how many it is made of, by hops // level; null: none was made yet. */
  #coarse: Map<number, { readonly tile: Tile; readonly count: number }>[] | null = null;
  /** How often two states were merged for a window: what tests count. */
  merges = 0;

  constructor(plan: TilePlan) {
    this.#plan = plan;
  }

  /** Puts a tile in its place, or in place of the one that was there. The run owns it from then on. */
  put(edge: number, tile: Tile): void {
    const at = this.placeOf(edge);
    if (this.edges[at] === edge) this.tiles[at] = tile;
    else if (this.edges.length === 0) {
      // A list that the first one is pushed to has room for 17.
      this.edges = [edge];
      this.tiles = [tile];
    } else if (at === this.edges.length) {
      this.edges.push(edge);
      this.tiles.push(tile);
    } else {
      this.edges.splice(at, 0, edge);
      this.tiles.splice(at, 0, tile);
    }
    if (this.#coarse === null) return;
    for (let i = 0; i < LEVELS.length; i++) this.#coarse[i]!.delete(Math.floor(edge / LEVELS[i]!));
  }

  /** Forgets the oldest tiles. @returns them */
  shift(count: number): Tile[] {
    this.edges.splice(0, count);
    const oldest = this.edges[0] ?? Infinity;
    for (const [i, groups] of (this.#coarse ?? []).entries()) {
      for (const group of groups.keys()) {
        if (group * LEVELS[i]! >= oldest) break;
        groups.delete(group);
      }
    }
    return this.tiles.splice(0, count);
  }

  /** @returns the place of the first tile at or past an edge */
  placeOf(edge: number): number {
    let [low, high] = [0, this.edges.length];
    if (high === 0 || this.edges[high - 1]! < edge) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.edges[middle]! < edge) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * @param part  one that is made again, by its place in the plan
   * @returns     its state over the tiles from the place `from` up to and without `to`
   */
  fold(part: number, from: number, to: number): unknown {
    const one = this.#plan.parts[part]!;
    const slide = one.slide as Refill<unknown>;
    const step = slide.from === 'newest' ? -1 : 1;
    let folded = one.empty();
    for (let at = step > 0 ? from : to - 1; at >= from && at < to && !slide.isSettled(folded);) {
      const coarse = this.#coarseAt(at, { from, to }, step);
      folded = one.merge(folded, (coarse?.tile ?? this.tiles[at]!).states[part]);
      this.merges += 1;
      at += step * (coarse?.count ?? 1);
    }
    return folded;
  }

  /**
   * What a part comes to over the tiles from a place on, when they leave one by one: for the tiles up to the end of the
   * 60 hops that the first is in, each with those behind it, and for all after them at once. So a window that loses its
   * smallest value at every step is made again at every sixtieth.
   */
  split(part: number, from: number, to: number): { readonly states: unknown[]; rest: unknown } {
    const one = this.#plan.parts[part]!;
    const group = Math.floor(this.edges[from]! / LEVELS[1]!);
    let end = from;
    while (end < to && Math.floor(this.edges[end]! / LEVELS[1]!) === group) end += 1;
    const states: unknown[] = Array.from({ length: end - from });
    let state = one.empty();
    for (let at = end - 1; at >= from; at--) {
      state = one.merge(state, this.tiles[at]!.states[part]);
      states[at - from] = state;
      this.merges += 1;
    }
    return { states, rest: this.fold(part, end, to) };
  }

  /** @returns the widest tile that begins (ends, going back) at a place and lies within a range, or null */
  #coarseAt(
    at: number,
    range: { readonly from: number; readonly to: number },
    step: 1 | -1,
    level = 0,
  ): CoarseTile | null {
    for (let i = level; i < LEVELS.length; i++) {
      const group = Math.floor(this.edges[at]! / LEVELS[i]!);
      const far = at + step * (WORTH - 1);
      if (far < range.from || far >= range.to || Math.floor(this.edges[far]! / LEVELS[i]!) !== group)
        continue;
      const coarse = this.#coarseOf(i, group);
      const first = step > 0 ? at : at - coarse.count + 1;
      if (coarse.start === first && first >= range.from && first + coarse.count <= range.to) return coarse;
    }
    return null;
  }

  #coarseOf(level: number, group: number): CoarseTile {
    const hops = LEVELS[level]!;
    const start = this.placeOf(group * hops);
    this.#coarse ??= LEVELS.map(() => new Map());
    const known = this.#coarse[level]!.get(group);
    if (known !== undefined) return { ...known, start };
    const end = this.placeOf((group + 1) * hops);
    const tile = emptyTile(this.#plan);
    for (let at = start; at < end;) {
      const finer = this.#coarseAt(at, { from: start, to: end }, 1, level + 1);
      this.#merge(tile, finer?.tile ?? this.tiles[at]!);
      at += finer?.count ?? 1;
    }
    const made = { tile, count: end - start };
    this.#coarse[level]!.set(group, made);
    return { ...made, start };
  }

  /** Merges what windows make again; the rest they never read of a coarser tile. */
  #merge(into: Tile, from: Tile): void {
    for (const [i, part] of this.#plan.parts.entries()) {
      if (part.slide.kind !== 'refill') continue;
      into.states[i] = part.merge(into.states[i], from.states[i]);
      this.merges += 1;
    }
  }
}
