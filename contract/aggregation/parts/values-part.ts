/** How often each value of a column occurs: for countDistinct and mostFrequent. A value that occurs has a count. */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { compareCanonical } from '../canonical-order.ts';
import { countFromJson, listFromJson, tileValueFromJson, tileValueToJson } from '../value-json.ts';
import { TileFault } from '../tile-reader.ts';
import type { TilePart } from './part.ts';

export type CountedValues = Map<TileValue, number>;

export function valuesPart(column: number, type: ValueType): TilePart<CountedValues> {
  const name = `values${column}`;
  return {
    key: { name: 'values', column, scale: 0 },
    fields: [{ name, kind: 'list' }],
    empty: () => new Map(),
    add: (state, value) => state.set(value, (state.get(value) ?? 0) + 1),
    retraction: (state, value) => (state.has(value) ? 'counted' : 'unknown'),
    take: (state, value) => subtractCount(state, value, 1),
    merge: addCounts,
    slide: { kind: 'slide', enter: addCounts, leave: subtractCounts },
    write: (to, state) => {
      to.count(state.size);
      for (const [value, count] of inOrder(state)) {
        to.value(type, value);
        to.count(count);
      }
    },
    read: (from) => {
      const pairs = Array.from({ length: from.entries() }, () => [from.value(type), from.count()] as const);
      return countsOf(pairs);
    },
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

function subtractCounts(into: CountedValues, from: CountedValues): CountedValues {
  for (const [value, count] of from) subtractCount(into, value, count);
  return into;
}

/** Takes a value out some times; a value that occurs no more has no count. */
function subtractCount(counts: CountedValues, value: TileValue, times: number): CountedValues {
  const left = (counts.get(value) ?? 0) - times;
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
