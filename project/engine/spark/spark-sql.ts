/** Names, texts and types as Spark's SQL has them, in the session of spark-job.ts. */
import { quoteName } from '../duckdb/duckdb.ts';
import type { ValueType } from '../../../contract/value-type.ts';

/** Names in double quotes, as in DuckDB. */
export const sparkName = quoteName;

/** @returns any text as a literal: a backslash begins an escape there */
export function sparkText(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\u0000');
  return `'${escaped}'`;
}

/** @returns the type of a column that holds values of a type, in a history's files too */
export function sparkTypeOf(type: ValueType): string {
  switch (type.kind) {
    case 'bool':
      return 'BOOLEAN';
    case 'int32':
      return 'INT';
    case 'int64':
      return 'BIGINT';
    case 'float32':
      return 'FLOAT';
    case 'float64':
      return 'DOUBLE';
    case 'string':
      return 'STRING';
    case 'bytes':
      return 'BINARY';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'list':
      return `ARRAY<${sparkTypeOf(type.of)}>`;
    case 'embedding':
      return 'ARRAY<FLOAT>';
    case 'map':
      return `MAP<STRING, ${sparkTypeOf(type.of)}>`;
    case 'struct':
      return `STRUCT<${type.fields.map((f) => `${sparkName(f.name)}: ${sparkTypeOf(f.type)}`).join(', ')}>`;
  }
}

/** @returns NULL of a type */
export function sparkNull(type: ValueType): string {
  return `CAST(NULL AS ${sparkTypeOf(type)})`;
}
