/**
 * The canonical order of values in Spark, which makes the as-of rule total. `compareCanonical` in `contract/as-of.ts`
 * is what it must agree with, as DuckDB's (../duckdb/as-of-sql.ts) does.
 *
 * A value becomes one or two terms that Spark can compare: itself, and where it has floats the signs of its zeros.
 * Spark takes NULL for the least value everywhere; within lists, maps and structs null comes last, so that a flag
 * stands before each value in them. Maps, which Spark does not compare, become lists of their entries.
 */
import { sparkName } from './spark-sql.ts';
import type { ValueType } from '../../../contract/value-type.ts';

/** @param sql  of the value; @returns terms in order: compared one after the other they make the canonical order */
export function canonicalTerms(type: ValueType, sql: string): string[] {
  return hasFloats(type) ? [plainTerm(type, sql, 0), signTerm(type, sql, 0)] : [plainTerm(type, sql, 0)];
}

/**
 * @returns whether a float there is -0, never NULL. Its text tells it: 1 / x is an error under ANSI, and Spark's atan2
 *          adds 0.0 to what it is given, which makes -0 0
 */
function isMinusZero(sql: string): string {
  return `CASE WHEN ${sql} = 0 THEN CAST(${sql} AS STRING) = '-0.0' ELSE false END`;
}

function hasFloats(type: ValueType): boolean {
  switch (type.kind) {
    case 'float32':
    case 'float64':
    case 'embedding':
      return true;
    case 'list':
    case 'map':
      return hasFloats(type.of);
    case 'struct':
      return type.fields.some((field) => hasFloats(field.type));
    default:
      return false;
  }
}

/** The value without the signs of zeros. */
function plainTerm(type: ValueType, sql: string, depth: number): string {
  const item = `e${depth}`;
  const nested = (of: ValueType, value: string): string =>
    `named_struct('n', ${value} IS NULL, 'v', ${plainTerm(of, value, depth + 1)})`;
  switch (type.kind) {
    case 'float32':
      return `CASE WHEN ${sql} = 0 THEN CAST(0 AS FLOAT) ELSE ${sql} END`;
    case 'float64':
      return `CASE WHEN ${sql} = 0 THEN 0D ELSE ${sql} END`;
    case 'embedding':
      return `transform(${sql}, ${item} -> ${nested({ kind: 'float32' }, item)})`;
    case 'list':
      return `transform(${sql}, ${item} -> ${nested(type.of, item)})`;
    case 'map': {
      const value = `${item}.value`;
      const entry = `named_struct('k', ${item}.key, 'e', ${nested(type.of, value)})`;
      return `transform(map_entries(${sql}), ${item} -> ${entry})`;
    }
    case 'struct': {
      const fields = type.fields.map(({ name, type: of }, i) => `'f${i}', ${nested(of, fieldOf(sql, name))}`);
      return `CASE WHEN ${sql} IS NOT NULL THEN named_struct(${fields.join(', ')}) END`;
    }
    default:
      return sql;
  }
}

/** Of values that are equal but for the signs of zeros: false, which comes first, for -0. */
function signTerm(type: ValueType, sql: string, depth: number): string {
  const item = `e${depth}`;
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return `(NOT ${isMinusZero(sql)})`;
    case 'embedding':
      return `transform(${sql}, ${item} -> ${signTerm({ kind: 'float32' }, item, depth + 1)})`;
    case 'list':
      return `transform(${sql}, ${item} -> ${signTerm(type.of, item, depth + 1)})`;
    case 'map':
      return `transform(map_values(${sql}), ${item} -> ${signTerm(type.of, item, depth + 1)})`;
    case 'struct': {
      const own = type.fields.filter((field) => hasFloats(field.type));
      const signs = own.map(
        ({ name, type: of }, i) => `'f${i}', ${signTerm(of, fieldOf(sql, name), depth + 1)}`,
      );
      return `CASE WHEN ${sql} IS NOT NULL THEN named_struct(${signs.join(', ')}) END`;
    }
    default:
      return 'true';
  }
}

function fieldOf(sql: string, name: string): string {
  return `${sql}.${sparkName(name)}`;
}
