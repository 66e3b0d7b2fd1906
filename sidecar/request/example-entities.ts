/** Join keys and inputs of requests that can be sent as they stand, for the documentation and the warm-up. */
import { exampleKey, exampleValue } from '../../contract/example-value.ts';
import type { Plan } from '../plan/plan.ts';

/** One row, in the form of the surfaces in JSON. */
export function exampleEntities(plan: Plan): Readonly<Record<string, readonly [number | string]>> {
  return Object.fromEntries(plan.keys.map((key) => [key.name, [exampleKey(key)]]));
}

/** A list of one for each input, for one row. */
export function exampleInputs(plan: Plan): Readonly<Record<string, readonly [unknown]>> {
  return Object.fromEntries(plan.inputs.map(({ name, type }) => [name, [exampleValue(type)]]));
}
