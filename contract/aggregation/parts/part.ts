/**
 * One part of a tile: what one aggregation keeps of one column. A part knows how its state begins, takes an event in
 * and out, merges, and is written; tile.ts drives all parts of a tile alike. Null values never reach a part.
 *
 * A state that is a number, a text or a record is never changed in place. A Map or a list is, and belongs to one tile:
 * `merge` copies what it takes from the other side.
 */
import type { Json } from '../../std/canonical-json.ts';
import type { TileValue } from '../canonical-order.ts';
import type { TileReader } from '../tile-reader.ts';
import type { TileWriter } from '../tile-writer.ts';

/**
 * What taking an event out of a part does to it.
 *
 *   counted  the part is then as if the event had never been
 *   again    only the events themselves can tell what is left
 *   unknown  the part does not hold such an event: nothing may be changed
 */
export type Retraction = 'counted' | 'again' | 'unknown';

/** A type of columns: a value of the aggregated column, a whole number of any size, a count or time, lists of those. */
type FieldKind = 'value' | 'time' | 'count' | 'sum' | 'list';

/** A column of a tile's row, or a field of its JSON. */
interface PartField {
  /** e.g. `min0`: the column's place in the plan stands behind. */
  readonly name: string;
  readonly kind: FieldKind;
}

/** What tells one part of a plan from another. */
export interface PartKey {
  readonly name:
    | 'nv'
    | 'sum'
    | 'squares'
    | 'min'
    | 'max'
    | 'first'
    | 'last'
    | 'values'
    | 'latest'
    | 'registers'
    | 'buckets';
  /** The place of its column among the plan's. */
  readonly column: number;
  /** Decimal places of sums; otherwise 0. */
  readonly scale: number;
}

/** How a window follows its tiles where what came in can be taken out again, exactly. */
interface Slide<State, Window> {
  readonly kind: 'slide';
  empty(): Window;
  enter(window: Window, tile: State): Window;
  leave(window: Window, tile: State): Window;
}

/** How it does where that is not so: tiles merge into it, and at times it is made again from those that are left. */
export interface Refill<State> {
  readonly kind: 'refill';
  /** Whether a window that a tile leaves must be made again, since the tile may have what the window says. */
  spoils(window: State, tile: State): boolean;
  /** From which side it is made again; all: every tile may matter, and a state is never changed in place. */
  readonly from: 'oldest' | 'newest' | 'all';
  /** Whether tiles further from that side can no longer change it. */
  isSettled(window: State): boolean;
}

/** `Window`: what the part keeps of a window, where that is more than of a tile. */
export interface TilePart<State = unknown, Window = State> {
  readonly key: PartKey;
  readonly fields: readonly PartField[];
  /** How many values a list of the newest keeps; otherwise 0. */
  readonly size: number;
  empty(): State;
  /** @returns the state with the event: itself, where it is changed in place */
  add(state: State, value: TileValue, timeUs: number): State;
  /**
   * Of a part whose state is a number or null: as `add` of a state that stands as a double at a place, null as NaN.
   * @returns false: the new state is no double, and the place is as it was
   */
  readonly addAt?: (cells: Float64Array, at: number, value: TileValue) => boolean;
  /** What `take` of the event would do. */
  retraction(state: State, value: TileValue, timeUs: number): Retraction;
  /** Called only after a `retraction` of `counted` or `again`; after `again` the state means nothing. */
  take(state: State, value: TileValue, timeUs: number): State;
  /** @returns the state of the events of both; `from` stays as it is */
  merge(into: State, from: State): State;
  readonly slide: Slide<State, Window> | Refill<State>;
  write(to: TileWriter, state: State): void;
  /** @throws TileFault */
  read(from: TileReader): State;
  /** One JSON for each of `fields`. */
  toJson(state: State): readonly Json[];
  /** @throws TileFault */
  fromJson(json: readonly (Json | undefined)[]): State;
}
