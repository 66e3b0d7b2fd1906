/** Join keys of requests that can be sent as they stand, for the documentation and the warm-up. */
import type { JoinKey } from '../../contract/model.ts';
import type { Plan } from '../plan/plan.ts';

/** Most likely nobody's: the features of such an entity are MISSING, and the answer is a 200 all the same. */
export function exampleKey(key: JoinKey): number | string {
  return key.type === 'string' ? 'example' : 1;
}

/** One row, in the form of the surfaces in JSON. */
export function exampleEntities(plan: Plan): Readonly<Record<string, readonly [number | string]>> {
  return Object.fromEntries(plan.keys.map((key) => [key.name, [exampleKey(key)]]));
}
