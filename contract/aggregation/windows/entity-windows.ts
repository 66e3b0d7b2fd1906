/**
 * The windows of one entity over its tiles: what its features are at an edge. It stands at one edge and moves, forward
 * and back, tile by tile; a move costs what enters and leaves, however many events or hops a window holds.
 *
 *            tail            head                  a window at edge c holds the tiles with c - hops < edge <= c:
 *   tiles     v               v                    those from its tail up to and without the head
 *   ... | 3 | 5 | 6 | 9 | 12 | 14 | ...
 *
 * What can be taken out again (counts, sums, value counts) enters and leaves. The rest (min, max, first, last) takes
 * what enters, and is made again from the tiles when one leaves that had what the window says. Sessions are windows of
 * another kind (entity-session.ts).
 */
import type { Value } from '../../value-type.ts';
import type { TilePart } from '../parts/part.ts';
import type { Tile } from '../tile.ts';
import { addTile, emptyTile } from '../tile.ts';
import type { TilePlan } from '../tile-plan.ts';
import { featureValue } from './feature-value.ts';
import { EntitySession } from './entity-session.ts';
import { TileRun } from './tile-run.ts';

/** The values of a view's features at an edge. */
interface EdgeValues {
  readonly values: readonly Value[];
  /** Names of features that are null since their values cannot be held. */
  readonly lost: readonly string[];
}

/** What all entities of a plan share: its windows by length, and which parts features of a length read. */
interface WindowLayout {
  readonly windows: readonly WindowLength[];
  /** The lengths of sessions' gaps. */
  readonly gaps: readonly number[];
  /** Of each feature the place of its window, or behind those of its gap. */
  readonly placeOf: readonly number[];
  /** After how many hops a tile may change a value again. */
  readonly lengths: readonly number[];
}

interface WindowLength {
  /** Infinity: lifetime. */
  readonly hops: number;
  readonly parts: readonly number[];
}

/** One window length and what its tiles come to at the edge where the cursor stands. */
interface WindowState extends WindowLength {
  tail: number;
  n: number;
  /** By part of the plan; those not in `parts` stay null. */
  readonly states: unknown[];
  /** By part, whether it must be made again; null: none must. */
  spoiled: boolean[] | null;
  /** By part that all tiles matter to: the oldest tiles as they will leave, and the rest; null: not known. */
  fronts: (Front | null)[] | null;
}

interface Front {
  /** The place of the first tile. */
  readonly from: number;
  readonly states: readonly unknown[];
  rest: unknown;
}

export class EntityWindows {
  readonly #plan: TilePlan;
  readonly #run: TileRun;
  readonly #windows: readonly WindowState[];
  /** After how many hops a tile may change a value again. */
  readonly #lengths: readonly number[];
  /** One for each length of a gap. */
  readonly #sessions: readonly EntitySession[];
  /** Of each feature what its window or session comes to at the edge. */
  readonly #totalOf: readonly (WindowState | EntitySession)[];
  /** What the tiles that were dropped come to, as far as lifetimes read it. */
  readonly #base: Tile;
  #edge = -Infinity;
  #head = 0;
  /** Events before the edge. */
  #present: number;

  /** @param base  what `drop` gave before; the windows own it */
  constructor(plan: TilePlan, base: Tile = emptyTile(plan)) {
    this.#plan = plan;
    this.#run = new TileRun(plan);
    this.#base = base;
    this.#present = base.n;
    const { windows, gaps, placeOf, lengths } = layoutOf(plan);
    this.#windows = windows.map((length) => newWindow(plan, length, base));
    this.#lengths = lengths;
    this.#sessions = gaps.map((gap) => new EntitySession(plan, gap, this.#run));
    const totals = [...this.#windows, ...this.#sessions];
    this.#totalOf = placeOf.map((place) => totals[place]!);
  }

  /** How often two states were merged since the beginning. */
  get merges(): number {
    return this.#run.merges;
  }

  /** The tile at an edge, so that another origin's can be added; the windows own it. */
  tileAt(edge: number): Tile | null {
    const at = this.#run.placeOf(edge);
    return this.#run.edges[at] === edge ? this.#run.tiles[at]! : null;
  }

  /**
   * Sets the tile of an edge, merged over origins. Values at edges from it on are then to be asked for again.
   *
   * @param edge  its index; later than what was dropped
   * @param tile  owned by the windows from then on, and changed by nobody
   */
  put(edge: number, tile: Tile): void {
    if (edge <= this.#edge) this.#moveBack(edge - 1);
    this.#run.put(edge, tile);
  }

  /** @returns the values at an edge, earlier or later than the last one asked for; null: no event lies before it */
  valuesAt(edge: number): EdgeValues | null {
    if (edge < this.#edge) this.#moveBack(edge);
    else this.#moveOn(edge);
    if (this.#present === 0) return null;
    for (const window of this.#windows) if (window.spoiled !== null) this.#refill(window);
    for (const session of this.#sessions) session.standAt(edge, this.#head);
    const { features } = this.#plan;
    const values: Value[] = [];
    const lost: string[] = [];
    for (let i = 0; i < features.length; i++) {
      const value = featureValue(features[i]!, this.#totalOf[i]!);
      if (value === undefined) lost.push(features[i]!.feature.name);
      values.push(value ?? null);
    }
    return { values, lost };
  }

  /**
   * @returns the first edge after one at which a tile enters or leaves a window, or a session may be over; null:
   *          nothing changes any more. An edge that was one stays one, whatever late events change
   */
  nextChange(after: number): number | null {
    const { edges } = this.#run;
    let next = edges[this.#run.placeOf(after + 1)] ?? Infinity;
    for (const hops of this.#lengths) {
      const leaving = edges[this.#run.placeOf(after - hops + 1)];
      if (leaving !== undefined && leaving + hops < next) next = leaving + hops;
    }
    return next === Infinity ? null : next;
  }

  /**
   * Up to where late events may change what sessions say.
   * @param late  tiles by their edges, each to be put in place of one of the windows'
   * @returns     the last edge; -Infinity: there are no sessions
   */
  sessionsReach(late: ReadonlyMap<number, Tile>): number {
    return Math.max(-Infinity, ...this.#sessions.map((session) => session.reachOf(late)));
  }

  /**
   * Forgets the tiles up to an edge that no window holds and no late event can reach any more.
   *
   * @returns  what lifetimes keep of all that was forgotten so far: for the constructor, another time
   */
  drop(upTo: number): Tile {
    const held = Math.min(
      this.#head,
      ...this.#windows.map(({ hops, tail }) => (hops === Infinity ? Infinity : tail)),
      ...this.#sessions.map((session) => session.startAt(this.#head)),
    );
    const count = Math.min(held, this.#run.placeOf(upTo + 1));
    if (count === 0) return this.#base;
    const lifetime = this.#windows.find(({ hops }) => hops === Infinity);
    for (const tile of this.#run.shift(count)) {
      const kept = tile.states.map((state, i) =>
        lifetime?.parts.includes(i) === true ? state : this.#plan.parts[i]!.empty(),
      );
      addTile(this.#plan, this.#base, { ...tile, states: kept });
    }
    this.#head -= count;
    for (const session of this.#sessions) session.forget();
    for (const window of this.#windows) {
      window.tail = Math.max(0, window.tail - count);
      window.fronts = null;
    }
    return this.#base;
  }

  #moveOn(edge: number): void {
    const { edges, tiles } = this.#run;
    this.#edge = edge;
    for (; this.#head < edges.length && edges[this.#head]! <= edge; this.#head++) {
      const tile = tiles[this.#head]!;
      this.#present += tile.n;
      for (const window of this.#windows) this.#enter(window, tile);
    }
    for (const window of this.#windows) {
      for (; window.tail < this.#head && edges[window.tail]! <= edge - window.hops; window.tail++) {
        this.#leave(window, tiles[window.tail]!);
      }
    }
  }

  #moveBack(edge: number): void {
    const { edges, tiles } = this.#run;
    this.#edge = edge;
    for (const session of this.#sessions) session.forget();
    for (const window of this.#windows) {
      window.fronts = null;
      for (; window.tail > 0 && edges[window.tail - 1]! > edge - window.hops; window.tail--) {
        this.#enter(window, tiles[window.tail - 1]!);
      }
    }
    for (; this.#head > 0 && edges[this.#head - 1]! > edge; this.#head--) {
      const tile = tiles[this.#head - 1]!;
      this.#present -= tile.n;
      for (const window of this.#windows) this.#leave(window, tile);
    }
  }

  #enter(window: WindowState, tile: Tile): void {
    window.n += tile.n;
    for (const i of window.parts) {
      const part = this.#plan.parts[i]!;
      const front = window.fronts?.[i] ?? null;
      if (front !== null) front.rest = part.merge(front.rest, tile.states[i]);
      if (part.slide.kind === 'slide') window.states[i] = part.slide.enter(window.states[i], tile.states[i]);
      else if (window.spoiled?.[i] !== true) window.states[i] = part.merge(window.states[i], tile.states[i]);
      else continue;
      this.#run.merges += 1;
    }
  }

  #leave(window: WindowState, tile: Tile): void {
    window.n -= tile.n;
    for (const i of window.parts) {
      const { slide } = this.#plan.parts[i]!;
      this.#run.merges += 1;
      if (slide.kind === 'slide') window.states[i] = slide.leave(window.states[i], tile.states[i]);
      else if (window.spoiled?.[i] !== true && slide.spoils(window.states[i], tile.states[i]))
        (window.spoiled ??= this.#plan.parts.map(() => false))[i] = true;
    }
  }

  #refill(window: WindowState): void {
    for (const i of window.parts) if (window.spoiled![i]!) window.states[i] = this.#refilled(window, i);
    window.spoiled = null;
  }

  #refilled(window: WindowState, i: number): unknown {
    const part = this.#plan.parts[i]!;
    const { tail } = window;
    if (window.hops === Infinity) {
      return part.merge(this.#run.fold(i, tail, this.#head), this.#base.states[i]);
    }
    if (tail === this.#head || part.slide.kind === 'slide' || part.slide.from !== 'all') {
      return this.#run.fold(i, tail, this.#head);
    }
    window.fronts ??= this.#plan.parts.map(() => null);
    let front = window.fronts[i]!;
    if (front === null || tail >= front.from + front.states.length) {
      front = { from: tail, ...this.#run.split(i, tail, this.#head) };
      window.fronts[i] = front;
    }
    return part.merge(front.states[tail - front.from], front.rest);
  }
}

/**
 * @returns after how many hops a tile may change a value again: where it leaves a window, and at the two edges at which
 *          a session may be over, as its last event stands on an edge or behind one
 */
export function changeHops({ features }: TilePlan): number[] {
  const lengths = features.flatMap(({ hops, sessionHops: gap }) =>
    gap === null ? (hops ?? []) : [gap - 1, gap],
  );
  return [...new Set(lengths)];
}

const layouts = new WeakMap<TilePlan, WindowLayout>();

function layoutOf(plan: TilePlan): WindowLayout {
  const known = layouts.get(plan);
  if (known !== undefined) return known;
  const windowed = plan.features.filter(({ sessionHops }) => sessionHops === null);
  const all = [...new Set(windowed.map(({ hops }) => hops ?? Infinity))];
  const windows = all.map((hops) => {
    const features = windowed.filter((feature) => (feature.hops ?? Infinity) === hops);
    return { hops, parts: [...new Set(features.flatMap(({ parts }) => parts))] };
  });
  const gaps = [...new Set(plan.features.flatMap(({ sessionHops: gap }) => (gap === null ? [] : [gap])))];
  const placeOf = plan.features.map(({ hops, sessionHops: gap }) =>
    gap === null ? all.indexOf(hops ?? Infinity) : all.length + gaps.indexOf(gap),
  );
  const layout = { windows, gaps, placeOf, lengths: changeHops(plan) };
  layouts.set(plan, layout);
  return layout;
}

function newWindow(plan: TilePlan, { hops, parts }: WindowLength, base: Tile): WindowState {
  const lifetime = hops === Infinity;
  const states: unknown[] = plan.parts.map(() => null);
  for (const i of parts) states[i] = windowState(plan.parts[i]!, lifetime ? base.states[i] : null);
  return { hops, parts, tail: 0, n: lifetime ? base.n : 0, states, spoiled: null, fronts: null };
}

/** @returns a window with nothing in it, or with what a lifetime's dropped tiles come to */
function windowState(part: TilePart, base: unknown): unknown {
  const empty = part.slide.kind === 'slide' ? part.slide.empty() : part.empty();
  if (base === null) return empty;
  return part.slide.kind === 'slide' ? part.slide.enter(empty, base) : part.merge(empty, base);
}
