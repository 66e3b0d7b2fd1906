/** Counts the mismatches of a snapshot, and ranks features and causes by what broke the promise. Pure. */
import { CAUSES } from '../../contract/cause.ts';
import type { CauseCount } from '../../contract/cause.ts';
import type { FeatureSnapshot, Snapshot } from '../verdict/snapshot.ts';

/** A feature's causes: those that broke the promise most first. */
export function causesOf({ causes }: Pick<FeatureSnapshot, 'causes'>): CauseCount[] {
  return inOrder(CAUSES.map((cause) => ({ cause, ...(causes[cause] ?? { values: 0, beyondPromise: 0 }) })));
}

/** The causes of all features together, in the order of `causesOf`. */
export function causeTotals({ features }: Pick<Snapshot, 'features'>): CauseCount[] {
  return inOrder(
    CAUSES.map((cause) => {
      const own = features.flatMap(({ causes }) => causes[cause] ?? []);
      return {
        cause,
        values: own.reduce((sum, { values }) => sum + values, 0),
        beyondPromise: own.reduce((sum, { beyondPromise }) => sum + beyondPromise, 0),
      };
    }),
  );
}

function inOrder(counts: readonly CauseCount[]): CauseCount[] {
  return counts
    .filter(({ values }) => values > 0)
    .toSorted((a, b) => b.beyondPromise - a.beyondPromise || b.values - a.values);
}

/** The match rate over all features, each weighted by its values; null over none. */
export function overallMatch(
  features: readonly FeatureSnapshot[],
  rate: 'exactMatch' | 'exactMatchWithinPromise',
): number | null {
  const judged = features.filter((feature) => feature.present > 0 && feature[rate] !== null);
  const values = judged.reduce((sum, feature) => sum + feature.present, 0);
  if (values === 0) return null;
  return judged.reduce((sum, feature) => sum + feature[rate]! * feature.present, 0) / values;
}

/** Features by how much they need a look. */
export interface RankedFeatures {
  /** Named by the verdict, or with values beyond the promise or unavailable: the most harmed first. */
  readonly broken: readonly FeatureSnapshot[];
  /** With mismatches, all within the promise. */
  readonly kept: readonly FeatureSnapshot[];
  /** Without a mismatch, by the id of their view. */
  readonly clean: ReadonlyMap<string, readonly FeatureSnapshot[]>;
}

const LEVELS = { alarm: 2, alert: 1, 'not-enough-data': 0 } as const;

export function rankedFeatures({
  features,
  findings,
}: Pick<Snapshot, 'features' | 'findings'>): RankedFeatures {
  const levels = new Map<string, number>();
  for (const { feature, verdict } of findings) {
    if (feature !== null) levels.set(feature, Math.max(LEVELS[verdict], levels.get(feature) ?? 0));
  }
  const level = ({ name }: FeatureSnapshot): number => levels.get(name) ?? 0;
  const wrong = ({ present, exact }: FeatureSnapshot): number => present - exact;
  const isBroken = (f: FeatureSnapshot): boolean => level(f) > 0 || f.beyondPromise > 0 || f.unavailable > 0;
  const rest = features.filter((feature) => !isBroken(feature));
  return {
    broken: features
      .filter(isBroken)
      .toSorted((a, b) => level(b) - level(a) || b.beyondPromise - a.beyondPromise || wrong(b) - wrong(a)),
    kept: rest.filter((feature) => wrong(feature) > 0).toSorted((a, b) => wrong(b) - wrong(a)),
    clean: Map.groupBy(
      rest.filter((feature) => wrong(feature) === 0),
      ({ view }) => view,
    ),
  };
}
