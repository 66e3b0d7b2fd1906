/**
 * The canonical order of values in DuckDB, which makes the as-of rule total: two rows of one (event, created) are told
 * apart by it. `compareCanonical` in `as-of.ts` is what it must agree with.
 */
import { quoteName } from './duckdb.ts';
import type { ValueType } from '../../../contract/value-type.ts';

/**
 * @returns  ORDER BY terms for the canonical order of values (`compareCanonical`), least first
 *
 * No term is a bare column of floats: DuckDB 1.5.6 takes a sorted column's values back from its sort keys, in which
 * -0.0 is 0.0, and the row that comes out is then not the row that went in.
 */
export function canonicalOrderSql(
  features: readonly { readonly name: string; readonly type: ValueType }[],
): string[] {
  return features.flatMap(({ name, type }) => {
    const column = quoteName(name);
    switch (type.kind) {
      case 'float32':
      case 'float64':
        return [
          `CASE WHEN ${column} = 0 THEN 0 ELSE ${column} END ASC NULLS FIRST`,
          `(${column} = 0 AND signbit(${column})) DESC NULLS FIRST`,
        ];
      case 'embedding':
      case 'list':
      case 'map':
      case 'struct':
        // The text is what tells -0.0 from 0.0 within: it sorts before, as '-' does before '0'.
        return [`(${column} IS NOT NULL) ASC`, `[${column}] ASC`, `CAST(${column} AS VARCHAR) ASC`];
      default:
        return [`${column} ASC NULLS FIRST`];
    }
  });
}
