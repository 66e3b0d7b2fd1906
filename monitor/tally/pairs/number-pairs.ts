/** The pairs of a feature whose values are numbers. */
import type { Value } from '../../../contract/value-type.ts';
import { compareNumeric, sidesOf } from '../../statistics/distribution.ts';
import type { AgreeingNumbers, NumberSides, OpenNumbers } from '../../statistics/distribution.ts';
import type { NotNumbers } from '../../statistics/distributions.ts';
import { quantileOfSorted } from '../../statistics/quantile.ts';
import { sortDoubles } from '../../statistics/radix-sort.ts';
import { SortedNumbers } from '../../statistics/sorted-numbers.ts';
import { NO_PAIRS, together } from '../agreeing-pairs.ts';
import type { AgreeingPairs } from '../agreeing-pairs.ts';
import { NumberColumn } from './number-column.ts';
import { NONE_APART, NO_DIFFERENCES, exactSum } from './pair-differences.ts';
import type { PairDifferences, PairTally, PairsTold } from './pair-differences.ts';

export class NumberPairs implements PairTally {
  readonly #agreeing = NumberColumn.ofNumbers();
  readonly #agreeingVectors = NumberColumn.ofCounts();
  readonly #served = NumberColumn.ofNumbers();
  readonly #replayed = NumberColumn.ofNumbers();
  readonly #vectors = NumberColumn.ofCounts();
  readonly #wide: [number | bigint, number | bigint][] = [];
  readonly #notNumbers = { served: noNumbers(), replayed: noNumbers() };
  #known = NO_PAIRS.numbers;

  addAgreeing({ numbers, nan, infinite }: AgreeingPairs): void {
    this.#known = numbers;
    for (const side of [this.#notNumbers.served, this.#notNumbers.replayed]) {
      side.nan += nan;
      side.infinite += infinite;
    }
  }

  add(served: Value, replayed: Value, vectors: number): void {
    const { served: ofServed, replayed: ofReplayed } = this.#notNumbers;
    const [a, b] = [finiteOf(served, ofServed, vectors), finiteOf(replayed, ofReplayed, vectors)];
    if (a === null || b === null) return;
    // oxlint-disable-next-line eqeqeq -- 2n of a row and 2 of a tensor are one number
    if (a == b) {
      this.#agreeing.push(Number(a) + 0);
      this.#agreeingVectors.push(vectors);
    } else if (isWide(a) || isWide(b)) {
      for (let i = 0; i < vectors; i++) this.#wide.push([a, b]);
    } else {
      this.#served.push(Number(a));
      this.#replayed.push(Number(b));
      this.#vectors.push(vectors);
    }
  }

  told(): PairsTold {
    const agreeing = together(this.#known, this.#counted());
    const open = {
      served: this.#served.take(),
      replayed: this.#replayed.take(),
      counts: this.#vectors.take(),
      wide: this.#wide,
    };
    const sides = sidesOf(agreeing, open);
    return {
      differences: numberDifferences(agreeing, open, sides),
      distributions: compareNumeric(sides, open.wide, this.#notNumbers),
    };
  }

  /** The values that agree, each once. */
  #counted(): AgreeingNumbers {
    const [all, counts] = [this.#agreeing.take(), this.#agreeingVectors.take()];
    sortDoubles(all, counts);
    let distinct = 0;
    for (let i = 0; i < all.length; i++) {
      if (distinct > 0 && all[distinct - 1] === all[i]) counts[distinct - 1]! += counts[i]!;
      else {
        all[distinct] = all[i]!;
        counts[distinct] = counts[i]!;
        distinct += 1;
      }
    }
    return { values: all.subarray(0, distinct), counts: counts.subarray(0, distinct) };
  }
}

type Counters = { -readonly [Name in keyof NotNumbers]: NotNumbers[Name] };

function noNumbers(): Counters {
  return { nulls: 0, nan: 0, infinite: 0 };
}

/** @returns the number; null where there is no finite one, which is counted */
function finiteOf(value: Value, counters: Counters, vectors: number): number | bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'number') counters.nulls += vectors;
  else if (Number.isNaN(value)) counters.nan += vectors;
  else counters.infinite += vectors;
  return null;
}

function isWide(value: number | bigint): boolean {
  return typeof value === 'bigint' && !Number.isSafeInteger(Number(value));
}

/** Quantiles are interpolated linearly between the nearest ranks, as numpy does by default. */
function numberDifferences(
  agreeing: AgreeingNumbers,
  open: OpenNumbers,
  { served: a, replayed: b }: NumberSides,
): PairDifferences {
  const { served, replayed, counts, wide } = open;
  if (served.length + wide.length === 0) return agreeing.values.length === 0 ? NO_DIFFERENCES : NONE_APART;
  const size = wide.length + served.length;
  const [differences, relative, sizes] = [
    new Float64Array(size),
    new Float64Array(size),
    new Float64Array(size),
  ];
  const times = new Float64Array(size).fill(1);
  times.set(counts, wide.length);
  for (let i = 0; i < size; i++) {
    const own = i - wide.length;
    const x = own < 0 ? wide[i]![0] : served[own]!;
    const y = own < 0 ? wide[i]![1] : replayed[own]!;
    const difference = differenceOf(x, y);
    const middle = Math.abs(Number(x)) / 2 + Math.abs(Number(y)) / 2;
    differences[i] = difference;
    sizes[i] = Math.abs(difference);
    relative[i] = middle === 0 ? 0 : Math.abs(difference) / middle;
  }
  return {
    meanDifference: exactSum(differences, times) / a.length,
    symmetricRelativeError: exactSum(relative, times) / a.length,
    p99OfServedMinusReplayed: quantileOfSorted(a, 0.99) - quantileOfSorted(b, 0.99),
    p99OfAbsoluteDifference: p99OfSizes(sizes, times, a.length),
  };
}

/** @returns the quantile of the sizes, and of a zero for each of the other pairs */
function p99OfSizes(sizes: Float64Array, times: Float64Array, pairs: number): number {
  const [largest, counts] = largestOf(sizes, times, pairs - Math.floor(0.99 * (pairs - 1)));
  sortDoubles(largest, counts);
  const differing = SortedNumbers.of(largest, counts);
  const others = SortedNumbers.of(Float64Array.of(0), Float64Array.of(pairs - differing.length));
  return quantileOfSorted(SortedNumbers.merged(others, differing), 0.99);
}

const SAMPLED = 2_048;

/**
 * Some of the largest sizes, with their counts: to sort all for one quantile at their end costs as much as one side. A
 * sample says from which on; where these are too few, all are taken.
 *
 * @param least  how many pairs they have at least
 */
function largestOf(
  sizes: Float64Array,
  times: Float64Array,
  least: number,
): readonly [Float64Array, Float64Array] {
  const step = Math.ceil(sizes.length / SAMPLED);
  const sample = sortDoubles(sizes.filter((_, i) => i % step === 0));
  const from = sample[Math.floor(0.95 * sample.length)]!;
  let [taken, pairs] = [0, 0];
  for (let i = 0; i < sizes.length; i++) {
    if (sizes[i]! < from) continue;
    taken += 1;
    pairs += times[i]!;
  }
  if (pairs < least || taken === sizes.length) return [sizes, times];
  const [largest, counts] = [new Float64Array(taken), new Float64Array(taken)];
  for (let i = 0, at = 0; i < sizes.length; i++) {
    if (sizes[i]! < from) continue;
    largest[at] = sizes[i]!;
    counts[at++] = times[i]!;
  }
  return [largest, counts];
}

function differenceOf(a: number | bigint, b: number | bigint): number {
  return typeof a === 'bigint' && typeof b === 'bigint' ? Number(a - b) : Number(a) - Number(b);
}
