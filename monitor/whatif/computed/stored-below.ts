/** What an on-demand view is computed of, by way of other on-demand views too. Pure. */
import type { FeatureService, ServiceOnDemand } from '../../../contract/model.ts';

/** @returns ids of views with rows, each once */
export function storedBelow(service: FeatureService, computed: ServiceOnDemand): string[] {
  const roles = new Set([computed, ...computedBelow(service, computed)].flatMap(({ uses }) => uses));
  return [...new Set(service.views.flatMap(({ role, view }) => (roles.has(role) ? view : [])))];
}

/** @returns the on-demand views that it uses, as the service has them */
export function computedBelow(service: FeatureService, { uses }: ServiceOnDemand): ServiceOnDemand[] {
  const own = service.onDemand.filter(({ role }) => uses.includes(role));
  return [...own, ...own.flatMap((one) => computedBelow(service, one))];
}
