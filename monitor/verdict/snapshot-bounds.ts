/**
 * Keeps a snapshot small: at most 2,000 examples, those of the greatest harm, with two at least of each feature and
 * incident; distribution functions of flagged features alone; and at most 5 MB, for which more is left out, step by
 * step, and named in `truncated`. What counts (verdict, findings, incidents, rates, causes) always stays. Pure.
 */
import type { Example, FeatureSnapshot, Incident, Snapshot } from './snapshot.ts';

const MOST_EXAMPLES = 2_000;
const LEAST_EXAMPLES = 2;
const MOST_BYTES = 5_000_000;

type Step = readonly [leavesOut: string, without: (snapshot: Snapshot) => Snapshot];

/** What goes first stands first. The last ones are for services of very many features or runs. */
const STEPS: readonly Step[] = [
  [
    'examples past two of a feature and incident',
    (snapshot) => withExamples(snapshot, (examples) => examples.slice(0, LEAST_EXAMPLES)),
  ],
  ['distribution functions', (snapshot) => withFeatures(snapshot, withoutEcdf)],
  ['slices', (snapshot) => ({ ...snapshot, slices: [] })],
  ['runs', (snapshot) => ({ ...snapshot, runs: [] })],
  ['the trend', (snapshot) => ({ ...snapshot, trend: [] })],
  ['distributions', (snapshot) => withFeatures(snapshot, (one) => ({ ...one, distributions: null }))],
  ['examples', (snapshot) => withExamples(snapshot, () => [])],
];

export function snapshotText(snapshot: Snapshot): string {
  return `${JSON.stringify(snapshot, null, 1)}\n`;
}

/** @returns the snapshot as it is written, and its text, of at most 5 MB */
export function boundedSnapshot(snapshot: Snapshot): { readonly snapshot: Snapshot; readonly text: string } {
  let bounded = withMostExamples(withFeatures(snapshot, (one) => (isFlagged(one) ? one : withoutEcdf(one))));
  let text = snapshotText(bounded);
  for (const [leavesOut, without] of STEPS) {
    if (Buffer.byteLength(text) <= MOST_BYTES) break;
    bounded = { ...without(bounded), truncated: [...(bounded.truncated ?? []), leavesOut] };
    text = snapshotText(bounded);
  }
  return { snapshot: bounded, text };
}

/** A picture of two functions is worth its place where they may differ. */
function isFlagged({ level, distributions, drift }: FeatureSnapshot): boolean {
  const drifts = [drift?.training?.level ?? 'none', drift?.weekday?.level ?? 'none'];
  if (level === 'alert' || level === 'alarm' || drifts.some((one) => one !== 'none')) return true;
  return distributions?.kind === 'numeric' && ['warn', 'alarm'].includes(distributions.ks.level ?? '');
}

function withoutEcdf(feature: FeatureSnapshot): FeatureSnapshot {
  if (feature.distributions?.kind !== 'numeric') return feature;
  const { ecdf: _ecdf, ...distributions } = feature.distributions;
  return { ...feature, distributions };
}

function withFeatures(snapshot: Snapshot, change: (feature: FeatureSnapshot) => FeatureSnapshot): Snapshot {
  return { ...snapshot, features: snapshot.features.map(change) };
}

/** Those of features and of incidents, which are chosen alike. */
function withExamples(
  snapshot: Snapshot,
  choose: <T extends Example>(examples: readonly T[]) => T[],
): Snapshot {
  return {
    ...snapshot,
    features: snapshot.features.map((feature): FeatureSnapshot => {
      return { ...feature, examples: choose(feature.examples) };
    }),
    incidents: snapshot.incidents.map((incident): Incident => {
      return { ...incident, examples: choose(incident.examples) };
    }),
  };
}

/** Where there are more features and incidents than have two each, those of the least harm have none. */
function withMostExamples(snapshot: Snapshot): Snapshot {
  const lists = [...snapshot.incidents, ...snapshot.features]
    .filter(({ examples }) => examples.length > 0)
    .toSorted((a, b) => b.harm - a.harm)
    .map(({ examples }) => examples as readonly Example[]);
  const first = lists.flatMap((examples) => examples.slice(0, LEAST_EXAMPLES));
  const others = lists.flatMap((examples) => examples.slice(LEAST_EXAMPLES));
  if (first.length + others.length <= MOST_EXAMPLES) return snapshot;
  const ranked = [...first, ...others.toSorted(byHarm)];
  const kept = new Set<Example>(ranked.slice(0, MOST_EXAMPLES));
  return withExamples(snapshot, (examples) => examples.filter((one) => kept.has(one)));
}

/** What is within the promise has no harm, and comes last. */
function byHarm(a: Example, b: Example): number {
  return Number(a.withinPromise) - Number(b.withinPromise) || b.harm - a.harm;
}
