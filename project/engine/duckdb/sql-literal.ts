/** Values of features as DuckDB literals of their column's type: fallbacks in the training join, rows in tests. */
import { duckTypeOf, quoteText } from './duckdb.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';

/** @returns an expression of type `duckTypeOf(type)` that is that value, to the bit */
export function sqlLiteral(type: ValueType, value: Value): string {
  return `CAST(${value === null ? 'NULL' : bare(type, value)} AS ${duckTypeOf(type)})`;
}

function bare(type: ValueType, value: Exclude<Value, null>): string {
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return numberLiteral(value as number);
    case 'string':
      return quoteText(value as string);
    case 'bytes':
      return `from_hex('${Buffer.from(value as Uint8Array).toString('hex')}')`;
    case 'timestamp':
      return `make_timestamp(${value as bigint})`;
    case 'embedding':
      return `[${Array.from(value as Float32Array, numberLiteral).join(', ')}]`;
    case 'list':
      return `[${(value as readonly Value[]).map((item) => sqlLiteral(type.of, item)).join(', ')}]`;
    case 'map': {
      const entries = [...(value as ReadonlyMap<string, Value>)];
      const keys = entries.map(([key]) => quoteText(key)).join(', ');
      return `MAP([${keys}], [${entries.map(([, item]) => sqlLiteral(type.of, item)).join(', ')}])`;
    }
    case 'struct': {
      const struct = value as { readonly [field: string]: Value };
      const fields = type.fields.map(
        (f) => `${quoteText(f.name)}: ${sqlLiteral(f.type, struct[f.name] ?? null)}`,
      );
      return `{${fields.join(', ')}}`;
    }
    default:
      return String(value);
  }
}

/** DuckDB reads 1.5 as DECIMAL and -0 as 0: doubles are given as text, which it reads as the nearest double. */
function numberLiteral(value: number): string {
  if (Object.is(value, -0)) return "'-0.0'::DOUBLE";
  return `'${String(value)}'::DOUBLE`;
}
