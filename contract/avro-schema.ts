/**
 * A schema of Avro as a tree: what the checks of definitions and the decoder read. Named types stand for themselves
 * wherever they are named again, so that the tree of a type that holds itself has no end.
 *
 * Source: Apache Avro 1.12, specification, "Schema Declaration".
 */

export type AvroType =
  | { readonly kind: AvroScalar; readonly logicalType: string | null }
  | { readonly kind: 'fixed'; readonly size: number }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array' | 'map'; readonly of: AvroType }
  | { readonly kind: 'union'; readonly of: readonly AvroType[] }
  | { readonly kind: 'record'; readonly name: string; readonly fields: readonly AvroField[] };

interface AvroField {
  readonly name: string;
  readonly type: AvroType;
}

const SCALARS = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
type AvroScalar = (typeof SCALARS)[number];

/** @throws Error with a sentence when the text is no schema */
export function parseAvroSchema(text: string): AvroType {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON: ${(error as Error).message}`, { cause: error });
  }
  return typeOf(json, '', new Map());
}

type Json = Readonly<Record<string, unknown>>;

function typeOf(json: unknown, namespace: string, named: Map<string, AvroType>): AvroType {
  if (typeof json === 'string') {
    if ((SCALARS as readonly string[]).includes(json)) return { kind: json as AvroScalar, logicalType: null };
    const known = named.get(fullName(json, namespace)) ?? named.get(json);
    if (known !== undefined) return known;
    throw new Error(`it names the type "${json}", which nothing before it defines`);
  }
  if (Array.isArray(json)) return { kind: 'union', of: json.map((one) => typeOf(one, namespace, named)) };
  if (typeof json !== 'object' || json === null)
    throw new Error(`a type should be a name or an object, got ${String(json)}`);
  const { type, logicalType } = json as Json;
  if ((SCALARS as readonly unknown[]).includes(type))
    return { kind: type as AvroScalar, logicalType: typeof logicalType === 'string' ? logicalType : null };
  switch (type) {
    case 'array':
      return { kind: 'array', of: typeOf((json as Json)['items'], namespace, named) };
    case 'map':
      return { kind: 'map', of: typeOf((json as Json)['values'], namespace, named) };
    case 'record':
    case 'error':
    case 'enum':
    case 'fixed':
      return namedType(json as Json, namespace, named);
    default:
      if (typeof type === 'object' || (typeof type === 'string' && named.has(fullName(type, namespace))))
        return typeOf(type, namespace, named);
      throw new Error(`a type has the unknown kind ${JSON.stringify(type)}`);
  }
}

function namedType(json: Json, within: string, named: Map<string, AvroType>): AvroType {
  const { type, name, namespace } = json;
  if (typeof name !== 'string' || name === '') throw new Error(`a ${String(type)} has no name`);
  const full = fullName(name, typeof namespace === 'string' ? namespace : within);
  const own = full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '';
  if (named.has(full)) throw new Error(`the type "${full}" is defined twice`);
  if (type === 'fixed') {
    const { size } = json;
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw new Error(`fixed "${full}" has no size`);
    return put(named, full, { kind: 'fixed', size: size as number });
  }
  if (type === 'enum') {
    const { symbols } = json;
    if (!Array.isArray(symbols) || !symbols.every((one) => typeof one === 'string'))
      throw new Error(`enum "${full}" has no symbols`);
    return put(named, full, { kind: 'enum', symbols });
  }
  const fields: AvroField[] = [];
  const record = put(named, full, { kind: 'record', name: full, fields });
  if (!Array.isArray(json['fields'])) throw new Error(`record "${full}" has no fields`);
  for (const field of json['fields'] as readonly Json[]) {
    if (typeof field?.['name'] !== 'string') throw new Error(`a field of "${full}" has no name`);
    fields.push({ name: field['name'], type: typeOf(field['type'], own, named) });
  }
  return record;
}

function put(named: Map<string, AvroType>, name: string, type: AvroType): AvroType {
  named.set(name, type);
  return type;
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

/** Microseconds that one of a logical type's numbers is. */
const UNITS: Readonly<Record<string, number>> = {
  date: 86_400_000_000,
  'timestamp-millis': 1_000,
  'local-timestamp-millis': 1_000,
  'timestamp-micros': 1,
  'local-timestamp-micros': 1,
};

/** @returns how many microseconds a number of a time's type stands for; null: it says nothing of it */
export function timeUnitOf(logicalType: string | null): number | null {
  return logicalType === null ? null : (UNITS[logicalType] ?? null);
}
