/** What an aggregation gives, and what it takes: decided by its function and its column's type. */
import type { AggregateFunction } from '../model.ts';
import { isNumeric, SCALARS } from '../value-type.ts';
import type { ValueType } from '../value-type.ts';

const NUMERIC_ONLY: ReadonlySet<AggregateFunction> = new Set(['sum', 'avg', 'stddev', 'approxPercentile']);

/** @returns what the aggregation takes of a column: for people */
export function takenBy(name: AggregateFunction): 'numbers' | 'any column' | 'single values' {
  if (NUMERIC_ONLY.has(name)) return 'numbers';
  return name === 'count' ? 'any column' : 'single values';
}

/** @param column  null: a type that the model does not have */
export function takesColumn(name: AggregateFunction, column: ValueType | null): boolean {
  if (name === 'count') return true;
  if (column === null) return false;
  if (NUMERIC_ONLY.has(name)) return isNumeric(column);
  return column.kind !== 'bytes' && (SCALARS as readonly string[]).includes(column.kind);
}

/** The aggregations that a session has. */
export const OF_SESSIONS: readonly AggregateFunction[] = [
  'count',
  'sum',
  'min',
  'max',
  'first',
  'last',
  'duration',
];

/** @returns whether the aggregation is of events, and so may lack a column, or must */
export function isOfEvents(name: AggregateFunction): boolean {
  return name === 'count' || name === 'duration';
}

/** @param column  null where the aggregation is of events */
export function resultType(name: AggregateFunction, column: ValueType | null): ValueType {
  switch (name) {
    case 'count':
    case 'countDistinct':
    case 'approxCountDistinct':
    case 'duration':
      return { kind: 'int64' };
    case 'sum':
      return column!.kind === 'int32' || column!.kind === 'int64' ? { kind: 'int64' } : { kind: 'float64' };
    case 'avg':
    case 'stddev':
    case 'approxPercentile':
      return { kind: 'float64' };
    case 'lastN':
      return { kind: 'list', of: column! };
    default:
      return column!;
  }
}
