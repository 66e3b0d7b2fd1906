/** Join keys and inputs for requests that can be sent as they stand. */
import type { JoinKey } from './model.ts';
import type { ValueType } from './value-type.ts';

/** Most likely nobody's: the features of such an entity are MISSING, and the answer is a 200 all the same. */
export function exampleKey(key: JoinKey): number | string {
  return key.type === 'string' ? 'example' : 1;
}

/** A value of the type in JSON, as requests bring it. */
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
