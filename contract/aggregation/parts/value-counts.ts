/**
 * Values and how often each occurs, a count of at least 1. Most tiles and windows have a handful of values: up to
 * FEW_VALUES they stand in two lists, since a Map of one value takes some 200 bytes.
 */
import type { TileValue } from '../canonical-order.ts';

const FEW_VALUES = 8;

export class ValueCounts {
  /** The values of the lists; unused once there is a map. */
  #values: TileValue[] = [];
  #counts: number[] = [];
  #map: Map<TileValue, number> | null = null;

  /** How many different values there are. */
  get size(): number {
    return this.#map === null ? this.#values.length : this.#map.size;
  }

  /** @returns how often a value occurs */
  of(value: TileValue): number {
    if (this.#map !== null) return this.#map.get(value) ?? 0;
    const at = this.#values.indexOf(value);
    return at === -1 ? 0 : this.#counts[at]!;
  }

  /** @param times  below 0: the value occurs that much less; @returns how often it occurs now, below 1: it does not */
  add(value: TileValue, times: number): number {
    if (this.#map !== null) return addTo(this.#map, value, times);
    const values = this.#values;
    const counts = this.#counts;
    const at = values.indexOf(value);
    if (at === -1) {
      if (times <= 0) return times;
      if (values.length === FEW_VALUES) {
        this.#map = new Map(values.map((one, i) => [one, counts[i]!]));
        this.#values = [];
        this.#counts = [];
        return addTo(this.#map, value, times);
      }
      values.push(value);
      counts.push(times);
      return times;
    }
    const count = counts[at]! + times;
    if (count > 0) counts[at] = count;
    else {
      values[at] = values.at(-1)!;
      counts[at] = counts.at(-1)!;
      values.pop();
      counts.pop();
    }
    return count;
  }

  /** Adds all that another one holds, so often. */
  addAll(from: ValueCounts, times: 1 | -1): void {
    if (from.#map !== null) for (const [value, count] of from.#map) this.add(value, times * count);
    else for (let i = 0; i < from.#values.length; i++) this.add(from.#values[i]!, times * from.#counts[i]!);
  }

  /** @returns in no order */
  entries(): [TileValue, number][] {
    if (this.#map !== null) return [...this.#map];
    return this.#values.map((value, i) => [value, this.#counts[i]!]);
  }
}

function addTo(map: Map<TileValue, number>, value: TileValue, times: number): number {
  const count = (map.get(value) ?? 0) + times;
  if (count > 0) map.set(value, count);
  else map.delete(value);
  return count;
}
