/** The days of a feature's trend: those that the snapshot remembers, then its own. */
import { min } from 'd3-array';
import { TREND_DAYS } from '../../../project/page/charts/trend-chart.ts';
import type { TrendDay } from '../../../project/page/charts/trend-chart.ts';
import type { FeatureSnapshot, Snapshot } from '../../verdict/snapshot.ts';

const DAY_MS = 86_400_000;

export function trendOf(snapshot: Snapshot, feature: FeatureSnapshot): TrendDay[] {
  const first = new Date(Date.parse(snapshot.date) - (TREND_DAYS - 1) * DAY_MS).toISOString().slice(0, 10);
  const shown = snapshot.trend.filter((point) => point.date >= first);
  const earlier = shown.map((point) => ({
    date: point.date,
    provisional: point.provisional,
    exact: point.exactMatch[feature.name] ?? null,
    within: point.exactMatchWithinPromise[feature.name] ?? null,
    interval: point.interval[feature.name] ?? null,
  }));
  const today = {
    date: snapshot.date,
    provisional: snapshot.provisional,
    exact: feature.exactMatch,
    within: feature.exactMatchWithinPromise,
    interval: feature.interval,
  };
  return [...earlier, today];
}

/** The lowest match within the promise of any feature on any day shown. */
export function lowestMatch(snapshot: Snapshot): number {
  return (
    min(snapshot.features, (feature) => min(trendOf(snapshot, feature), (day) => day.within ?? 1) ?? 1) ?? 1
  );
}
