/** What a service consumes: the features that it lists, and those that its on-demand views use, at any depth. */
import type { Definitions, FeatureService } from '../contract/model.ts';

/** By the id of a view, stored, aggregated or on demand, the features of it that a vector of the service hangs on. */
type ConsumedFeatures = ReadonlyMap<string, ReadonlySet<string>>;

/** @param definitions  those that the service stands in */
export function consumedFeatures(service: FeatureService, definitions: Definitions): ConsumedFeatures {
  const consumed = new Map<string, Set<string>>();
  const add = (view: string, feature: string): void => {
    const known = consumed.get(view);
    if (known?.has(feature) === true) return;
    if (known === undefined) consumed.set(view, new Set([feature]));
    else known.add(feature);
    // One function computes all features of a view, so each hangs on all that the view uses.
    if (known !== undefined) return;
    for (const used of definitions.onDemand.get(view)?.uses ?? [])
      for (const one of used.features) add(used.view, one.feature);
  };
  for (const { view, feature } of service.features) add(view, feature);
  return consumed;
}
