/** The smallest or the largest value of a column in canonical order; null: there is none. */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { compareCanonical } from '../canonical-order.ts';
import { tileValueFromJson, tileValueToJson } from '../value-json.ts';
import type { TilePart } from './part.ts';

/** Types whose values are doubles. */
const DOUBLES: ReadonlySet<string> = new Set<ValueType['kind']>(['int32', 'float32', 'float64']);

export function extremePart(key: 'min' | 'max', column: number, type: ValueType): TilePart<TileValue | null> {
  const sign = key === 'min' ? 1 : -1;
  const better = (state: TileValue | null, value: TileValue): TileValue =>
    state === null || sign * compareCanonical(value, state) < 0 ? value : state;
  return {
    key: { name: key, column, scale: 0 },
    fields: [{ name: `${key}${column}`, kind: 'value' }],
    size: 0,
    empty: () => null,
    add: better,
    ...(DOUBLES.has(type.kind) ? { addAt: key === 'min' ? addLeast : addGreatest } : {}),
    retraction: (state, value) => {
      if (state === null) return 'unknown';
      const order = sign * compareCanonical(value, state);
      return order < 0 ? 'unknown' : order === 0 ? 'again' : 'counted';
    },
    take: (state) => state,
    merge: (into, from) => (from === null ? into : better(into, from)),
    slide: {
      kind: 'refill',
      spoils: (window, tile) => tile !== null && window !== null && compareCanonical(tile, window) === 0,
      from: 'all',
      isSettled: () => false,
    },
    write: (to, state) => {
      to.byte(state === null ? 0 : 1);
      if (state !== null) to.value(type, state);
    },
    read: (from) => (from.flag() ? from.value(type) : null),
    toJson: (state) => [state === null ? null : tileValueToJson(type, state)],
    fromJson: ([json]) => (json === null ? null : tileValueFromJson(type, json)),
  };
}

function addLeast(cells: Float64Array, at: number, value: TileValue): boolean {
  if (!(cells[at]! <= (value as number))) cells[at] = value as number;
  return true;
}

function addGreatest(cells: Float64Array, at: number, value: TileValue): boolean {
  if (!(cells[at]! >= (value as number))) cells[at] = value as number;
  return true;
}
