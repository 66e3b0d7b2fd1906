/** The pairs of a feature whose values are numbers. */
import type { Value } from '../../../contract/value-type.ts';
import { compareNumeric, sidesOf } from '../../statistics/distribution.ts';
import type { AgreeingNumbers, OpenNumbers } from '../../statistics/distribution.ts';
import type { Distributions, NotNumbers } from '../../statistics/distributions.ts';
import { quantileOfSorted } from '../../statistics/quantile.ts';
import { sortDoubles } from '../../statistics/radix-sort.ts';
import { NO_PAIRS, together } from '../agreeing-pairs.ts';
import type { AgreeingPairs } from '../agreeing-pairs.ts';
import { NumberColumn } from './number-column.ts';
import { NONE_APART, NO_DIFFERENCES, exactSum } from './pair-differences.ts';
import type { PairDifferences, PairTally } from './pair-differences.ts';

export class NumberPairs implements PairTally {
  readonly #agreeing = new NumberColumn();
  readonly #agreeingVectors = new NumberColumn();
  readonly #served = new NumberColumn();
  readonly #replayed = new NumberColumn();
  readonly #vectors = new NumberColumn();
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

  differences(): PairDifferences {
    return numberDifferences(this.#counted(), this.#open());
  }

  distributions(): Distributions | null {
    return compareNumeric(this.#counted(), this.#open(), this.#notNumbers);
  }

  #open(): OpenNumbers {
    const vectors = this.#vectors.values();
    return {
      served: this.#served.repeated(vectors),
      replayed: this.#replayed.repeated(vectors),
      wide: this.#wide,
    };
  }

  #counted(): AgreeingNumbers {
    const all = this.#agreeing.repeated(this.#agreeingVectors.values());
    return together(this.#known, countedValues(sortDoubles(all)));
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

function countedValues(sorted: Float64Array): AgreeingNumbers {
  const [values, counts]: [number[], number[]] = [[], []];
  for (const value of sorted) {
    if (values.at(-1) === value) counts[counts.length - 1]! += 1;
    else {
      values.push(value);
      counts.push(1);
    }
  }
  return { values: Float64Array.from(values), counts: Float64Array.from(counts) };
}

/** Quantiles are interpolated linearly between the nearest ranks, as numpy does by default. */
function numberDifferences(agreeing: AgreeingNumbers, open: OpenNumbers): PairDifferences {
  if (open.served.length + open.wide.length === 0)
    return agreeing.values.length === 0 ? NO_DIFFERENCES : NONE_APART;
  const [a, b] = sidesOf(agreeing, open);
  if (a.length === 0) return NO_DIFFERENCES;
  const { served, replayed, wide } = open;
  const differences = new Float64Array(wide.length + served.length);
  const relative = new Float64Array(differences.length);
  const sizes = new Float64Array(a.length);
  for (let i = 0; i < differences.length; i++) {
    const own = i - wide.length;
    const [x, y] = own < 0 ? wide[i]! : [served[own]!, replayed[own]!];
    const difference = differenceOf(x, y);
    const size = Math.abs(Number(x)) / 2 + Math.abs(Number(y)) / 2;
    differences[i] = difference;
    sizes[i] = Math.abs(difference);
    relative[i] = size === 0 ? 0 : Math.abs(difference) / size;
  }
  return {
    meanDifference: exactSum(differences) / a.length,
    symmetricRelativeError: exactSum(relative) / a.length,
    p99OfServedMinusReplayed: quantileOfSorted(a, 0.99) - quantileOfSorted(b, 0.99),
    p99OfAbsoluteDifference: quantileOfSorted(sortDoubles(sizes), 0.99),
  };
}

function differenceOf(a: number | bigint, b: number | bigint): number {
  return typeof a === 'bigint' && typeof b === 'bigint' ? Number(a - b) : Number(a) - Number(b);
}
