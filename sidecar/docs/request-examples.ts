/** Requests that can be sent as they stand, for the OpenAPI document and the page at /docs. */
import type { JoinKey } from '../../contract/model.ts';
import type { Plan } from '../plan/plan.ts';

export type ExampleRequest = Readonly<Record<string, unknown>>;

/** Most likely nobody's: the features of such an entity are MISSING, and the answer is a 200 all the same. */
function exampleKey(key: JoinKey): number | string {
  return key.type === 'string' ? 'example' : 1;
}

/** For the native surface. */
export function nativeExample(plan: Plan): ExampleRequest {
  const entities = Object.fromEntries(plan.keys.map((key) => [key.name, [exampleKey(key)]]));
  return { feature_service: plan.service, entities };
}

/** For Feast's surface, where short names are refused when two features share one. */
export function feastExample(plan: Plan): ExampleRequest {
  const isPlain = new Set(plan.shortNames).size === plan.shortNames.length;
  return isPlain ? nativeExample(plan) : { ...nativeExample(plan), full_feature_names: true };
}

/** For the Open Inference Protocol. */
export function inferExample(plan: Plan): ExampleRequest {
  const inputs = plan.keys.map((key) => ({
    name: key.name,
    datatype: inputDatatype(key),
    shape: [1],
    data: [exampleKey(key)],
  }));
  return { inputs };
}

/** The datatype of a join key's tensor, as the model's metadata names it. */
export function inputDatatype(key: JoinKey): string {
  return key.type === 'string' ? 'BYTES' : key.type.toUpperCase();
}
