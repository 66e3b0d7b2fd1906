/**
 * The type of a column as its file holds it, in DuckDB's words, taken apart: what `exact-cast.ts` decides from.
 *
 *   BIGINT · DECIMAL(18,3) · VARCHAR · TIMESTAMP WITH TIME ZONE · ...   a scalar
 *   T[], T[3]   a list · MAP(K, V) · STRUCT(a T, ...)
 *
 * Three scalars are names of ours: NULL, Arrow's type of a column that holds nothing, which DuckDB shows as INTEGER;
 * DECIMAL of more than 38 digits, which DuckDB shows as DOUBLE and reads wrong; PATH, text from a file's path.
 */
import type { ValueType } from '../../../../contract/value-type.ts';

export type SourceType =
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'list'; readonly of: SourceType }
  | { readonly kind: 'map'; readonly key: SourceType; readonly of: SourceType }
  | { readonly kind: 'struct'; readonly fields: readonly SourceField[] };

interface SourceField {
  readonly name: string;
  readonly type: SourceType;
}

/** Text of a hive partition: it has no type of its own. */
export const PATH_TEXT: SourceType = { kind: 'scalar', name: 'PATH' };

/** @param text  a type as DESCRIBE prints it */
export function parseSourceType(text: string): SourceType {
  const trimmed = text.trim();
  const list = /^(.*)\[\d*\]$/s.exec(trimmed);
  if (list !== null) return { kind: 'list', of: parseSourceType(list[1]!) };
  if (trimmed.startsWith('MAP(') && trimmed.endsWith(')')) {
    const [key, of] = splitFields(trimmed.slice(4, -1));
    return { kind: 'map', key: parseSourceType(key!), of: parseSourceType(of!) };
  }
  if (trimmed.startsWith('STRUCT(') && trimmed.endsWith(')')) {
    const fields = splitFields(trimmed.slice(7, -1)).map((part) => {
      const match = /^(?:"((?:[^"]|"")+)"|([^\s"]+))\s+(.+)$/s.exec(part.trim())!;
      return { name: match[1]?.replaceAll('""', '"') ?? match[2]!, type: parseSourceType(match[3]!) };
    });
    return { kind: 'struct', fields };
  }
  return { kind: 'scalar', name: trimmed === '"NULL"' ? 'NULL' : trimmed.replace(/\s*,\s*/g, ',') };
}

export function formatSourceType(type: SourceType): string {
  switch (type.kind) {
    case 'scalar':
      return type.name === 'NULL' ? 'null' : type.name === 'PATH' ? "text of the file's path" : type.name;
    case 'list':
      return `${formatSourceType(type.of)}[]`;
    case 'map':
      return `MAP(${formatSourceType(type.key)}, ${formatSourceType(type.of)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((f) => `${f.name} ${formatSourceType(f.type)}`).join(', ')})`;
  }
}

/** What a leaf of a Parquet schema says of itself. */
export interface Leaf {
  readonly duckType: string;
  /** Digits of a decimal, or null. */
  readonly precision: number | null;
  readonly scale: number | null;
}

export function leafCount(type: SourceType): number {
  switch (type.kind) {
    case 'list':
      return leafCount(type.of);
    case 'map':
      return leafCount(type.key) + leafCount(type.of);
    case 'struct':
      return type.fields.reduce((sum, field) => sum + leafCount(field.type), 0);
    default:
      return 1;
  }
}

/**
 * Names the scalars that DESCRIBE misnames.
 *
 * @param leaves  of the column, in the order of the file; used up from the front
 */
export function withLeaves(type: SourceType, leaves: Leaf[]): SourceType {
  switch (type.kind) {
    case 'list':
      return { kind: 'list', of: withLeaves(type.of, leaves) };
    case 'map':
      return { kind: 'map', key: withLeaves(type.key, leaves), of: withLeaves(type.of, leaves) };
    case 'struct':
      return {
        kind: 'struct',
        fields: type.fields.map((f) => ({ name: f.name, type: withLeaves(f.type, leaves) })),
      };
    default: {
      const leaf = leaves.shift();
      if (leaf?.duckType === '"NULL"') return { kind: 'scalar', name: 'NULL' };
      if (leaf?.precision != null && leaf.precision > 38)
        return { kind: 'scalar', name: `DECIMAL(${leaf.precision},${leaf.scale ?? 0})` };
      return type;
    }
  }
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
  UUID: 'string',
  BLOB: 'bytes',
  DATE: 'timestamp',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamp',
};

/**
 * @returns the narrowest type of the model that holds every value of the column, or null when there is none
 *          (HUGEINT, UBIGINT, INTERVAL, TIME, maps with other keys than text, ...). DECIMAL becomes float64
 */
export function modelTypeOf(type: SourceType): ValueType | null {
  switch (type.kind) {
    case 'list': {
      const of = modelTypeOf(type.of);
      return of === null ? null : { kind: 'list', of };
    }
    case 'map': {
      const of = modelTypeOf(type.of);
      return of === null || modelTypeOf(type.key)?.kind !== 'string' ? null : { kind: 'map', of };
    }
    case 'struct': {
      const fields = type.fields.map((f) => ({ name: f.name, type: modelTypeOf(f.type) }));
      return fields.some((f) => f.type === null)
        ? null
        : { kind: 'struct', fields: fields as { name: string; type: ValueType }[] };
    }
    default: {
      const kind = SCALAR_OF[type.name];
      if (kind !== undefined) return { kind } as ValueType;
      if (type.name.startsWith('ENUM(')) return { kind: 'string' };
      const decimal = decimalOf(type);
      return decimal !== null && decimal.precision <= 38 ? { kind: 'float64' } : null;
    }
  }
}

export function decimalOf(type: SourceType): { precision: number; scale: number } | null {
  const match = type.kind === 'scalar' ? /^DECIMAL\((\d+),(\d+)\)$/.exec(type.name) : null;
  return match === null ? null : { precision: Number(match[1]), scale: Number(match[2]) };
}

/** Whether the column holds whole numbers, of any width, and nothing else. */
export function isWhole(type: SourceType): boolean {
  const decimal = decimalOf(type);
  if (decimal !== null) return decimal.scale === 0 && decimal.precision <= 38;
  return type.kind === 'scalar' && /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)$/.test(type.name);
}

/** Splits at the commas that stand outside brackets and quotes. */
function splitFields(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote: string | null = null;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quote !== null) {
      if (c === quote) quote = null;
    } else if (c === '"' || c === "'") quote = c;
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
