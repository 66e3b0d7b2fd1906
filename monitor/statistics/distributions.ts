/** The distributions of both sides, in the form that the snapshot holds. */
export type Distributions =
  | NumberDistributions
  | NoNumbers
  | CategoryDistributions
  | TimeDistributions
  | EmbeddingDistributions
  | ListDistributions;

/** The gap between the two distribution functions. */
interface KsOfPairs {
  readonly d: number;
  readonly location: number;
  readonly sign: number;
  /** null: too few pairs for a level. */
  readonly level: 'ok' | 'warn' | 'alarm' | null;
}

/** Over the pairs that are finite numbers on both sides. */
interface NumberDistributions {
  readonly kind: 'numeric';
  readonly ks: KsOfPairs;
  /** By how much a value must move on average to make the sides equal. */
  readonly wasserstein: number;
  /** Over the bins of the histogram; `fill` is the share that replaces that of an empty one. */
  readonly psi: { readonly value: number; readonly fill: number };
  readonly jensenShannon: { readonly distance: number; readonly base: 2 };
  /** n + 1 bin edges, and n counts for each side. */
  readonly histogram: {
    readonly edges: readonly number[];
    readonly served: readonly number[];
    readonly replayed: readonly number[];
  };
  /** Step points of both empirical distribution functions at the same x values, at most 40. Absent: left out. */
  readonly ecdf?: {
    readonly x: readonly number[];
    readonly served: readonly number[];
    readonly replayed: readonly number[];
  };
  /** Both the number of pairs. */
  readonly servedRows: number;
  readonly replayedRows: number;
  /** Values of each side that are no finite number: in no other figure here. */
  readonly notNumbers: NotNumbersOfSides;
}

/** Of a feature of numbers none of whose pairs is finite on both sides. */
interface NoNumbers {
  readonly kind: 'no numbers';
  readonly notNumbers: NotNumbersOfSides;
}

export interface NotNumbersOfSides {
  readonly served: NotNumbers;
  readonly replayed: NotNumbers;
}

export interface NotNumbers {
  readonly nulls: number;
  readonly nan: number;
  readonly infinite: number;
}

export interface CategoryDistributions {
  readonly kind: 'categorical';
  /** The largest difference between the two shares of a value. */
  readonly lInfinity: number;
  /** null when there is only one category. */
  readonly chiSquare: {
    readonly statistic: number;
    readonly degreesOfFreedom: number;
    readonly p: number;
  } | null;
  /** The most frequent values of both sides, then all others as one entry. */
  readonly values: readonly {
    readonly value: string;
    readonly served: number;
    readonly replayed: number;
  }[];
  /** Which value was served in the place of which, the most frequent first; null stands for null. */
  readonly became: readonly CategoryChange[];
  readonly servedRows: number;
  readonly replayedRows: number;
}

/** A value that was served where the replay has another. */
export interface CategoryChange {
  readonly served: string | null;
  readonly replayed: string | null;
  readonly rows: number;
}

/** Over the pairs that are times on both sides; all in seconds. */
interface TimeDistributions {
  readonly kind: 'times';
  readonly pairs: number;
  readonly differing: number;
  readonly d: number;
  readonly wasserstein: number;
  /** Of the size of served - replayed over the pairs that differ; null: none does. */
  readonly apart: { readonly median: number; readonly p99: number; readonly most: number } | null;
}

/** Over the pairs that are embeddings of one size on both sides. */
interface EmbeddingDistributions {
  readonly kind: 'embedding';
  readonly pairs: number;
  readonly differing: number;
  /** The cosine of the angle between both sides; null: no pair has one, since a side is all zero or not finite. */
  readonly cosine: { readonly mean: number; readonly least: number } | null;
  /** The components that differ most often, and in which share of the pairs. */
  readonly components: readonly { readonly component: number; readonly share: number }[];
  /** How many components differ in any pair. */
  readonly componentsDiffering: number;
}

/** Over the pairs that are lists on both sides. */
interface ListDistributions {
  readonly kind: 'list';
  readonly pairs: number;
  readonly differing: number;
  /**
   * How many items must be put in, taken out or replaced to make both sides equal, over all pairs; of lists that are
   * cut to so many items.
   */
  readonly editDistance: { readonly mean: number; readonly most: number; readonly cutAt: number };
  readonly meanLength: { readonly served: number; readonly replayed: number };
}
