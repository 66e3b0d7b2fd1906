/**
 * The session of one entity at an edge: the events since the last gap of a given length. A gap is at least a hop, so
 * that no tile has one within it: a session is a run of whole tiles, and a tile knows the times of its first and last
 * event.
 *
 *            start           head            less than a gap from tile to tile, a gap or more before the start
 *   tiles     v               v              at an edge: those from the start up to and without the head
 *   ... | 3 | 9 | 10 | 12 | 13 | 17 |        over once a gap lies between the last event and the edge
 *
 * Tiles enter one by one; one that lies past the gap begins a session of its own. Nothing leaves: after a move back the
 * session is made again from its tiles.
 */
import type { Tile } from '../tile.ts';
import type { TilePlan } from '../tile-plan.ts';
import type { TileRun } from './tile-run.ts';

/** The times of the first and the last event of tiles. */
interface Span {
  readonly firstUs: number;
  readonly lastUs: number;
}

const NOT_KNOWN = -1;

/**
 * Since when tiles matter to sessions, where no event can come any more that lies before an edge.
 *
 * @param edges  of an entity's tiles, ascending
 * @returns      the edge, or that of an earlier tile which may belong to a session of events at the edge or after it
 */
export function sessionStart(edges: readonly number[], edge: number, gapHops: number): number {
  let start = edge;
  for (let at = edges.length - 1; at >= 0; at--) {
    if (edges[at]! >= edge) continue;
    // Events lie up to a hop before their edge.
    if (start - edges[at]! - 1 >= gapHops) break;
    start = edges[at]!;
  }
  return start;
}

export class EntitySession {
  readonly #plan: TilePlan;
  readonly #gapHops: number;
  readonly #gapUs: number;
  readonly #run: TileRun;
  /** Parts that the features of this gap read. */
  readonly #parts: readonly number[];
  readonly #held: unknown[];
  readonly #nothing: readonly unknown[];
  #n = 0;
  /** The tiles that it holds, by their places; NOT_KNOWN: it is to be made again. */
  #start = 0;
  #end = 0;
  #lastUs = -Infinity;
  #isOver = true;

  constructor(plan: TilePlan, gapHops: number, run: TileRun) {
    this.#plan = plan;
    this.#gapHops = gapHops;
    this.#gapUs = gapHops * plan.hopUs;
    this.#run = run;
    const features = plan.features.filter(({ sessionHops }) => sessionHops === gapHops);
    this.#parts = [...new Set(features.flatMap(({ parts }) => parts))];
    this.#nothing = plan.parts.map((_, i) => this.#empty(i));
    this.#held = [...this.#nothing];
  }

  /** Events of the session. */
  get n(): number {
    return this.#isOver ? 0 : this.#n;
  }

  get states(): readonly unknown[] {
    return this.#isOver ? this.#nothing : this.#held;
  }

  /** To be called where tiles before the head have changed, or their places. */
  forget(): void {
    this.#end = NOT_KNOWN;
  }

  /** @param head  the place of the first tile past the edge */
  standAt(edge: number, head: number): void {
    this.#enterUpTo(head);
    this.#isOver = edge * this.#plan.hopUs - this.#lastUs >= this.#gapUs;
  }

  /** @returns the place of the session's first tile at the edge where that place is the first past it */
  startAt(head: number): number {
    this.#enterUpTo(head);
    return this.#start;
  }

  #enterUpTo(head: number): void {
    if (this.#end === NOT_KNOWN || this.#end > head) this.#begin((this.#end = this.#firstOf(head)));
    for (; this.#end < head; this.#end++) {
      const tile = this.#run.tiles[this.#end]!;
      if (tile.n === 0) continue;
      const { firstUs, lastUs } = this.#spanOf(tile);
      if (firstUs - this.#lastUs >= this.#gapUs) this.#begin(this.#end);
      this.#enter(tile);
      this.#lastUs = lastUs;
    }
  }

  #begin(start: number): void {
    this.#start = start;
    this.#n = 0;
    this.#lastUs = -Infinity;
    for (const i of this.#parts) this.#held[i] = this.#empty(i);
  }

  #empty(i: number): unknown {
    const part = this.#plan.parts[i]!;
    return part.slide.kind === 'slide' ? part.slide.empty() : part.empty();
  }

  #enter(tile: Tile): void {
    this.#n += tile.n;
    for (const i of this.#parts) {
      const part = this.#plan.parts[i]!;
      const state = tile.states[i];
      this.#held[i] =
        part.slide.kind === 'slide'
          ? part.slide.enter(this.#held[i], state)
          : part.merge(this.#held[i], state);
      this.#run.merges += 1;
    }
  }

  /** @returns the place of the first tile of the session that the tile before `head` belongs to */
  #firstOf(head: number): number {
    let first = head;
    let nextUs = Infinity;
    for (let at = head - 1; at >= 0; at--) {
      const tile = this.#run.tiles[at]!;
      if (tile.n === 0) continue;
      const { firstUs, lastUs } = this.#spanOf(tile);
      if (nextUs !== Infinity && nextUs - lastUs >= this.#gapUs) break;
      [first, nextUs] = [at, firstUs];
    }
    return first;
  }

  /** @returns the last edge that tiles in place of those of their edges may change, whatever they add or take away */
  reachOf(late: ReadonlyMap<number, Tile>): number {
    const edges = [...late.keys()].toSorted((a, b) => a - b);
    let reach = -Infinity;
    for (const edge of edges) {
      let lastUs = this.#spanWith(edge, late).lastUs;
      reach = Math.max(reach, edge + this.#gapHops);
      for (const next of this.#edgesAfter(edge, edges)) {
        const span = this.#spanWith(next, late);
        if (span.lastUs === NO_SPAN.lastUs) continue;
        if (span.firstUs - lastUs >= this.#gapUs) break;
        lastUs = Math.max(lastUs, span.lastUs);
        reach = Math.max(reach, next + this.#gapHops);
      }
    }
    return reach;
  }

  *#edgesAfter(edge: number, late: readonly number[]): Generator<number> {
    const { edges } = this.#run;
    const others = late.filter((one) => one > edge);
    let [at, otherAt] = [this.#run.placeOf(edge + 1), 0];
    while (at < edges.length || otherAt < others.length) {
      const [own, other] = [edges[at] ?? Infinity, others[otherAt] ?? Infinity];
      if (own <= other) at += 1;
      if (other <= own) otherAt += 1;
      yield Math.min(own, other);
    }
  }

  /** Of the tile of an edge as it is and as it is to be, together. */
  #spanWith(edge: number, late: ReadonlyMap<number, Tile>): Span {
    const at = this.#run.placeOf(edge);
    const own = this.#run.edges[at] === edge ? this.#spanOf(this.#run.tiles[at]!) : NO_SPAN;
    const other = late.has(edge) ? this.#spanOf(late.get(edge)!) : NO_SPAN;
    return {
      firstUs: Math.min(own.firstUs, other.firstUs),
      lastUs: Math.max(own.lastUs, other.lastUs),
    };
  }

  #spanOf(tile: Tile): Span {
    if (tile.n === 0) return NO_SPAN;
    const { first, last } = this.#plan.times!;
    return { firstUs: Number(tile.states[first]), lastUs: Number(tile.states[last]) };
  }
}

/** Of no events. */
const NO_SPAN: Span = { firstUs: Infinity, lastUs: -Infinity };
