/** The number of values of a column that are not null. */
import { countFromJson } from '../value-json.ts';
import type { TilePart } from './part.ts';

export function countPart(column: number): TilePart<number> {
  const name = `nv${column}`;
  return {
    key: { name: 'nv', column, scale: 0 },
    fields: [{ name, kind: 'count' }],
    size: 0,
    empty: () => 0,
    add: (state) => state + 1,
    addAt: (cells, at) => {
      cells[at]! += 1;
      return true;
    },
    retraction: (state) => (state > 0 ? 'counted' : 'unknown'),
    take: (state) => state - 1,
    merge: (into, from) => into + from,
    slide: {
      kind: 'slide',
      empty: () => 0,
      enter: (window, tile) => window + tile,
      leave: (window, tile) => window - tile,
    },
    write: (to, state) => to.count(state),
    read: (from) => from.count(),
    toJson: (state) => [state],
    fromJson: ([json]) => countFromJson(name, json),
  };
}
