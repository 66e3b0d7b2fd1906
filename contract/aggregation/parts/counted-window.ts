/**
 * How often each value occurs in a window, and which one occurs most often: values enter and leave with their counts.
 *
 * The most frequent value comes off a heap of (count, value) in which each change of a count is one more entry. An
 * entry whose count is no longer the value's is passed over when it comes up, and once such entries are most of the
 * heap it is made anew: a change costs the logarithm of the number of values. Until it is first asked for there is no
 * heap.
 */
import type { TileValue } from '../canonical-order.ts';
import { compareCanonical } from '../canonical-order.ts';
import { ValueCounts } from './value-counts.ts';

interface HeapEntry {
  readonly value: TileValue;
  readonly count: number;
}

export class CountedWindow {
  readonly #counts = new ValueCounts();
  #heap: HeapEntry[] | null = null;

  /** How many different values there are. */
  get size(): number {
    return this.#counts.size;
  }

  /** Values enter (1) or leave (-1) as often as a tile has them. */
  addAll(tile: ValueCounts, times: 1 | -1): this {
    if (this.#heap === null) this.#counts.addAll(tile, times);
    else for (const [value, count] of tile.entries()) this.#add(value, times * count);
    return this;
  }

  #add(value: TileValue, times: number): void {
    const count = this.#counts.add(value, times);
    if (this.#heap === null || count <= 0) return;
    this.#heap.push({ value, count });
    rise(this.#heap);
    if (this.#heap.length > 2 * this.#counts.size + 64) this.#heap = null;
  }

  /** @returns the value that occurs most often, of equally frequent ones the smallest; null: there is none */
  mostFrequent(): TileValue | null {
    if (this.#counts.size === 0) return null;
    this.#heap ??= heapOf(this.#counts);
    while (this.#counts.of(this.#heap[0]!.value) !== this.#heap[0]!.count) removeTop(this.#heap);
    return this.#heap[0]!.value;
  }
}

function heapOf(counts: ValueCounts): HeapEntry[] {
  // A sorted list is a heap.
  const entries = counts.entries().map(([value, count]) => ({ value, count }));
  return entries.toSorted(compareEntries);
}

/** @returns below 0 where `a` is nearer to the top */
function compareEntries(a: HeapEntry, b: HeapEntry): number {
  return b.count - a.count || compareCanonical(a.value, b.value);
}

/** Brings the last entry to its place. */
function rise(heap: HeapEntry[]): void {
  const entry = heap.at(-1)!;
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    if (compareEntries(heap[parent]!, entry) <= 0) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function removeTop(heap: HeapEntry[]): void {
  const entry = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && compareEntries(heap[child + 1]!, heap[child]!) < 0) child += 1;
    if (compareEntries(entry, heap[child]!) <= 0) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = entry;
}
