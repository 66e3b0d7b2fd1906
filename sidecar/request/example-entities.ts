/** Join keys and inputs of requests that can be sent as they stand, for the documentation and the warm-up. */
import type { JoinKey } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import type { Plan } from '../plan/plan.ts';

/** Most likely nobody's: the features of such an entity are MISSING, and the answer is a 200 all the same. */
export function exampleKey(key: JoinKey): number | string {
  return key.type === 'string' ? 'example' : 1;
}

/** One row, in the form of the surfaces in JSON. */
export function exampleEntities(plan: Plan): Readonly<Record<string, readonly [number | string]>> {
  return Object.fromEntries(plan.keys.map((key) => [key.name, [exampleKey(key)]]));
}

/** A list of one for each input, for one row. */
export function exampleInputs(plan: Plan): Readonly<Record<string, readonly [unknown]>> {
  return Object.fromEntries(plan.inputs.map(({ name, type }) => [name, [exampleValue(type)]]));
}

/** In the words of input-value.ts. */
export function exampleValue(type: ValueType): unknown {
  switch (type.kind) {
    case 'bool':
      return true;
    case 'int32':
    case 'int64':
      return 1;
    case 'float32':
    case 'float64':
      return 0.5;
    case 'string':
      return 'example';
    case 'bytes':
      return 'AQ==';
    case 'timestamp':
      return '2026-01-01T00:00:00Z';
    case 'list':
      return [exampleValue(type.of)];
    case 'embedding':
      return Array.from({ length: type.size }, () => 0.5);
    case 'map':
      return { example: exampleValue(type.of) };
    case 'struct':
      return Object.fromEntries(type.fields.map((field) => [field.name, exampleValue(field.type)]));
  }
}
