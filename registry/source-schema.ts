/**
 * What columns a source has and what they are in the model. The registry infers the types of aggregates from it, the
 * materializer checks a source against its view with it. Reads Parquet footers only, never rows.
 */
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DuckDb } from './duckdb.ts';
import { registryError } from './errors.ts';
import { sourceSql } from './history.ts';
import type { ValueType } from './value-type.ts';

/**
 * @param folder  the project's folder, which the path is relative to
 * @param path    a file, a glob, or an absolute path
 * @returns       column -> DuckDB's type (`BIGINT`, `DECIMAL(18,3)`, `VARCHAR[]`), in the order of the file
 * @throws REG_SOURCE when no file matches the path, or one of them is no readable Parquet
 */
export async function sourceColumns(
  duck: DuckDb,
  folder: string,
  path: string,
): Promise<Map<string, string>> {
  const pattern = resolve(folder, path);
  if (globSync(pattern).length === 0) {
    throw registryError('REG_SOURCE', `no file matches the source's path ${path} (looked for ${pattern})`, {
      field: 'path',
    });
  }
  try {
    const rows = await duck.rows(`DESCRIBE SELECT * FROM ${sourceSql(folder, path)}`);
    return new Map(rows.map((row) => [row['column_name'] as string, row['column_type'] as string]));
  } catch (error) {
    throw registryError(
      'REG_SOURCE',
      `the source ${path} cannot be read as Parquet: ${firstLine(error)}`,
      { field: 'path', file: pattern },
      error,
    );
  }
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n', 1)[0]!;
}

const SCALAR_OF: Readonly<Record<string, ValueType['kind']>> = {
  BOOLEAN: 'bool',
  TINYINT: 'int32',
  UTINYINT: 'int32',
  SMALLINT: 'int32',
  USMALLINT: 'int32',
  INTEGER: 'int32',
  UINTEGER: 'int64',
  BIGINT: 'int64',
  FLOAT: 'float32',
  DOUBLE: 'float64',
  VARCHAR: 'string',
  JSON: 'string',
  BLOB: 'bytes',
  DATE: 'timestamp',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamp',
};

/**
 * @param duckType  as `sourceColumns` gives it
 * @returns the narrowest type of the model that holds every value of the column, or null when there is none
 *          (HUGEINT, UBIGINT, INTERVAL, TIME, maps with other keys than text, ...). DECIMAL becomes float64
 */
export function modelTypeOfColumn(duckType: string): ValueType | null {
  const text = duckType.trim();
  const kind = SCALAR_OF[text];
  if (kind !== undefined) return { kind } as ValueType;
  if (/^DECIMAL\(\d+,\s*\d+\)$/.test(text)) return { kind: 'float64' };
  if (text.startsWith('ENUM(')) return { kind: 'string' };
  const fixed = /^FLOAT\[(\d+)\]$/.exec(text);
  if (fixed !== null) return { kind: 'embedding', size: Number(fixed[1]) };
  if (text.endsWith('[]')) {
    const of = modelTypeOfColumn(text.slice(0, -2));
    return of === null ? null : { kind: 'list', of };
  }
  if (text.startsWith('MAP(VARCHAR,') && text.endsWith(')')) {
    const of = modelTypeOfColumn(text.slice('MAP(VARCHAR,'.length, -1));
    return of === null ? null : { kind: 'map', of };
  }
  if (text.startsWith('STRUCT(') && text.endsWith(')')) return structType(text.slice('STRUCT('.length, -1));
  return null;
}

function structType(inner: string): ValueType | null {
  const fields: { name: string; type: ValueType }[] = [];
  for (const part of splitFields(inner)) {
    const match = /^(?:"((?:[^"]|"")+)"|([^\s"]+))\s+(.+)$/s.exec(part.trim());
    if (match === null) return null;
    const type = modelTypeOfColumn(match[3]!);
    if (type === null) return null;
    fields.push({ name: match[1]?.replaceAll('""', '"') ?? match[2]!, type });
  }
  return { kind: 'struct', fields };
}

/** Splits at the commas that stand outside brackets and quotes. */
function splitFields(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === '(') depth += 1;
    else if (c === ')') depth -= 1;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}
