/** The newest values of a column, for lastN: by time descending, of equal times by value ascending; at most `size`. */
import type { ValueType } from '../../value-type.ts';
import { compareCanonical } from '../canonical-order.ts';
import { TileFault } from '../tile-reader.ts';
import { countFromJson, listFromJson, tileValueFromJson, tileValueToJson } from '../value-json.ts';
import type { TimedValue } from './endpoint-part.ts';
import type { TilePart } from './part.ts';

/** @returns below 0 where `a` stands before `b` in a list of the newest values */
function compareLatest(a: TimedValue, b: TimedValue): number {
  return b.timeUs - a.timeUs || compareCanonical(a.value, b.value);
}

export function latestPart(column: number, type: ValueType, size: number): TilePart<TimedValue[]> {
  const name = `latest${column}`;
  return {
    key: { name: 'latest', column, scale: 0 },
    fields: [{ name, kind: 'list' }],
    size,
    empty: () => [],
    add: (state, value, timeUs) => insertLatest(state, { timeUs, value }, size),
    retraction: (state, value, timeUs) => {
      const event = { timeUs, value };
      if (state.some((one) => compareLatest(one, event) === 0)) return 'again';
      const last = state.at(-1);
      return state.length < size || compareLatest(event, last!) < 0 ? 'unknown' : 'counted';
    },
    take: (state) => state,
    merge: (into, from) => {
      for (const one of from) insertLatest(into, one, size);
      return into;
    },
    slide: {
      kind: 'refill',
      spoils: (window, tile) => tile.length > 0 && tile[0]!.timeUs >= (window.at(-1)?.timeUs ?? Infinity),
      from: 'newest',
      isSettled: (window) => window.length === size,
    },
    write: (to, state) => {
      to.count(state.length);
      for (const { timeUs, value } of state) {
        to.whole(timeUs);
        to.value(type, value);
      }
    },
    read: (from) =>
      atMost(
        size,
        from.ascending(
          () => ({ timeUs: from.time(), value: from.value(type) }),
          // Two events may have the same time and value.
          (a, b) => compareLatest(a, b) || -1,
        ),
      ),
    toJson: (state) => [state.map(({ timeUs, value }) => [timeUs, tileValueToJson(type, value)])],
    fromJson: ([json]) => {
      const entries = listFromJson(name, json).map((pair) => {
        const [timeUs, value] = listFromJson(name, pair);
        return { timeUs: countFromJson(name, timeUs), value: tileValueFromJson(type, value) };
      });
      return atMost(size, entries.toSorted(compareLatest));
    },
  };
}

/** Puts a value into its place in a list of the newest; what then is past the size falls off. */
function insertLatest(list: TimedValue[], event: TimedValue, size: number): TimedValue[] {
  let at = list.length;
  while (at > 0 && compareLatest(event, list[at - 1]!) < 0) at -= 1;
  if (at === size) return list;
  list.splice(at, 0, event);
  if (list.length > size) list.pop();
  return list;
}

function atMost(size: number, list: TimedValue[]): TimedValue[] {
  if (list.length > size) throw new TileFault(`expected at most ${size} values, got ${list.length}`);
  return list;
}
