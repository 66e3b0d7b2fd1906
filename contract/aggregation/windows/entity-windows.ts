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
import type { Refill, TilePart } from '../parts/part.ts';
import type { Tile } from '../tile.ts';
import { addTile, emptyTile } from '../tile.ts';
import type { TilePlan } from '../tile-plan.ts';
import { featureValue } from './feature-value.ts';
import { EntitySession, sessionStart } from './entity-session.ts';
import { TileRun } from './tile-run.ts';

/** The values of a view's features at an edge. */
interface EdgeValues {
  readonly values: readonly Value[];
  /** Names of features that are null since their values cannot be held. */
  readonly lost: readonly string[];
}

/** What all entities of a plan share. */
interface WindowLayout {
  /** The lengths in hops; Infinity: lifetime. */
  readonly hops: readonly number[];
  /** What features read of a window, one for each window and part, those of a window together. */
  readonly totals: readonly WindowPart[];
  /** Of each window where its totals begin; one more behind. */
  readonly starts: readonly number[];
  /** Of each total what no tile comes to; of one that is an object, and each entity's own, null. */
  readonly states: readonly unknown[];
  /** One for each window. */
  readonly zeros: readonly number[];
  /** The lengths of sessions' gaps. */
  readonly gaps: readonly number[];
  /** Of each feature the place of its window, or behind those of its gap. */
  readonly placeOf: readonly number[];
  /** Of each feature the places of its parts among the totals; of one of sessions those in the plan. */
  readonly partsOf: readonly (readonly number[])[];
  /** After how many hops a tile may change a value again. */
  readonly lengths: readonly number[];
}

interface WindowPart {
  readonly window: number;
  /** Its place in the plan. */
  readonly place: number;
  readonly part: TilePart;
  /** Whether tiles can be taken out again, and so enter and leave. */
  readonly slides: boolean;
  /** Whether its state is an object that changes in place. */
  readonly isOwn: boolean;
}

interface Front {
  /** The place of the first tile. */
  readonly from: number;
  readonly states: readonly unknown[];
  rest: unknown;
}

export class EntityWindows {
  readonly #plan: TilePlan;
  readonly #layout: WindowLayout;
  readonly #run: TileRun;
  /** One for each length of a gap. */
  readonly #sessions: readonly EntitySession[];
  /** What the tiles that were dropped come to, as far as lifetimes read it; null: nothing was dropped. */
  #base: Tile | null;
  #edge = -Infinity;
  #head = 0;
  /** Events before the edge. */
  #present: number;
  /** Of each window the place of its first tile, and its events. */
  readonly #tails: number[];
  readonly #counts: number[];
  /** Of each total what its window's tiles come to at the edge. */
  readonly #states: unknown[];
  /** Of each total whether it must be made again; null: none must. */
  #spoiled: boolean[] | null = null;
  /** Of each total that all tiles matter to: the oldest tiles as they will leave, and the rest; null: not known. */
  #fronts: (Front | null)[] | null = null;

  /** @param base  what `drop` gave before; the windows own it */
  constructor(plan: TilePlan, base: Tile | null = null) {
    this.#plan = plan;
    this.#run = new TileRun(plan);
    this.#base = base;
    this.#present = base?.n ?? 0;
    const layout = layoutOf(plan);
    this.#layout = layout;
    const { hops, totals, gaps } = layout;
    // There are very many entities: a copy of a list takes less than one that is made place by place.
    this.#tails = layout.zeros.slice();
    this.#counts = layout.zeros.slice();
    this.#states = layout.states.slice();
    const lifetime = base === null ? -1 : hops.indexOf(Infinity);
    if (lifetime !== -1) this.#counts[lifetime] = this.#present;
    for (let i = 0; i < totals.length; i++) {
      const { window, place, part, isOwn } = totals[i]!;
      if (isOwn || window === lifetime)
        this.#states[i] = windowState(part, window === lifetime ? base!.states[place] : undefined);
    }
    this.#sessions =
      gaps.length === 0 ? NO_SESSIONS : gaps.map((gap) => new EntitySession(plan, gap, this.#run));
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
    if (this.#spoiled !== null) this.#refill(this.#spoiled);
    for (const session of this.#sessions) session.standAt(edge, this.#head);
    const { features } = this.#plan;
    const { placeOf, partsOf, hops } = this.#layout;
    const values: Value[] = Array<Value>(features.length);
    let lost: string[] | null = null;
    for (let i = 0; i < features.length; i++) {
      const place = placeOf[i]!;
      const session = place < hops.length ? null : this.#sessions[place - hops.length]!;
      const value =
        session === null
          ? featureValue(features[i]!, this.#counts[place]!, this.#states, partsOf[i]!)
          : featureValue(features[i]!, session.n, session.states, partsOf[i]!);
      if (value === undefined) (lost ??= []).push(features[i]!.feature.name);
      values[i] = value ?? null;
    }
    return { values, lost: lost ?? NOTHING_LOST };
  }

  /**
   * @returns the first edge after one at which a tile enters or leaves a window, or a session may be over; null:
   *          nothing changes any more. An edge that was one stays one, whatever late events change
   */
  nextChange(after: number): number | null {
    const { edges } = this.#run;
    const { lengths } = this.#layout;
    let next = edges[this.#run.placeOf(after + 1)] ?? Infinity;
    for (let i = 0; i < lengths.length; i++) {
      const hops = lengths[i]!;
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
    const { hops, totals, gaps } = this.#layout;
    this.#base ??= emptyTile(this.#plan);
    const held = Math.min(
      this.#head,
      ...this.#tails.map((tail, i) => (hops[i] === Infinity ? Infinity : tail)),
      ...this.#sessions.map((session) => session.startAt(this.#head)),
    );
    const first = gaps.length === 0 ? upTo + 1 : sessionStart(this.#run.edges, upTo + 1, Math.max(...gaps));
    const count = Math.min(held, this.#run.placeOf(first));
    if (count === 0) return this.#base;
    const ofLifetime = new Set(
      totals.filter(({ window }) => hops[window] === Infinity).map(({ place }) => place),
    );
    for (const tile of this.#run.shift(count)) {
      const kept = tile.states.map((state, i) => (ofLifetime.has(i) ? state : this.#plan.parts[i]!.empty()));
      addTile(this.#plan, this.#base, { ...tile, states: kept });
    }
    this.#head -= count;
    for (const session of this.#sessions) session.forget();
    for (let i = 0; i < hops.length; i++) this.#tails[i] = Math.max(0, this.#tails[i]! - count);
    this.#fronts = null;
    return this.#base;
  }

  #moveOn(edge: number): void {
    const { edges, tiles } = this.#run;
    const { hops } = this.#layout;
    this.#edge = edge;
    for (; this.#head < edges.length && edges[this.#head]! <= edge; this.#head++) {
      const tile = tiles[this.#head]!;
      this.#present += tile.n;
      this.#enterAll(tile);
    }
    for (let i = 0; i < hops.length; i++) {
      let tail = this.#tails[i]!;
      const last = edge - hops[i]!;
      for (; tail < this.#head && edges[tail]! <= last; tail++) this.#leave(i, tiles[tail]!);
      this.#tails[i] = tail;
    }
  }

  #moveBack(edge: number): void {
    const { edges, tiles } = this.#run;
    const { hops } = this.#layout;
    this.#edge = edge;
    this.#fronts = null;
    for (const session of this.#sessions) session.forget();
    for (let i = 0; i < hops.length; i++) {
      let tail = this.#tails[i]!;
      for (; tail > 0 && edges[tail - 1]! > edge - hops[i]!; tail--) this.#enter(i, tiles[tail - 1]!);
      this.#tails[i] = tail;
    }
    for (; this.#head > 0 && edges[this.#head - 1]! > edge; this.#head--) {
      const tile = tiles[this.#head - 1]!;
      this.#present -= tile.n;
      for (let i = 0; i < hops.length; i++) this.#leave(i, tile);
    }
  }

  #enterAll(tile: Tile): void {
    for (let i = 0; i < this.#tails.length; i++) this.#enter(i, tile);
  }

  #enter(window: number, tile: Tile): void {
    const { totals, starts } = this.#layout;
    const states = this.#states;
    this.#counts[window]! += tile.n;
    for (let i = starts[window]!; i < starts[window + 1]!; i++) {
      const { part, place, slides } = totals[i]!;
      const state = tile.states[place];
      const front = this.#fronts?.[i] ?? null;
      if (front !== null) front.rest = part.merge(front.rest, state);
      if (slides) states[i] = (part.slide as Sliding).enter(states[i], state);
      else if (this.#spoiled?.[i] !== true) states[i] = part.merge(states[i], state);
      else continue;
      this.#run.merges += 1;
    }
  }

  #leave(window: number, tile: Tile): void {
    const { totals, starts } = this.#layout;
    const states = this.#states;
    this.#counts[window]! -= tile.n;
    for (let i = starts[window]!; i < starts[window + 1]!; i++) {
      const { part, place, slides } = totals[i]!;
      const state = tile.states[place];
      this.#run.merges += 1;
      if (slides) states[i] = (part.slide as Sliding).leave(states[i], state);
      else if (this.#spoiled?.[i] !== true && (part.slide as Refill<unknown>).spoils(states[i], state))
        (this.#spoiled ??= totals.map(() => false))[i] = true;
    }
  }

  #refill(spoiled: readonly boolean[]): void {
    for (let i = 0; i < spoiled.length; i++) if (spoiled[i]!) this.#states[i] = this.#refilled(i);
    this.#spoiled = null;
  }

  #refilled(i: number): unknown {
    const { totals, hops } = this.#layout;
    const { part, place, window } = totals[i]!;
    const tail = this.#tails[window]!;
    if (hops[window] === Infinity) {
      const folded = this.#run.fold(place, tail, this.#head);
      return this.#base === null ? folded : part.merge(folded, this.#base.states[place]);
    }
    if (tail === this.#head || part.slide.kind === 'slide' || part.slide.from !== 'all') {
      return this.#run.fold(place, tail, this.#head);
    }
    this.#fronts ??= totals.map(() => null);
    let front = this.#fronts[i]!;
    if (front === null || tail >= front.from + front.states.length) {
      front = { from: tail, ...this.#run.split(place, tail, this.#head) };
      this.#fronts[i] = front;
    }
    return part.merge(front.states[tail - front.from], front.rest);
  }
}

type Sliding = Exclude<TilePart['slide'], Refill<unknown>>;

const NO_SESSIONS: readonly EntitySession[] = [];
const NOTHING_LOST: readonly string[] = [];

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
  const hops = [...new Set(windowed.map((feature) => feature.hops ?? Infinity))];
  const totals: WindowPart[] = [];
  const states: unknown[] = [];
  const starts: number[] = [];
  for (const [window, length] of hops.entries()) {
    starts.push(totals.length);
    const features = windowed.filter((feature) => (feature.hops ?? Infinity) === length);
    for (const place of new Set(features.flatMap(({ parts }) => parts))) {
      const part = plan.parts[place]!;
      const empty = windowState(part, undefined);
      const isOwn = typeof empty === 'object' && empty !== null;
      totals.push({ window, place, part, slides: part.slide.kind === 'slide', isOwn });
      states.push(isOwn ? null : empty);
    }
  }
  starts.push(totals.length);
  const gaps = [...new Set(plan.features.flatMap(({ sessionHops: gap }) => (gap === null ? [] : [gap])))];
  const placeOf = plan.features.map((feature) =>
    feature.sessionHops === null
      ? hops.indexOf(feature.hops ?? Infinity)
      : hops.length + gaps.indexOf(feature.sessionHops),
  );
  const partsOf = plan.features.map(({ parts, sessionHops: gap }, i) =>
    gap !== null
      ? parts
      : parts.map((place) => totals.findIndex((one) => one.window === placeOf[i] && one.place === place)),
  );
  const zeros = hops.map(() => 0);
  const lengths = changeHops(plan);
  const layout = { hops, totals, starts, states, zeros, gaps, placeOf, partsOf, lengths };
  layouts.set(plan, layout);
  return layout;
}

/** @returns a window with nothing in it, or with what a lifetime's dropped tiles come to */
function windowState(part: TilePart, base: unknown): unknown {
  const empty = part.slide.kind === 'slide' ? part.slide.empty() : part.empty();
  if (base === undefined) return empty;
  return part.slide.kind === 'slide' ? part.slide.enter(empty, base) : part.merge(empty, base);
}
