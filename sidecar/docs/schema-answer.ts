/** `GET /feature-service/{name}`: what a caller must know of a service. */
import { formatType } from '../../contract/value-type.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { fallbackText } from '../surface/native/native-plan.ts';
import type { Plan } from '../plan/plan.ts';

/** @returns JSON: join keys with types, context fields, features in the order of the answer with types and fallbacks */
export function schemaOf(plan: Plan): string {
  const { definition } = plan;
  const features = definition.features.map((feature, i) => {
    const of = plan.featureDefinitions[i]!;
    const { type, description, examples, normalization, checks } = of;
    const text = JSON.stringify({
      name: feature.fullName,
      view: feature.view,
      role: feature.role,
      feature: feature.feature,
      type: formatType(type),
      description,
      examples: examples.map((value) => valueToJson(type, value)),
      normalization,
      checks,
      deprecated: of.deprecated,
    });
    // The fallback is text already, with every digit of an int64.
    return `${text.slice(0, -1)},"missing":${fallbackText(of)}}`;
  });
  const head = {
    feature_service: plan.service,
    service_version: plan.version,
    bundle: plan.bundle,
    description: definition.description,
    owner: definition.owner,
    join_keys: plan.keys.map(({ name, type }) => ({ name, type })),
    context: plan.inputs.map(({ name, type, optional }) => ({ name, type: formatType(type), optional })),
    consumers: definition.consumers,
    tensor: definition.tensor,
    deprecated: plan.deprecations?.list,
  };
  return `${JSON.stringify(head).slice(0, -1)},"features":[${features.join(',')}]}`;
}
