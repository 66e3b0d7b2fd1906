/**
 * What differs between engines in SQL that is written once for both: the monitor's split of served rows, and the rows
 * of a history that it reads. All else in such SQL is what DuckDB and Spark (ANSI mode, session zone UTC) have in
 * common: CAST and TRY_CAST, IS NOT DISTINCT FROM, FILTER (WHERE ...), SEMI JOIN ... USING, named windows with their
 * NULLS FIRST. A star stands with nothing behind it, and every null has a type.
 */
import type { KeyType, ValueType } from '../../contract/value-type.ts';

export interface SqlDialect {
  readonly name: 'duckdb' | 'spark';
  quoteName(name: string): string;
  /** @returns any text as a literal */
  quoteText(text: string): string;
  typeOf(type: ValueType): string;
  keyTypeOf(type: KeyType): string;
  /** The type of whole numbers from 0 to below 2^bits; Spark has no such types, and takes the next larger one. */
  unsigned(bits: 8 | 16 | 32): string;
  /** @returns microseconds since 1970 of a time, BIGINT */
  epochUs(time: string): string;
  /** @returns milliseconds since 1970 of a time, BIGINT */
  epochMs(time: string): string;
  /** @returns the time of a number of microseconds, such that a filter by it reaches the statistics of files */
  timeOf(us: number): string;
  /** @returns the quotient of two whole numbers above 0, without its fraction */
  quotient(of: string, by: number): string;
  /** @returns where a text stands in a list, from 0, in `unsigned(8)`; null: nowhere */
  placeIn(list: readonly string[], text: string): string;
  /** @returns a condition, never NULL: two values are the same bit for bit; -0 is not 0, all NaN are one */
  sameValue(type: ValueType, a: string, b: string): string;
}
