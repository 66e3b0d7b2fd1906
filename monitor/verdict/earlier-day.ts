/** What later days read of a verdict: for their trend, for what broke since, and where their own counts are too few. */
import type { FeatureSnapshot, Incident, RowShares, Snapshot, TrendPoint } from './snapshot.ts';

export interface EarlierDay extends Pick<Snapshot, 'date' | 'verdict' | 'provisional'> {
  readonly incidents: readonly Pick<Incident, 'view' | 'cause' | 'rows' | 'values' | 'beyondPromise'>[];
  readonly features: readonly Pick<
    FeatureSnapshot,
    | keyof RowShares
    | 'name'
    | 'view'
    | 'present'
    | 'bothAbsent'
    | 'beyondPromise'
    | 'exactMatch'
    | 'exactMatchWithinPromise'
    | 'interval'
  >[];
}

export function earlierDay(
  { verdict, provisional, incidents, features }: Snapshot,
  date: string,
): EarlierDay {
  return {
    date,
    verdict,
    provisional,
    incidents: incidents.map(({ view, cause, rows, values, beyondPromise }) => {
      return { view, cause, rows, values, beyondPromise };
    }),
    features: features.map((feature) => {
      const { name, view, present, bothAbsent, beyondPromise, exactMatch, exactMatchWithinPromise } = feature;
      const { rowsJudged, rowsWithinPromise, rowsUnexplained, interval } = feature;
      const rows = { rowsJudged, rowsWithinPromise, rowsUnexplained, interval };
      return { name, view, present, bothAbsent, beyondPromise, exactMatch, exactMatchWithinPromise, ...rows };
    }),
  };
}

export function trendPoint({ date, verdict, provisional, features }: EarlierDay): TrendPoint {
  return {
    date,
    verdict,
    provisional,
    exactMatch: Object.fromEntries(features.map((f) => [f.name, f.exactMatch])),
    exactMatchWithinPromise: Object.fromEntries(features.map((f) => [f.name, f.exactMatchWithinPromise])),
    interval: Object.fromEntries(features.map((f) => [f.name, f.interval])),
  };
}
