/**
 * Numbers in ascending order, held as their distinct values: a day has millions of pairs of a feature, and as many
 * different values as the history has rows of it.
 */

/** With `at` and `length` it can be asked like an array in which each value stands as often as it occurs. */
export class SortedNumbers {
  /** Ascending, each once; 0 for -0. */
  readonly distinct: Float64Array;
  /** For each of them how many numbers there are up to it. */
  readonly ends: Float64Array;

  private constructor(distinct: Float64Array, ends: Float64Array) {
    this.distinct = distinct;
    this.ends = ends;
  }

  /** @param values  ascending; one may stand there several times @param counts  how often each occurs; default: once */
  static of(values: Float64Array, counts: Float64Array | null = null): SortedNumbers {
    const distinct = new Float64Array(values.length);
    const ends = new Float64Array(values.length);
    let [filled, end] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const value = values[i]! + 0;
      end += counts === null ? 1 : counts[i]!;
      if (filled === 0 || distinct[filled - 1] !== value) distinct[filled++] = value;
      ends[filled - 1] = end;
    }
    return new SortedNumbers(distinct.subarray(0, filled), ends.subarray(0, filled));
  }

  /** @returns the numbers of both */
  static merged(a: SortedNumbers, b: SortedNumbers): SortedNumbers {
    if (a.length === 0) return b;
    if (b.length === 0) return a;
    if (a === b) return a.#doubled();
    const [x, y] = [a.distinct, b.distinct];
    const distinct = new Float64Array(x.length + y.length);
    const ends = new Float64Array(distinct.length);
    let [filled, inA, inB] = [0, 0, 0];
    for (let i = 0, j = 0; i < x.length || j < y.length; filled++) {
      const isOfA = j === y.length || (i < x.length && x[i]! <= y[j]!);
      const value = isOfA ? x[i]! : y[j]!;
      if (i < x.length && x[i] === value) inA = a.ends[i++]!;
      if (j < y.length && y[j] === value) inB = b.ends[j++]!;
      distinct[filled] = value;
      ends[filled] = inA + inB;
    }
    return new SortedNumbers(distinct.subarray(0, filled), ends.subarray(0, filled));
  }

  #doubled(): SortedNumbers {
    const ends = this.ends.slice();
    for (let i = 0; i < ends.length; i++) ends[i]! *= 2;
    return new SortedNumbers(this.distinct, ends);
  }

  /** Each value as often as it occurs. */
  *all(): Generator<number> {
    for (let i = 0; i < this.distinct.length; i++) {
      for (let left = this.ends[i]! - this.#endBefore(i); left > 0; left--) yield this.distinct[i]!;
    }
  }

  get length(): number {
    return this.ends.at(-1) ?? 0;
  }

  /** @param rank  counted from 0, below `length` */
  at(rank: number): number {
    return this.distinct[firstAbove(this.ends, rank)]!;
  }

  /** @returns how many are smaller than x */
  below(x: number): number {
    return this.#endBefore(firstAtLeast(this.distinct, x));
  }

  /** @returns how many are x or smaller */
  upTo(x: number): number {
    return this.#endBefore(firstAbove(this.distinct, x));
  }

  #endBefore(place: number): number {
    return place === 0 ? 0 : this.ends[place - 1]!;
  }
}

/** Index of the first value >= x. */
function firstAtLeast(sorted: Float64Array, x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first value > x. */
function firstAbove(sorted: Float64Array, x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}
