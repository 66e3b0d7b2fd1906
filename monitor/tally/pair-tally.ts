/**
 * What the pairs of one feature tell beside being equal or not: how far served and replayed values are apart, by the
 * feature's type. Takes pairs as the model received them, fallbacks in place, with the number of vectors that had them.
 */
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { isSame } from '../causes/value-equality.ts';
import { compareCategories } from '../statistics/distribution.ts';
import type { CategoryChange, Distributions } from '../statistics/distributions.ts';
import { pairedDistance } from '../statistics/paired-distance.ts';
import { quantileOfSorted } from '../statistics/quantile.ts';
import { sortDoubles } from '../statistics/radix-sort.ts';
import { MOST_ITEMS, cosineOf, editDistance } from '../statistics/vector-difference.ts';
import { NO_PAIRS } from './agreeing-pairs.ts';
import type { AgreeingPairs } from './agreeing-pairs.ts';
import { NumberPairs } from './pairs/number-pairs.ts';
import { NO_DIFFERENCES, exactSum } from './pairs/pair-differences.ts';
import type { PairDifferences, PairTally, PairsTold } from './pairs/pair-differences.ts';

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
      return {
        add() {},
        addAgreeing() {},
        told: () => ({ differences: NO_DIFFERENCES, distributions: null }),
      };
  }
}

class TimePairs implements PairTally {
  #pairs = 0;
  readonly #served: bigint[] = [];
  readonly #replayed: bigint[] = [];

  addAgreeing({ pairs }: AgreeingPairs): void {
    this.#pairs += pairs;
  }

  add(served: Value, replayed: Value, vectors: number): void {
    if (typeof served !== 'bigint' || typeof replayed !== 'bigint') return;
    this.#pairs += vectors;
    if (served === replayed) return;
    for (let i = 0; i < vectors; i++) {
      this.#served.push(served);
      this.#replayed.push(replayed);
    }
  }

  #seconds(): number[] {
    return this.#served.map((value, i) => Number(value - this.#replayed[i]!) / 1e6);
  }

  #sizes(): Float64Array {
    return sortDoubles(Float64Array.from(this.#seconds(), Math.abs));
  }

  told(): PairsTold {
    return { differences: this.#differences(), distributions: this.#distributions() };
  }

  #differences(): PairDifferences {
    if (this.#pairs === 0) return NO_DIFFERENCES;
    const sizes = new Float64Array(this.#pairs);
    sizes.set(this.#sizes());
    return {
      ...NO_DIFFERENCES,
      meanDifference: exactSum(this.#seconds()) / this.#pairs,
      p99OfAbsoluteDifference: quantileOfSorted(sortDoubles(sizes), 0.99),
    };
  }

  #distributions(): Distributions | null {
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
    const changed = this.#changed().flatMap(({ served, replayed }) => [served, replayed]);
    return new Set([...this.#agreeing.keys(), ...changed.filter((value) => value !== null)]);
  }

  add(served: Value, replayed: Value, vectors: number): void {
    if (served === null && replayed === null) return;
    const texts = [served, replayed].map((value) => (value === null ? null : String(value)));
    if (served === replayed) count(this.#agreeing, texts[0]!, vectors);
    else count(this.#changes, JSON.stringify(texts), vectors);
  }

  told(): PairsTold {
    const agreeing = { counted: this.#agreeing, rest: this.#rest };
    return { differences: NO_DIFFERENCES, distributions: compareCategories(agreeing, this.#changed()) };
  }

  #changed(): CategoryChange[] {
    return [...this.#changes].map(([pair, rows]) => {
      const [served, replayed] = JSON.parse(pair) as [string | null, string | null];
      return { served, replayed, rows };
    });
  }
}

function count(counts: Map<string, number>, key: string, vectors: number): void {
  counts.set(key, (counts.get(key) ?? 0) + vectors);
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

  add(served: Value, replayed: Value, vectors: number): void {
    const size = this.#differs.length;
    if (!(served instanceof Float32Array) || !(replayed instanceof Float32Array)) return;
    if (served.length !== size || replayed.length !== size) return;
    this.#pairs += vectors;
    let differs = false;
    for (let i = 0; i < size; i++) {
      if (Object.is(served[i], replayed[i])) continue;
      this.#differs[i]! += vectors;
      differs = true;
    }
    if (differs) this.#differing += vectors;
    const cosine = cosineOf(served, replayed);
    if (cosine === null) return;
    this.#cosines += vectors;
    this.#sum += cosine * vectors;
    this.#least = Math.min(this.#least, cosine);
  }

  told(): PairsTold {
    return { differences: NO_DIFFERENCES, distributions: this.#distributions() };
  }

  #distributions(): Distributions | null {
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

  add(served: Value, replayed: Value, vectors: number): void {
    if (!Array.isArray(served) || !Array.isArray(replayed)) return;
    const [a, b] = [served, replayed] as readonly (readonly Value[])[] as [Value[], Value[]];
    this.#pairs += vectors;
    this.#items.served += a.length * vectors;
    this.#items.replayed += b.length * vectors;
    const isSameItem = (x: Value, y: Value): boolean => isSame(this.#of, x, y);
    if (a.length === b.length && a.every((item, i) => isSameItem(item, b[i]!))) return;
    const edits = editDistance(a, b, isSameItem);
    this.#differing += vectors;
    this.#edits += edits * vectors;
    this.#most = Math.max(this.#most, edits);
  }

  told(): PairsTold {
    return { differences: NO_DIFFERENCES, distributions: this.#distributions() };
  }

  #distributions(): Distributions | null {
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
