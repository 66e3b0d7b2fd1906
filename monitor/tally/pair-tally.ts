/**
 * What the pairs of one feature tell beside being equal or not: how far served and replayed values are apart, by the
 * feature's type. Takes pairs one by one, as the model received them, fallbacks in place.
 */
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { isSame } from '../causes/value-equality.ts';
import { compareCategories, compareNumeric, sidesOf } from '../statistics/distribution.ts';
import type { AgreeingNumbers, OpenNumbers } from '../statistics/distribution.ts';
import type { CategoryChange, Distributions, NotNumbers } from '../statistics/distributions.ts';
import { pairedDistance } from '../statistics/paired-distance.ts';
import { quantileOfSorted } from '../statistics/quantile.ts';
import { sortDoubles } from '../statistics/radix-sort.ts';
import { MOST_ITEMS, cosineOf, editDistance } from '../statistics/vector-difference.ts';
import { NO_PAIRS, together } from './agreeing-pairs.ts';
import type { AgreeingPairs } from './agreeing-pairs.ts';
import { NumberColumn } from './number-column.ts';

/** The sizes of differences, over the pairs that are finite numbers on both sides (times: in seconds). */
interface PairDifferences {
  readonly meanDifference: number | null;
  /** The mean of 2 |served - replayed| / (|served| + |replayed|), 0 where both are 0; null for times. */
  readonly symmetricRelativeError: number | null;
  readonly p99OfServedMinusReplayed: number | null;
  readonly p99OfAbsoluteDifference: number | null;
}

export interface PairTally {
  add(served: Value, replayed: Value): void;
  /** Once at most. */
  addAgreeing(agreeing: AgreeingPairs): void;
  /** The texts of the pairs that were added, each once, where the type has texts; no others need be named. */
  texts?(): ReadonlySet<string>;
  differences(): PairDifferences;
  distributions(): Distributions | null;
}

export const NO_DIFFERENCES: PairDifferences = {
  meanDifference: null,
  symmetricRelativeError: null,
  p99OfServedMinusReplayed: null,
  p99OfAbsoluteDifference: null,
};

/** Of pairs that are all the same. */
const NONE_APART: PairDifferences = {
  meanDifference: 0,
  symmetricRelativeError: 0,
  p99OfServedMinusReplayed: 0,
  p99OfAbsoluteDifference: 0,
};

export function pairTallyOf(type: ValueType): PairTally {
  if (isNumeric(type)) return new NumberPairs();
  switch (type.kind) {
    case 'timestamp':
      return new TimePairs();
    case 'string':
    case 'bool':
      return new CategoryPairs();
    case 'embedding':
      return new EmbeddingPairs(type.size);
    case 'list':
      return new ListPairs(type.of);
    default:
      return { add() {}, addAgreeing() {}, differences: () => NO_DIFFERENCES, distributions: () => null };
  }
}

class NumberPairs implements PairTally {
  readonly #agreeing = new NumberColumn();
  readonly #served = new NumberColumn();
  readonly #replayed = new NumberColumn();
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

  add(served: Value, replayed: Value): void {
    const pair = [finiteOf(served, this.#notNumbers.served), finiteOf(replayed, this.#notNumbers.replayed)];
    const [a, b] = pair;
    if (a === null || a === undefined || b === null || b === undefined) return;
    // oxlint-disable-next-line eqeqeq -- 2n of a row and 2 of a tensor are one number
    if (a == b) this.#agreeing.push(Number(a) + 0);
    else if (isWide(a) || isWide(b)) this.#wide.push([a, b]);
    else {
      this.#served.push(Number(a));
      this.#replayed.push(Number(b));
    }
  }

  differences(): PairDifferences {
    return numberDifferences(this.#counted(), this.#open());
  }

  distributions(): Distributions | null {
    return compareNumeric(this.#counted(), this.#open(), this.#notNumbers);
  }

  #open(): OpenNumbers {
    return { served: this.#served.values(), replayed: this.#replayed.values(), wide: this.#wide };
  }

  #counted(): AgreeingNumbers {
    return together(this.#known, countedValues(sortDoubles(this.#agreeing.values().slice())));
  }
}

type Counters = { -readonly [Name in keyof NotNumbers]: NotNumbers[Name] };

function noNumbers(): Counters {
  return { nulls: 0, nan: 0, infinite: 0 };
}

/** @returns the number; null where there is no finite one, which is counted */
function finiteOf(value: Value, counters: Counters): number | bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'number') counters.nulls += 1;
  else if (Number.isNaN(value)) counters.nan += 1;
  else counters.infinite += 1;
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

/** A sum with Neumaier's correction. */
function exactSum(values: Iterable<number>): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return Number.isFinite(lost) ? sum + lost : sum;
}

class TimePairs implements PairTally {
  #pairs = 0;
  readonly #served: bigint[] = [];
  readonly #replayed: bigint[] = [];

  addAgreeing({ pairs }: AgreeingPairs): void {
    this.#pairs += pairs;
  }

  add(served: Value, replayed: Value): void {
    if (typeof served !== 'bigint' || typeof replayed !== 'bigint') return;
    this.#pairs += 1;
    if (served === replayed) return;
    this.#served.push(served);
    this.#replayed.push(replayed);
  }

  #seconds(): number[] {
    return this.#served.map((value, i) => Number(value - this.#replayed[i]!) / 1e6);
  }

  #sizes(): Float64Array {
    return sortDoubles(Float64Array.from(this.#seconds(), Math.abs));
  }

  differences(): PairDifferences {
    if (this.#pairs === 0) return NO_DIFFERENCES;
    const sizes = new Float64Array(this.#pairs);
    sizes.set(this.#sizes());
    return {
      ...NO_DIFFERENCES,
      meanDifference: exactSum(this.#seconds()) / this.#pairs,
      p99OfAbsoluteDifference: quantileOfSorted(sortDoubles(sizes), 0.99),
    };
  }

  distributions(): Distributions | null {
    if (this.#pairs === 0) return null;
    const { d, wasserstein } = pairedDistance(this.#served, this.#replayed, this.#pairs);
    const sizes = this.#sizes();
    const apart = {
      median: sizes.length === 0 ? 0 : quantileOfSorted(sizes, 0.5),
      p99: sizes.length === 0 ? 0 : quantileOfSorted(sizes, 0.99),
      most: sizes.at(-1) ?? 0,
    };
    return {
      kind: 'times',
      pairs: this.#pairs,
      differing: sizes.length,
      d,
      wasserstein: wasserstein / 1e6,
      apart: sizes.length === 0 ? null : apart,
    };
  }
}

class CategoryPairs implements PairTally {
  readonly #agreeing = new Map<string, number>();
  /** By both values as JSON. */
  readonly #changes = new Map<string, number>();
  #rest = NO_PAIRS.categories.rest;

  addAgreeing({ categories: { counted, rest } }: AgreeingPairs): void {
    for (const [value, rows] of counted) this.#agreeing.set(value, (this.#agreeing.get(value) ?? 0) + rows);
    this.#rest = rest;
  }

  texts(): ReadonlySet<string> {
    const changed = this.#told().flatMap(({ served, replayed }) => [served, replayed]);
    return new Set([...this.#agreeing.keys(), ...changed.filter((value) => value !== null)]);
  }

  add(served: Value, replayed: Value): void {
    if (served === null && replayed === null) return;
    if (served === replayed) count(this.#agreeing, String(served));
    else count(this.#changes, JSON.stringify([served, replayed].map((v) => (v === null ? null : String(v)))));
  }

  differences(): PairDifferences {
    return NO_DIFFERENCES;
  }

  distributions(): Distributions | null {
    return compareCategories({ counted: this.#agreeing, rest: this.#rest }, this.#told());
  }

  #told(): CategoryChange[] {
    return [...this.#changes].map(([pair, rows]) => {
      const [served, replayed] = JSON.parse(pair) as [string | null, string | null];
      return { served, replayed, rows };
    });
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const MOST_COMPONENTS = 10;

class EmbeddingPairs implements PairTally {
  readonly #differs: Float64Array;
  #pairs = 0;
  #differing = 0;
  #cosines = 0;
  #sum = 0;
  #least = 1;

  constructor(size: number) {
    this.#differs = new Float64Array(size);
  }

  addAgreeing({ pairs, directed }: AgreeingPairs): void {
    this.#pairs += pairs;
    this.#cosines += directed;
    this.#sum += directed;
  }

  add(served: Value, replayed: Value): void {
    const size = this.#differs.length;
    if (!(served instanceof Float32Array) || !(replayed instanceof Float32Array)) return;
    if (served.length !== size || replayed.length !== size) return;
    this.#pairs += 1;
    let differs = false;
    for (let i = 0; i < size; i++) {
      if (Object.is(served[i], replayed[i])) continue;
      this.#differs[i]! += 1;
      differs = true;
    }
    if (differs) this.#differing += 1;
    const cosine = cosineOf(served, replayed);
    if (cosine === null) return;
    this.#cosines += 1;
    this.#sum += cosine;
    this.#least = Math.min(this.#least, cosine);
  }

  differences(): PairDifferences {
    return NO_DIFFERENCES;
  }

  distributions(): Distributions | null {
    if (this.#pairs === 0) return null;
    const components = Array.from(this.#differs, (rows, component) => ({
      component,
      share: rows / this.#pairs,
    }));
    const differing = components.filter(({ share }) => share > 0);
    return {
      kind: 'embedding',
      pairs: this.#pairs,
      differing: this.#differing,
      cosine: this.#cosines === 0 ? null : { mean: this.#sum / this.#cosines, least: this.#least },
      components: differing
        .toSorted((a, b) => b.share - a.share || a.component - b.component)
        .slice(0, MOST_COMPONENTS),
      componentsDiffering: differing.length,
    };
  }
}

class ListPairs implements PairTally {
  readonly #of: ValueType;
  #pairs = 0;
  #differing = 0;
  #edits = 0;
  #most = 0;
  readonly #items = { served: 0, replayed: 0 };

  constructor(of: ValueType) {
    this.#of = of;
  }

  addAgreeing({ pairs, items }: AgreeingPairs): void {
    this.#pairs += pairs;
    this.#items.served += items;
    this.#items.replayed += items;
  }

  add(served: Value, replayed: Value): void {
    if (!Array.isArray(served) || !Array.isArray(replayed)) return;
    const [a, b] = [served, replayed] as readonly (readonly Value[])[] as [Value[], Value[]];
    this.#pairs += 1;
    this.#items.served += a.length;
    this.#items.replayed += b.length;
    const isSameItem = (x: Value, y: Value): boolean => isSame(this.#of, x, y);
    if (a.length === b.length && a.every((item, i) => isSameItem(item, b[i]!))) return;
    const edits = editDistance(a, b, isSameItem);
    this.#differing += 1;
    this.#edits += edits;
    this.#most = Math.max(this.#most, edits);
  }

  differences(): PairDifferences {
    return NO_DIFFERENCES;
  }

  distributions(): Distributions | null {
    if (this.#pairs === 0) return null;
    const { served, replayed } = this.#items;
    return {
      kind: 'list',
      pairs: this.#pairs,
      differing: this.#differing,
      editDistance: { mean: this.#edits / this.#pairs, most: this.#most, cutAt: MOST_ITEMS },
      meanLength: { served: served / this.#pairs, replayed: replayed / this.#pairs },
    };
  }
}
