/** Values that stand for any of their type, for calls and rows that nobody asked for. */
import type { Value, ValueType } from '../../contract/value-type.ts';

export function madeUpValue(type: ValueType): Value {
  switch (type.kind) {
    case 'bool':
      return true;
    case 'int32':
      return 1;
    case 'int64':
    case 'timestamp':
      return 1n;
    case 'float32':
    case 'float64':
      return 0.5;
    case 'string':
      return 'made up';
    case 'bytes':
      return Uint8Array.of(1);
    case 'list':
      return [madeUpValue(type.of)];
    case 'embedding':
      return new Float32Array(type.size);
    case 'map':
      return new Map([['made up', madeUpValue(type.of)]]);
    case 'struct':
      return Object.fromEntries(type.fields.map((field) => [field.name, madeUpValue(field.type)]));
  }
}
