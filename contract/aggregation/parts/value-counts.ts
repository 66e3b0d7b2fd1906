/**
 * Values and how often each occurs, a count of at least 1. Most tiles have one value and most windows a handful: the
 * first one stands by itself, others in two lists, and of more than FEW_VALUES a Map says where each stands, so that
 * a value that comes again is looked for once.
 */
import type { TileValue } from '../canonical-order.ts';

const FEW_VALUES = 8;

export class ValueCounts {
  /** The one value; of no use once there are lists. */
  #one: TileValue | null = null;
  /** 0: there is no value, or there are lists. */
  #oneCount = 0;
  #values: TileValue[] | null = null;
  #counts: number[] | null = null;
  /** Where each value stands in the lists; null: they are short. */
  #places: Map<TileValue, number> | null = null;

  /** How many different values there are. */
  get size(): number {
    return this.#values === null ? (this.#oneCount === 0 ? 0 : 1) : this.#values.length;
  }

  #placeOf(value: TileValue): number {
    return this.#places === null ? this.#values!.indexOf(value) : (this.#places.get(value) ?? -1);
  }

  /** @returns how often a value occurs */
  of(value: TileValue): number {
    if (this.#values === null) return this.#oneCount > 0 && this.#one === value ? this.#oneCount : 0;
    const at = this.#placeOf(value);
    return at === -1 ? 0 : this.#counts![at]!;
  }

  /** @param times  below 0: the value occurs that much less; @returns how often it occurs now, below 1: it does not */
  add(value: TileValue, times: number): number {
    if (this.#values !== null) return this.#addToLists(value, times);
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

  #addToLists(value: TileValue, times: number): number {
    const counts = this.#counts!;
    const at = this.#placeOf(value);
    if (at === -1) {
      if (times > 0) this.#push(value, times);
      return times;
    }
    const count = counts[at]! + times;
    if (count > 0) counts[at] = count;
    else this.#remove(at);
    return count;
  }

  #push(value: TileValue, times: number): void {
    const values = this.#values!;
    if (this.#places !== null) this.#places.set(value, values.length);
    else if (values.length === FEW_VALUES) {
      this.#places = new Map(values.map((one, i) => [one, i]));
      this.#places.set(value, values.length);
    }
    values.push(value);
    this.#counts!.push(times);
  }

  /** The last one takes its place. */
  #remove(at: number): void {
    const [values, counts] = [this.#values!, this.#counts!];
    const last = values.pop()!;
    const lastCount = counts.pop()!;
    this.#places?.delete(at === values.length ? last : values[at]!);
    if (at === values.length) return;
    values[at] = last;
    counts[at] = lastCount;
    this.#places?.set(last, at);
  }

  /** Adds all that another one holds, so often. */
  addAll(from: ValueCounts, times: 1 | -1): void {
    if (from.#values !== null)
      for (let i = 0; i < from.#values.length; i++) this.add(from.#values[i]!, times * from.#counts![i]!);
    else if (from.#oneCount > 0) this.add(from.#one!, times * from.#oneCount);
  }

  /** @returns in no order */
  entries(): [TileValue, number][] {
    if (this.#values !== null) return this.#values.map((value, i) => [value, this.#counts![i]!]);
    return this.#oneCount > 0 ? [[this.#one!, this.#oneCount]] : [];
  }
}
