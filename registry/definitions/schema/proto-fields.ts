/**
 * Reads a .proto file with what it imports, and finds in a message the fields that a stream reads: each with its number
 * and its kind, or the sentence that says why it cannot be read as the field's type.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import protobuf from 'protobufjs';
import type { Enum, Field, Type } from 'protobufjs';
import type { ProtoField, ProtoKind } from '../../../contract/proto-schema.ts';
import { didYouMean } from '../../../contract/std/did-you-mean.ts';
import type { StreamField } from '../../../contract/stream-source.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import type { SchemaFault } from './schema-fault.ts';

/**
 * @param file     absolute
 * @param message  its name, whole (`shop.Click`) or as the file has it (`Click`)
 * @returns        the fields in the order of the stream's, or the faults
 */
export function protoFields(
  file: string,
  message: string,
  fields: readonly StreamField[],
): { readonly name: string; readonly fields: readonly ProtoField[] } | readonly SchemaFault[] {
  let type: Type;
  try {
    const root = loaded(file);
    root.resolveAll();
    type = root.lookupType(message);
  } catch (error) {
    return [{ field: null, message: (error as Error).message }];
  }
  const faults: SchemaFault[] = [];
  const found = fields.map(({ name, type: wanted, unit }) => {
    const field = memberOf(type, name, wanted, unit !== null);
    if (typeof field !== 'string') return field;
    faults.push({ field: name, message: field });
    return null;
  });
  if (faults.length > 0) return faults;
  return { name: type.fullName.slice(1), fields: found as ProtoField[] };
}

/** Imports lie beside the file or above it, as `protoc` is called there; google's own come with the library. */
function loaded(file: string): protobuf.Root {
  const root = new protobuf.Root();
  const seen = new Set<string>();
  const load = (path: string, name: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      const common = (protobuf.common as unknown as { get(name: string): object | null }).get(name);
      if (common === null) throw error;
      root.addJSON((common as { nested: object }).nested as never);
      return;
    }
    const parsed = protobuf.parse(text, root, { keepCase: true });
    for (const one of [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])])
      load(importPath(path, one), one);
  };
  load(file, file);
  return root;
}

function importPath(from: string, name: string): string {
  const folders: string[] = [];
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    folders.push(folder);
    if (dirname(folder) === folder) break;
  }
  const known = folders.map((folder) => resolve(folder, name)).find((path) => isReadable(path));
  return known ?? resolve(dirname(from), name);
}

function isReadable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

/** @returns the field of a message that is read as a type, or why there is none */
function memberOf(message: Type, name: string, wanted: ValueType, hasUnit: boolean): ProtoField | string {
  const field = message.fields[name];
  if (field === undefined) {
    const known = Object.keys(message.fields);
    const hint = didYouMean(name, known) || `; it has ${known.join(', ')}`;
    return `${message.fullName.slice(1)} has no field "${name}"${hint}`;
  }
  const label = labelOf(field);
  const one = itemType(label, wanted);
  const shape = one === null ? null : shapeOf(field, one, hasUnit);
  if (typeof shape === 'string') return shape;
  if (shape !== null) return { id: field.id, label, ...shape };
  const lacks = wanted.kind === 'timestamp' && !hasUnit ? ' without a unit' : '';
  return `${message.fullName.slice(1)}.${name} is ${describe(field)}, which cannot be read as ${formatType(wanted)}${lacks}`;
}

function labelOf(field: Field): ProtoField['label'] {
  if (field.map) return 'map';
  if (field.repeated) return 'many';
  const isMessage = field.resolvedType instanceof protobuf.Type;
  return isMessage || field.hasPresence === true || field.partOf !== null ? 'present' : 'one';
}

/** @returns the type of one value of the field; null: the label fits no such type */
function itemType(label: ProtoField['label'], wanted: ValueType): ValueType | null {
  if (label === 'map') return wanted.kind === 'map' ? wanted.of : null;
  if (label !== 'many') return wanted;
  if (wanted.kind === 'embedding') return { kind: 'float32' };
  return wanted.kind === 'list' ? wanted.of : null;
}

type Shape = Pick<ProtoField, 'kind' | 'names' | 'fields'>;

function shapeOf(field: Field, wanted: ValueType, hasUnit: boolean): Shape | string | null {
  if (field instanceof protobuf.MapField && field.keyType !== 'string') return null;
  const { resolvedType } = field;
  if (resolvedType === null) {
    const kind = field.type as ProtoKind;
    return takes(kind, wanted, hasUnit) ? { kind } : null;
  }
  if (resolvedType instanceof protobuf.Enum) return enumShape(resolvedType, wanted);
  const of = resolvedType as Type;
  if (of.fullName === '.google.protobuf.Timestamp')
    return wanted.kind === 'timestamp' && !hasUnit ? { kind: 'timestamp' } : null;
  if (/^\.google\.protobuf\.(?:\w+)Value$/.test(of.fullName) && of.fields['value'] !== undefined) {
    const inner = memberOf(of, 'value', wanted, hasUnit);
    return typeof inner === 'string' ? inner : { kind: 'wrapper', fields: [inner] };
  }
  if (wanted.kind !== 'struct' || (of as { readonly group?: boolean }).group === true) return null;
  const inner = wanted.fields.map(({ name, type }) => memberOf(of, name, type, hasUnit));
  const fault = inner.find((one) => typeof one === 'string');
  return fault ?? { kind: 'message', fields: inner as ProtoField[] };
}

function enumShape({ values }: Enum, wanted: ValueType): Shape | null {
  if (wanted.kind === 'int32') return { kind: 'int32' };
  if (wanted.kind !== 'string') return null;
  const names = Object.entries(values).toReversed();
  return { kind: 'enum', names: Object.fromEntries(names.map(([name, number]) => [String(number), name])) };
}

const WHOLE = /^(?:u?int|sint|s?fixed)(?:32|64)$/;

function takes(kind: ProtoKind, wanted: ValueType, hasUnit: boolean): boolean {
  switch (wanted.kind) {
    case 'int32':
    case 'int64':
      return WHOLE.test(kind);
    case 'float32':
    case 'float64':
      return kind === 'float' || kind === 'double' || (wanted.kind === 'float64' && WHOLE.test(kind));
    case 'timestamp':
      return hasUnit && (WHOLE.test(kind) || kind === 'string');
    case 'bool':
    case 'string':
    case 'bytes':
      return kind === wanted.kind;
    default:
      return false;
  }
}

function describe(field: Field): string {
  const { type, repeated } = field;
  if (field instanceof protobuf.MapField) return `map<${field.keyType}, ${type}>`;
  return repeated ? `repeated ${type}` : type;
}
