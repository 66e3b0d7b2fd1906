/**
 * A row's print: a hash of its values, by SQL, that tells apart what differs in one bit. Rows are looked for by their
 * prints, so that no pair of them is compared value by value.
 */
import type { ValueType } from '../../contract/value-type.ts';

interface PrintedValue {
  readonly type: ValueType;
  /** SQL of the value, of the column type of its feature. */
  readonly sql: string;
}

/** @returns SQL of a UBIGINT; equal for two rows whose values are equal in their order */
export function printSql(values: readonly PrintedValue[]): string {
  return `hash(${values.flatMap(printed).join(', ')})`;
}

/** DuckDB's hash has one value for both zeros, and promises none for NaN: both are told beside the value. */
function printed({ type, sql }: PrintedValue): string[] {
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return [
        `CASE WHEN isnan(${sql}) THEN NULL ELSE ${sql} END`,
        `isnan(${sql})`,
        `signbit(${sql}) AND NOT isnan(${sql})`,
      ];
    case 'map':
      return [`CAST(list_sort(map_entries(${sql})) AS VARCHAR)`];
    case 'list':
    case 'embedding':
    case 'struct':
      return [`CAST(${sql} AS VARCHAR)`];
    default:
      return [sql];
  }
}
