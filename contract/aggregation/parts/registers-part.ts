/**
 * HyperLogLog of a column, for approxCountDistinct: of each register that has seen a value the greatest rank. A window
 * keeps how many of its tiles have each rank of a register, so that a tile can leave it.
 */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { canonicalBytes } from '../sketch/canonical-value.ts';
import { RANK_MAX, REGISTERS, registerOf } from '../sketch/hyperloglog.ts';
import { TileFault } from '../tile-reader.ts';
import { countFromJson, listFromJson } from '../value-json.ts';
import type { TilePart } from './part.ts';

/** By register its rank. */
type RankedRegisters = Map<number, number>;

/** What the registers of a window's tiles come to. */
export interface RegisterWindow {
  /** By register the greatest rank of a tile. */
  readonly ranks: RankedRegisters;
  /** By register and rank, as one number, how many tiles have it. */
  readonly tiles: Map<number, number>;
}

export function registersPart(column: number, type: ValueType): TilePart<RankedRegisters, RegisterWindow> {
  const name = `registers${column}`;
  const hashed = (value: TileValue) => registerOf(canonicalBytes(type, value));
  return {
    key: { name: 'registers', column, scale: 0 },
    fields: [{ name, kind: 'list' }],
    size: 0,
    empty: () => new Map(),
    add: (state, value) => {
      const { register, rank } = hashed(value);
      if (rank > (state.get(register) ?? 0)) state.set(register, rank);
      return state;
    },
    retraction: (state, value) => {
      const { register, rank } = hashed(value);
      const greatest = state.get(register) ?? 0;
      return rank > greatest ? 'unknown' : rank === greatest ? 'again' : 'counted';
    },
    take: (state) => state,
    merge: (into, from) => {
      for (const [register, rank] of from) if (rank > (into.get(register) ?? 0)) into.set(register, rank);
      return into;
    },
    slide: {
      kind: 'slide',
      empty: () => ({ ranks: new Map(), tiles: new Map() }),
      enter: enterRegisters,
      leave: leaveRegisters,
    },
    write: (to, state) => {
      to.count(state.size);
      for (const [register, rank] of inOrder(state)) {
        to.count(register);
        to.byte(rank);
      }
    },
    read: (from) =>
      registersOf(
        from.ascending(
          () => [from.count(), from.byte()] as const,
          ([a], [b]) => a - b,
        ),
      ),
    toJson: (state) => [inOrder(state)],
    fromJson: ([json]) =>
      registersOf(
        listFromJson(name, json).map((pair) => {
          const [register, rank] = listFromJson(name, pair);
          return [countFromJson(name, register), countFromJson(name, rank)] as const;
        }),
      ),
  };
}

const RANKS = RANK_MAX + 1;

function enterRegisters(window: RegisterWindow, tile: RankedRegisters): RegisterWindow {
  for (const [register, rank] of tile) {
    const at = register * RANKS + rank;
    window.tiles.set(at, (window.tiles.get(at) ?? 0) + 1);
    if (rank > (window.ranks.get(register) ?? 0)) window.ranks.set(register, rank);
  }
  return window;
}

function leaveRegisters(window: RegisterWindow, tile: RankedRegisters): RegisterWindow {
  for (const [register, rank] of tile) {
    const at = register * RANKS + rank;
    const left = window.tiles.get(at)! - 1;
    if (left > 0) {
      window.tiles.set(at, left);
      continue;
    }
    window.tiles.delete(at);
    if (window.ranks.get(register) !== rank) continue;
    let lower = rank - 1;
    while (lower > 0 && !window.tiles.has(register * RANKS + lower)) lower -= 1;
    if (lower > 0) window.ranks.set(register, lower);
    else window.ranks.delete(register);
  }
  return window;
}

function inOrder(registers: RankedRegisters): [number, number][] {
  return [...registers].toSorted(([a], [b]) => a - b);
}

function registersOf(pairs: readonly (readonly [number, number])[]): RankedRegisters {
  const registers: RankedRegisters = new Map(pairs);
  if (registers.size !== pairs.length) throw new TileFault('expected each register once');
  if (pairs.some(([register, rank]) => register >= REGISTERS || rank < 1 || rank > RANK_MAX)) {
    throw new TileFault(`expected registers below ${REGISTERS} with ranks from 1 to ${RANK_MAX}`);
  }
  return registers;
}
