/**
 * A tile: what one entity's events in one hop, from one origin, come to. It takes events in and out, and merges with
 * tiles of other origins and hops. Whoever makes it from the same events makes the same tile.
 *
 *   n      events that count: those that came in less those that were taken out
 *   seen   inputs, insertions and retractions alike: a later state of a tile has seen more
 *   since  the smallest offset of its origin that the tile knows: a tile that has lost its beginning shows it
 *
 * On the stream's path once an event: nothing is compiled, copied or named here that the plan could say before.
 */
import type { TileValue } from './canonical-order.ts';
import { FIXED_MAX, POWERS } from './fixed-point.ts';
import type { Retraction } from './parts/part.ts';
import type { TileColumn, TilePlan } from './tile-plan.ts';

export interface Tile {
  n: number;
  seen: number;
  since: number;
  /** The state of each part of the plan. */
  readonly states: unknown[];
}

/** What a tile takes of an event. */
export interface TileEvent {
  /** In the order of the plan's columns. */
  readonly values: readonly (TileValue | null)[];
  readonly timeUs: number;
  /** Its place in its origin; what has no places says 0. */
  readonly offset: number;
  /** 1: it comes in; -1: an event with these values, counted before, is taken out. */
  readonly sign: 1 | -1;
}

export function emptyTile(plan: TilePlan): Tile {
  return { n: 0, seen: 0, since: 0, states: plan.parts.map((part) => part.empty()) };
}

/**
 * Takes an event in, or out again.
 *
 * @param event  passed by `refusalOf`
 * @returns      counted; again: it was taken out, and the states of some parts must be made anew from the source;
 *               unknown: the tile holds no such event and is unchanged
 */
export function foldEvent(plan: TilePlan, tile: Tile, event: TileEvent): Retraction {
  if (event.sign < 0) return takeEvent(plan, tile, event);
  const { values, timeUs, offset } = event;
  const { parts } = plan;
  const { states } = tile;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const value = values[part.key.column]!;
    if (value === null) continue;
    // -0 is 0: the least of the two would depend on the order of the input.
    states[i] = part.add(states[i], value === 0 ? 0 : value, timeUs);
  }
  if (tile.seen === 0 || offset < tile.since) tile.since = offset;
  tile.n += 1;
  tile.seen += 1;
  return 'counted';
}

function takeEvent(plan: TilePlan, tile: Tile, { values, timeUs, offset }: TileEvent): Retraction {
  const { parts } = plan;
  const { states } = tile;
  if (tile.n === 0) return 'unknown';
  let outcome: Retraction = 'counted';
  for (let i = 0; i < parts.length; i++) {
    const value = unsigned(values[parts[i]!.key.column]!);
    const one = value === null ? 'counted' : parts[i]!.retraction(states[i], value, timeUs);
    if (one === 'unknown') return one;
    if (one === 'again') outcome = one;
  }
  for (let i = 0; i < parts.length; i++) {
    const value = unsigned(values[parts[i]!.key.column]!);
    if (value !== null) states[i] = parts[i]!.take(states[i], value, timeUs);
  }
  tile.n -= 1;
  tile.seen += 1;
  if (offset < tile.since) tile.since = offset;
  return outcome;
}

function unsigned(value: TileValue | null): TileValue | null {
  return value === 0 ? 0 : value;
}

/** Adds what another tile holds, of another origin or hop, to a tile; `from` stays as it is. */
export function addTile(plan: TilePlan, into: Tile, from: Tile): void {
  if (into.seen === 0 || from.since < into.since) into.since = from.since;
  into.n += from.n;
  into.seen += from.seen;
  for (let i = 0; i < plan.parts.length; i++) {
    into.states[i] = plan.parts[i]!.merge(into.states[i], from.states[i]);
  }
}

/** @returns why an event with these values cannot be counted, or null; the same rule as in batch */
export function refusalOf(plan: TilePlan, values: readonly (TileValue | null)[]): string | null {
  for (let i = 0; i < plan.parts.length; i++) {
    const { key } = plan.parts[i]!;
    const value = values[key.column]!;
    if (value === null || typeof value === 'string' || plan.columns[key.column]!.countedOnly) continue;
    if (typeof value === 'number' && !Number.isFinite(value)) {
      return `${plan.columns[key.column]!.source} is NaN or infinite`;
    }
    if (key.name === 'sum' && isTooLarge(plan.columns[key.column]!, value, key.scale)) {
      const places = key.scale === 0 ? '' : ` with ${key.scale} decimal places`;
      return `${plan.columns[key.column]!.source} is too large to be summed${places}`;
    }
  }
  return null;
}

function isTooLarge({ type }: TileColumn, value: TileValue, scale: number): boolean {
  if (type.kind === 'int32') return false;
  if (typeof value === 'bigint') return value > FIXED_MAX || value < -FIXED_MAX;
  return Math.abs((value as number) * POWERS[scale]!) > FIXED_MAX;
}
