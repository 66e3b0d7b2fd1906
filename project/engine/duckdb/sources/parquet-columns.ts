/**
 * The columns of Parquet files with their types as the files hold them, read from their footers. Everything that reads
 * a user's Parquet by types asks here: DESCRIBE alone misnames some (source-type.ts), and DuckDB reads wrong values
 * from a column whose type it does not know, without an error.
 */
import type { DuckDb, SqlRow } from '../duckdb.ts';
import { quotePath, quotePaths } from '../file-sql.ts';
import { decimalOf, formatSourceType, leafCount, parseSourceType, withLeaves } from './source-type.ts';
import type { Leaf, SourceType } from './source-type.ts';

interface ParquetColumn {
  /** As the file spells it. */
  readonly name: string;
  /** What DuckDB calls it: another name where two differ only in case. */
  readonly readAs: string;
  readonly type: SourceType;
  /** As DESCRIBE prints it. */
  readonly duckType: string;
}

/** The rows of `parquet_schema` of one file, in its order; the first is the root. */
export type ParquetSchema = readonly SqlRow[];

/** @returns the schema of each file, by its path */
export async function parquetSchemas(
  duck: DuckDb,
  files: readonly string[],
): Promise<Map<string, ParquetSchema>> {
  const rows = await duck.rows(
    `SELECT file_name, name, num_children::INTEGER AS children, duckdb_type, precision::INTEGER AS precision,
       scale::INTEGER AS scale, repetition_type = 'REPEATED' AS repeated FROM parquet_schema(${quotePaths(files)}) ORDER BY file_name, column_id`,
  );
  const schemas = new Map<string, SqlRow[]>();
  for (const row of rows) {
    const file = row['file_name'] as string;
    if (schemas.has(file)) schemas.get(file)!.push(row);
    else schemas.set(file, [row]);
  }
  return schemas;
}

/** @returns the columns of one file, in its order */
export async function parquetColumns(
  duck: DuckDb,
  file: string,
  known?: ParquetSchema,
): Promise<ParquetColumn[]> {
  const schema = known ?? [...(await parquetSchemas(duck, [file])).values()][0]!;
  const described = await duck.rows(
    `DESCRIBE SELECT * FROM read_parquet(${quotePath(file)}, hive_partitioning = false)`,
  );
  const parts = partsOf(schema);
  return described.map((row, i) => {
    const readAs = row['column_name'] as string;
    const duckType = row['column_type'] as string;
    const type = parseSourceType(duckType);
    const part = parts[i] ?? [];
    const leaves = part.filter(({ duckdb_type: own }) => own !== null).map(leafOf);
    // A type of many leaves that DuckDB shows as one (VARIANT) leaves nothing to say about them.
    const told = leafCount(type) === leaves.length;
    return {
      name: (part[0]?.['name'] as string | undefined) ?? readAs,
      readAs,
      type: told ? withLeaves(type, leaves) : type,
      duckType,
    };
  });
}

/**
 * @returns the first type within a column's that DuckDB reads wrong without an error, as people write it; null: there
 *          is none. A decimal of more than 38 digits comes as a double made of some of its bytes
 */
export function misreadType(type: SourceType): string | null {
  switch (type.kind) {
    case 'list':
      return misreadType(type.of);
    case 'map':
      return misreadType(type.key) ?? misreadType(type.of);
    case 'struct':
      return type.fields.map((field) => misreadType(field.type)).find((one) => one !== null) ?? null;
    default:
      return (decimalOf(type)?.precision ?? 0) > 38 ? formatSourceType(type) : null;
  }
}

function leafOf(row: SqlRow): Leaf {
  return {
    duckType: row['duckdb_type'] as string,
    precision: row['precision'] as number | null,
    scale: row['scale'] as number | null,
  };
}

/** The elements of a schema, which is a tree in depth first order, by the column that they belong to. */
function partsOf(schema: ParquetSchema): SqlRow[][] {
  const parts: SqlRow[][] = [];
  let at = 1;
  const take = (part: SqlRow[]): SqlRow[] => {
    const row = schema[at++]!;
    part.push(row);
    for (let left = (row['children'] as number | null) ?? 0; left > 0; left--) take(part);
    return part;
  };
  while (at < schema.length) parts.push(take([]));
  return parts;
}
