/** What a service lists of an on-demand view. Pure. */
import type { Feature, FeatureService, ServiceOnDemand } from '../../contract/model.ts';

export interface ListedFeature {
  readonly fullName: string;
  readonly feature: Feature;
}

/** @returns in the order of the service */
export function listedOf(
  service: FeatureService,
  { role }: ServiceOnDemand,
  features: readonly Feature[],
): ListedFeature[] {
  return service.features
    .filter((one) => one.role === role)
    .map(({ fullName, feature: name }) => ({
      fullName,
      feature: features.find((one) => one.name === name)!,
    }));
}
