/**
 * The types of features and join keys, and how a value of each stands in JavaScript.
 *
 *   bool boolean · int32 number · int64 bigint · float32, float64 number · string string · bytes Uint8Array
 *   timestamp bigint (microseconds) · list<T> array · embedding(n) Float32Array · map<T> Map (string keys)
 *   struct<a: T, ...> object with exactly those fields · null of every type: looked up and absent
 */

export const SCALARS = [
  'bool',
  'int32',
  'int64',
  'float32',
  'float64',
  'string',
  'bytes',
  'timestamp',
] as const;
export type Scalar = (typeof SCALARS)[number];

export type ValueType =
  | { readonly kind: Scalar }
  | { readonly kind: 'list'; readonly of: ValueType }
  | { readonly kind: 'embedding'; readonly size: number }
  | { readonly kind: 'map'; readonly of: ValueType }
  | { readonly kind: 'struct'; readonly fields: readonly StructField[] };

interface StructField {
  readonly name: string;
  readonly type: ValueType;
}

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Float32Array
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | { readonly [field: string]: Value };

/** The types a join key may have. */
export type KeyType = 'string' | 'int32' | 'int64';
export type KeyValue = string | number | bigint;

/** @returns the one text of a type, as it stands in canonical definitions: `list<int64>`, `embedding(128)` */
export function formatType(type: ValueType): string {
  switch (type.kind) {
    case 'list':
      return `list<${formatType(type.of)}>`;
    case 'map':
      return `map<${formatType(type.of)}>`;
    case 'embedding':
      return `embedding(${type.size})`;
    case 'struct':
      return `struct<${type.fields.map((f) => `${f.name}: ${formatType(f.type)}`).join(', ')}>`;
    default:
      return type.kind;
  }
}

/** Bundles name thousands of them. */
const SCALAR_TYPES: ReadonlyMap<string, ValueType> = new Map(SCALARS.map((kind) => [kind, { kind }]));

/** @returns the type that a text names, spaces not minded, or null when it names none */
export function parseType(text: string): ValueType | null {
  const scalar = SCALAR_TYPES.get(text);
  if (scalar !== undefined) return scalar;
  const parser = new TypeParser(text);
  const type = parser.type();
  return type !== null && parser.atEnd() ? type : null;
}

/** Of lists, maps and structs in each other: all that walks a type calls itself for each. */
const MAX_DEPTH = 32;

class TypeParser {
  readonly #tokens: string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/[A-Za-z_][A-Za-z0-9_]*|\d+|[<>(),:]|\S/g) ?? [];
  }

  atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  type(depth = 0): ValueType | null {
    const name = this.#tokens[this.#at++];
    if (name === undefined || depth > MAX_DEPTH) return null;
    if ((SCALARS as readonly string[]).includes(name)) return { kind: name as Scalar };
    if (name === 'list' || name === 'map') {
      if (!this.#take('<')) return null;
      const of = this.type(depth + 1);
      return of !== null && this.#take('>') ? { kind: name, of } : null;
    }
    if (name === 'embedding') {
      if (!this.#take('(')) return null;
      const size = Number(this.#tokens[this.#at++]);
      return Number.isInteger(size) && size > 0 && size <= 65_536 && this.#take(')')
        ? { kind: 'embedding', size }
        : null;
    }
    return name === 'struct' && this.#take('<') ? this.#structFields(depth + 1) : null;
  }

  #structFields(depth: number): ValueType | null {
    const fields: StructField[] = [];
    do {
      const name = this.#tokens[this.#at++];
      if (name === undefined || !/^[A-Za-z_]/.test(name) || !this.#take(':')) return null;
      const type = this.type(depth);
      if (type === null || fields.some((field) => field.name.toLowerCase() === name.toLowerCase()))
        return null;
      fields.push({ name, type });
    } while (this.#take(','));
    return this.#take('>') ? { kind: 'struct', fields } : null;
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }
}

/** Whether a feature of this type can stand in a numeric tensor and have a distribution. */
export function isNumeric(type: ValueType): boolean {
  return type.kind === 'int32' || type.kind === 'int64' || type.kind === 'float32' || type.kind === 'float64';
}

/** Whether a value of this type is a row of numbers, as a tensor of its own has them: an embedding, or a list. */
export function isVector(type: ValueType): boolean {
  return type.kind === 'embedding' || (type.kind === 'list' && isNumeric(type.of));
}

/** @returns what is wrong with a value of a type, as "expected ..., got ...", or null when it fits */
export function misfit(type: ValueType, value: Value): string | null {
  if (value === null || fits(type, value)) return null;
  return `expected ${formatType(type)}, got ${describe(value)}`;
}

function fits(type: ValueType, value: Value): boolean {
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int32':
      return typeof value === 'number' && (value | 0) === value;
    case 'int64':
    case 'timestamp':
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
    case 'float32':
      return typeof value === 'number' && Object.is(Math.fround(value), value);
    case 'float64':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string' && value.isWellFormed();
    case 'bytes':
      return value instanceof Uint8Array;
    case 'embedding':
      return value instanceof Float32Array && value.length === type.size;
    case 'list':
      return Array.isArray(value) && value.every((item) => item === null || fits(type.of, item));
    case 'map':
      return (
        value instanceof Map &&
        [...value].every(([k, v]) => typeof k === 'string' && (v === null || fits(type.of, v)))
      );
    case 'struct':
      return isStruct(value) && type.fields.every((f) => isNullOrFits(f.type, value[f.name]));
  }
}

function isNullOrFits(type: ValueType, value: Value | undefined): boolean {
  return value === null || (value !== undefined && fits(type, value));
}

function isStruct(value: Value): value is { readonly [field: string]: Value } {
  if (typeof value !== 'object' || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Map) && !ArrayBuffer.isView(value);
}

function describe(value: Value): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === 'bigint') return `the integer ${value}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return `${value}`;
  if (value instanceof Float32Array) return `an embedding of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return value instanceof Map ? 'a map' : 'a struct';
}
