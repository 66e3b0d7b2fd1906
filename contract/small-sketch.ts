/** A sketch for a picture: every hundredth, in place of every thousandth, and the most frequent texts alone. */
import { QUANTILE_STEPS } from './sketch.ts';
import type { ColumnSketch, Measure } from './sketch.ts';

export interface SmallSketch {
  readonly rows: number;
  readonly nulls: number;
  /** null: nothing is measured, or nothing is there to be. */
  readonly ordered: {
    readonly measure: Measure;
    readonly rows: number;
    readonly mean: number;
    readonly standardDeviation: number | null;
    /** At 0, 0.01 ... 1, ascending. */
    readonly quantiles: readonly number[];
  } | null;
  readonly categories: {
    readonly rows: number;
    readonly values: number;
    /** The most frequent first. */
    readonly top: readonly { readonly value: string; readonly rows: number }[];
  } | null;
}

const HUNDREDTHS = 100;
const MOST_TEXTS = 8;
const MOST_LETTERS = 60;

export function smallSketch({ rows, nulls, ordered, categories }: ColumnSketch): SmallSketch {
  const step = QUANTILE_STEPS / HUNDREDTHS;
  return {
    rows,
    nulls,
    ordered:
      ordered === null
        ? null
        : {
            measure: ordered.measure,
            rows: ordered.rows,
            mean: ordered.mean,
            standardDeviation: ordered.standardDeviation,
            quantiles: Array.from({ length: HUNDREDTHS + 1 }, (_, i) => ordered.quantiles[i * step]!),
          },
    categories:
      categories === null
        ? null
        : {
            rows: categories.rows,
            values: categories.values,
            top: categories.top
              .slice(0, MOST_TEXTS)
              .map((one) => ({ value: one.value.slice(0, MOST_LETTERS), rows: one.rows })),
          },
  };
}
