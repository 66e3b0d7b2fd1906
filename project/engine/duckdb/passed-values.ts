/**
 * Values on their way from DuckDB to a function: a time passes as its microseconds, without an object, and what the
 * client gives as it is taken so.
 */
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { duckTypeOf, valueFromDuck } from './duckdb.ts';

type DuckValue = Parameters<typeof valueFromDuck>[1];

/** Those whose values the client gives as they are; a timestamp that was passed is a bigint. */
const PLAIN: ReadonlySet<ValueType['kind']> = new Set([
  'bool',
  'int32',
  'int64',
  'float32',
  'float64',
  'string',
  'timestamp',
]);

/** @returns SQL of a value as `passedValues` takes it */
export function passedSql(type: ValueType, sql: string): string {
  return type.kind === 'timestamp' ? `epoch_us(${sql})` : `CAST(${sql} AS ${duckTypeOf(type)})`;
}

/** @param column  of `passedSql` */
export function passedValues(type: ValueType, column: readonly DuckValue[]): readonly Value[] {
  if (PLAIN.has(type.kind)) return column as readonly Value[];
  return column.map((value) => valueFromDuck(type, value));
}
