/** The first or the last value of a column, with its time; of equal times the smallest value. null: there is none. */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { compareCanonical } from '../canonical-order.ts';
import { countFromJson, tileValueFromJson, tileValueToJson } from '../value-json.ts';
import type { TilePart } from './part.ts';

/** A value and when it was; never changed, so that tiles may share it. */
export interface TimedValue {
  readonly timeUs: number;
  readonly value: TileValue;
}

export function endpointPart(
  key: 'first' | 'last',
  column: number,
  type: ValueType,
): TilePart<TimedValue | null> {
  const sign = key === 'first' ? 1 : -1;
  /** Below 0 where the event comes before the state: it is what the part says. */
  const order = (state: TimedValue, timeUs: number, value: TileValue): number =>
    timeUs === state.timeUs ? compareCanonical(value, state.value) : sign * (timeUs - state.timeUs);
  const name = `${key}${column}`;
  return {
    key: { name: key, column, scale: 0 },
    fields: [
      { name: `${name}_t`, kind: 'time' },
      { name, kind: 'value' },
    ],
    size: 0,
    empty: () => null,
    add: (state, value, timeUs) =>
      state === null || order(state, timeUs, value) < 0 ? { timeUs, value } : state,
    retraction: (state, value, timeUs) => {
      if (state === null) return 'unknown';
      const place = order(state, timeUs, value);
      return place < 0 ? 'unknown' : place === 0 ? 'again' : 'counted';
    },
    take: (state) => state,
    merge: (into, from) => {
      if (into === null || from === null) return into ?? from;
      return order(into, from.timeUs, from.value) < 0 ? from : into;
    },
    slide: {
      kind: 'refill',
      spoils: (window, tile) => tile !== null && window !== null && tile.timeUs === window.timeUs,
      from: key === 'first' ? 'oldest' : 'newest',
      isSettled: (window) => window !== null,
    },
    write: (to, state) => {
      to.byte(state === null ? 0 : 1);
      if (state === null) return;
      to.whole(state.timeUs);
      to.value(type, state.value);
    },
    read: (from) => (from.flag() ? { timeUs: from.time(), value: from.value(type) } : null),
    toJson: (state) => (state === null ? [null, null] : [state.timeUs, tileValueToJson(type, state.value)]),
    fromJson: ([timeUs, json]) => {
      if (timeUs === null && json === null) return null;
      return { timeUs: countFromJson(`${name}_t`, timeUs), value: tileValueFromJson(type, json) };
    },
  };
}
