/** How an expression reads a value of the model's types. */
import type { ValueType } from '../value-type.ts';
import type { ExpressionType } from './resolve.ts';

const TYPES: Readonly<Partial<Record<ValueType['kind'], ExpressionType>>> = {
  bool: 'bool',
  int32: 'int64',
  int64: 'int64',
  float32: 'float64',
  float64: 'float64',
  string: 'string',
  timestamp: 'timestamp',
};

/** @returns null where no expression takes such a value */
export function expressionTypeOf({ kind }: ValueType): ExpressionType | null {
  return TYPES[kind] ?? null;
}
