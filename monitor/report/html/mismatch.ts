/** Counts the mismatches of a snapshot, for the headline, the tables and the bars. */
import { CAUSES } from '../../causes/cause.ts';
import type { Cause } from '../../causes/cause.ts';
import type { CauseCounts, FeatureSnapshot, Snapshot } from '../../verdict/snapshot.ts';

export interface CauseCount {
  readonly cause: Cause;
  readonly values: number;
  /** How many of these kept the promise. */
  readonly promised: number;
}

/** A feature's causes: unexplained first, then those that explain the most values. */
export function causesOf(feature: FeatureSnapshot): CauseCount[] {
  return inOrder(
    CAUSES.map((cause) => {
      const { values, beyondPromise } = countsOf(feature, cause);
      return { cause, values, promised: values - beyondPromise };
    }),
  );
}

export interface CauseTotal extends CauseCount {
  /** Most affected first. */
  readonly features: readonly { readonly feature: FeatureSnapshot; readonly values: number }[];
}

/** The causes of all features together, in the order of `causesOf`. */
export function causeTotals(snapshot: Snapshot): CauseTotal[] {
  return inOrder(
    CAUSES.map((cause) => {
      const features = snapshot.features
        .map((feature) => ({ feature, ...countsOf(feature, cause) }))
        .filter(({ values }) => values > 0)
        .toSorted((a, b) => b.values - a.values);
      return {
        cause,
        values: features.reduce((sum, { values }) => sum + values, 0),
        promised: features.reduce((sum, { values, beyondPromise }) => sum + values - beyondPromise, 0),
        features,
      };
    }),
  );
}

function countsOf({ causes }: FeatureSnapshot, cause: Cause): CauseCounts {
  return causes[cause] ?? { values: 0, beyondPromise: 0 };
}

function inOrder<Count extends CauseCount>(counts: readonly Count[]): Count[] {
  const rank = (count: Count): number => (count.cause === 'unexplained' ? Infinity : count.values);
  return counts.filter(({ values }) => values > 0).toSorted((a, b) => rank(b) - rank(a));
}

export function mismatches(causes: readonly CauseCount[]): number {
  return causes.reduce((sum, { values }) => sum + values, 0);
}

/** The match rate over all features, each weighted by its values; null over none. */
export function overallMatch(
  features: readonly FeatureSnapshot[],
  rate: 'exactMatch' | 'exactMatchWithinPromise',
): number | null {
  const judged = features.filter((feature) => feature.present > 0 && feature[rate] !== null);
  const values = judged.reduce((sum, feature) => sum + feature.present, 0);
  return values === 0
    ? null
    : judged.reduce((sum, feature) => sum + feature[rate]! * feature.present, 0) / values;
}

/**
 * Orders features: unexplained first, then the lowest match within the promise, then the lowest exact match; else in
 * the order of definition.
 */
export function worstFirst(features: readonly FeatureSnapshot[]): FeatureSnapshot[] {
  return features.toSorted(
    (a, b) =>
      Number(b.causes.unexplained !== undefined) - Number(a.causes.unexplained !== undefined) ||
      (a.exactMatchWithinPromise ?? 2) - (b.exactMatchWithinPromise ?? 2) ||
      (a.exactMatch ?? 2) - (b.exactMatch ?? 2),
  );
}
