/** `GET /feature-service/{name}`: what a caller must know of a service. */
import { formatType } from '../../contract/value-type.ts';
import { nativeFallbacks } from '../surface/native/native-plan.ts';
import type { Plan } from '../plan/plan.ts';

/** @returns JSON: join keys with types, context fields, features in the order of the answer with types and fallbacks */
export function schemaOf(plan: Plan): string {
  const { definition } = plan;
  const features = definition.features.map((feature, i) => {
    const ofView = plan.roleViews[plan.featureRoles[i]!]!;
    const { type, description } = ofView.view.features[plan.featureIndexes[i]!]!;
    const text = JSON.stringify({
      name: feature.fullName,
      view: feature.view,
      role: feature.role,
      feature: feature.feature,
      type: formatType(type),
      description,
    });
    // The fallback is text already, with every digit of an int64.
    return `${text.slice(0, -1)},"missing":${nativeFallbacks(ofView)[plan.featureIndexes[i]!]!}}`;
  });
  const head = {
    feature_service: plan.service,
    service_version: plan.version,
    bundle: plan.bundle,
    description: definition.description,
    owner: definition.owner,
    join_keys: plan.keys.map(({ name, type }) => ({ name, type })),
    // Values that a request would bring itself; definitions cannot declare any yet.
    context: [],
    consumers: definition.consumers,
    tensor: definition.tensor,
  };
  return `${JSON.stringify(head).slice(0, -1)},"features":[${features.join(',')}]}`;
}
