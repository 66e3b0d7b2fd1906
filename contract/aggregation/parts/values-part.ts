/** How often each value of a column occurs: for countDistinct and mostFrequent. A value that occurs has a count. */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { compareCanonical } from '../canonical-order.ts';
import { countFromJson, listFromJson, tileValueFromJson, tileValueToJson } from '../value-json.ts';
import { TileFault } from '../tile-reader.ts';
import { CountedWindow } from './counted-window.ts';
import type { TilePart } from './part.ts';

type CountedValues = Map<TileValue, number>;

export function valuesPart(column: number, type: ValueType): TilePart<CountedValues, CountedWindow> {
  const name = `values${column}`;
  return {
    key: { name: 'values', column, scale: 0 },
    fields: [{ name, kind: 'list' }],
    size: 0,
    empty: () => new Map(),
    add: (state, value) => state.set(value, (state.get(value) ?? 0) + 1),
    retraction: (state, value) => (state.has(value) ? 'counted' : 'unknown'),
    take: (state, value) => takeOne(state, value),
    merge: addCounts,
    slide: {
      kind: 'slide',
      empty: () => new CountedWindow(),
      enter: (window, tile) => addTimes(window, tile, 1),
      leave: (window, tile) => addTimes(window, tile, -1),
    },
    write: (to, state) => {
      to.count(state.size);
      for (const [value, count] of inOrder(state)) {
        to.value(type, value);
        to.count(count);
      }
    },
    read: (from) =>
      countsOf(
        from.ascending(
          () => [from.value(type), from.count()] as const,
          ([a], [b]) => compareCanonical(a, b),
        ),
      ),
    toJson: (state) => [inOrder(state).map(([value, count]) => [tileValueToJson(type, value), count])],
    fromJson: ([json]) =>
      countsOf(
        listFromJson(name, json).map((pair) => {
          const [value, count] = listFromJson(name, pair);
          return [tileValueFromJson(type, value), countFromJson(name, count)] as const;
        }),
      ),
  };
}

function addCounts(into: CountedValues, from: CountedValues): CountedValues {
  for (const [value, count] of from) into.set(value, (into.get(value) ?? 0) + count);
  return into;
}

function addTimes(window: CountedWindow, tile: CountedValues, times: 1 | -1): CountedWindow {
  for (const [value, count] of tile) window.add(value, times * count);
  return window;
}

/** A value that occurs no more has no count. */
function takeOne(counts: CountedValues, value: TileValue): CountedValues {
  const left = (counts.get(value) ?? 0) - 1;
  if (left > 0) counts.set(value, left);
  else counts.delete(value);
  return counts;
}

function inOrder(counts: CountedValues): [TileValue, number][] {
  return [...counts].toSorted(([a], [b]) => compareCanonical(a, b));
}

function countsOf(pairs: readonly (readonly [TileValue, number])[]): CountedValues {
  const counts: CountedValues = new Map(pairs);
  if (counts.size !== pairs.length) throw new TileFault('expected each value once');
  if (pairs.some(([, count]) => count === 0)) throw new TileFault('expected a count of at least 1');
  return counts;
}
