/** How often each value of a column occurs: for countDistinct and mostFrequent. A value that occurs has a count. */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { compareCanonical } from '../canonical-order.ts';
import { countFromJson, listFromJson, tileValueFromJson, tileValueToJson } from '../value-json.ts';
import { TileFault } from '../tile-reader.ts';
import { CountedWindow } from './counted-window.ts';
import type { TilePart } from './part.ts';
import { ValueCounts } from './value-counts.ts';

export function valuesPart(column: number, type: ValueType): TilePart<ValueCounts, CountedWindow> {
  const name = `values${column}`;
  return {
    key: { name: 'values', column, scale: 0 },
    fields: [{ name, kind: 'list' }],
    size: 0,
    empty: () => new ValueCounts(),
    add: (state, value) => added(state, value, 1),
    retraction: (state, value) => (state.of(value) > 0 ? 'counted' : 'unknown'),
    take: (state, value) => added(state, value, -1),
    merge: (into, from) => {
      into.addAll(from, 1);
      return into;
    },
    slide: {
      kind: 'slide',
      empty: () => new CountedWindow(),
      enter: (window, tile) => window.addAll(tile, 1),
      leave: (window, tile) => window.addAll(tile, -1),
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

function added(counts: ValueCounts, value: TileValue, times: 1 | -1): ValueCounts {
  counts.add(value, times);
  return counts;
}

function inOrder(counts: ValueCounts): [TileValue, number][] {
  const entries = counts.entries();
  return entries.length < 2 ? entries : entries.toSorted(([a], [b]) => compareCanonical(a, b));
}

function countsOf(pairs: readonly (readonly [TileValue, number])[]): ValueCounts {
  const counts = new ValueCounts();
  for (const [value, count] of pairs) {
    if (count === 0) throw new TileFault('expected a count of at least 1');
    if (counts.of(value) > 0) throw new TileFault('expected each value once');
    counts.add(value, count);
  }
  return counts;
}
