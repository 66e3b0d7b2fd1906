/**
 * Values and how often each occurs, a count of at least 1. Most tiles have one value and most windows a handful: the
 * first one stands by itself, up to FEW_VALUES in two lists, since a Map of one value takes some 200 bytes.
 */
import type { TileValue } from '../canonical-order.ts';

const FEW_VALUES = 8;

export class ValueCounts {
  /** The one value; of no use once there are lists or a map. */
  #one: TileValue | null = null;
  /** 0: there is no value, or there are lists or a map. */
  #oneCount = 0;
  #values: TileValue[] | null = null;
  #counts: number[] | null = null;
  #map: Map<TileValue, number> | null = null;

  /** How many different values there are. */
  get size(): number {
    if (this.#map !== null) return this.#map.size;
    return this.#values === null ? (this.#oneCount === 0 ? 0 : 1) : this.#values.length;
  }

  /** @returns how often a value occurs */
  of(value: TileValue): number {
    if (this.#map !== null) return this.#map.get(value) ?? 0;
    if (this.#values === null) return this.#oneCount > 0 && this.#one === value ? this.#oneCount : 0;
    const at = this.#values.indexOf(value);
    return at === -1 ? 0 : this.#counts![at]!;
  }

  /** @param times  below 0: the value occurs that much less; @returns how often it occurs now, below 1: it does not */
  add(value: TileValue, times: number): number {
    if (this.#map !== null) return addTo(this.#map, value, times);
    if (this.#values !== null) return this.#addToLists(this.#values, this.#counts!, value, times);
    if (this.#oneCount > 0 && this.#one === value) {
      const count = this.#oneCount + times;
      this.#oneCount = Math.max(0, count);
      return count;
    }
    if (times <= 0) return times;
    if (this.#oneCount === 0) {
      this.#one = value;
      return (this.#oneCount = times);
    }
    this.#values = [this.#one!, value];
    this.#counts = [this.#oneCount, times];
    this.#oneCount = 0;
    return times;
  }

  #addToLists(values: TileValue[], counts: number[], value: TileValue, times: number): number {
    const at = values.indexOf(value);
    if (at === -1) {
      if (times <= 0) return times;
      if (values.length === FEW_VALUES) {
        this.#map = new Map(values.map((one, i) => [one, counts[i]!]));
        this.#values = this.#counts = null;
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
    else if (from.#values !== null)
      for (let i = 0; i < from.#values.length; i++) this.add(from.#values[i]!, times * from.#counts![i]!);
    else if (from.#oneCount > 0) this.add(from.#one!, times * from.#oneCount);
  }

  /** @returns in no order */
  entries(): [TileValue, number][] {
    if (this.#map !== null) return [...this.#map];
    if (this.#values !== null) return this.#values.map((value, i) => [value, this.#counts![i]!]);
    return this.#oneCount > 0 ? [[this.#one!, this.#oneCount]] : [];
  }
}

function addTo(map: Map<TileValue, number>, value: TileValue, times: number): number {
  const count = (map.get(value) ?? 0) + times;
  if (count > 0) map.set(value, count);
  else map.delete(value);
  return count;
}
