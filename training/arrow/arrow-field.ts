/**
 * Fields of an Arrow schema: what a column is called and how its values lie. Written for Plumbline's own types, read
 * from any writer. Numbers below are slots and constants of Message.fbs and Schema.fbs
 * (github.com/apache/arrow/tree/main/format).
 */
import { formatType } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { readReferences, readText, slot, target } from './flat-buffer.ts';
import type { FlatSlot, FlatWriter } from './flat-buffer.ts';

export interface ArrowColumn {
  readonly name: string;
  readonly type: ValueType;
}

const FIELD = { name: 0, nullable: 1, typeType: 2, type: 3, dictionary: 4, children: 5 } as const;
/** The union Type. */
const TYPE = {
  null: 1,
  int: 2,
  floatingPoint: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  timestamp: 10,
  list: 12,
  struct: 13,
  fixedSizeList: 16,
  map: 17,
  largeBinary: 19,
  largeUtf8: 20,
  largeList: 21,
} as const;
/** What the others are called. */
const OTHERS: Readonly<Record<number, string>> = {
  7: 'decimal',
  8: 'date',
  9: 'time',
  11: 'interval',
  14: 'union',
  15: 'fixed_size_binary',
  18: 'duration',
  22: 'run_end_encoded',
  23: 'binary_view',
  24: 'string_view',
  25: 'list_view',
  26: 'large_list_view',
};
const TIME_UNITS = ['s', 'ms', 'us', 'ns'] as const;
const MICROSECOND = TIME_UNITS.indexOf('us');
const [SINGLE, DOUBLE] = [1, 2];
const MAX_DEPTH = 40;

/** How the values of a field lie. wide: their offsets have 64 bits. */
export type ArrowLayout =
  | { readonly kind: 'null' | 'bool' | 'struct' | 'map' }
  | { readonly kind: 'int'; readonly bytes: number; readonly signed: boolean }
  | { readonly kind: 'float'; readonly bytes: number }
  | { readonly kind: 'string' | 'bytes'; readonly wide: boolean }
  | { readonly kind: 'list'; readonly wide: boolean }
  | { readonly kind: 'timestamp'; readonly unit: (typeof TIME_UNITS)[number] }
  | { readonly kind: 'fixed list'; readonly size: number }
  | { readonly kind: 'other'; readonly name: string };

/** A field that was read: a column, or what a list, a map or a struct is made of. */
export interface ArrowField {
  readonly name: string;
  readonly layout: ArrowLayout;
  readonly children: readonly ArrowField[];
}

/** @throws RangeError when the bytes are no schema's */
export function readFields(bytes: Buffer, fields: number): ArrowField[] {
  return readReferences(bytes, fields).map((at) => readField(bytes, at, 0));
}

function readField(bytes: Buffer, field: number, depth: number): ArrowField {
  if (depth > MAX_DEPTH) throw new RangeError(`its fields lie over ${MAX_DEPTH} deep in each other`);
  const name = target(bytes, field, FIELD.name);
  const children = target(bytes, field, FIELD.children);
  return {
    name: name === null ? '' : readText(bytes, name),
    layout: readLayout(bytes, field),
    children:
      children === null ? [] : readReferences(bytes, children).map((at) => readField(bytes, at, depth + 1)),
  };
}

function readLayout(bytes: Buffer, field: number): ArrowLayout {
  if (target(bytes, field, FIELD.dictionary) !== null) return { kind: 'other', name: 'dictionary' };
  const union = numberOf(bytes, field, FIELD.typeType, 1);
  const type = target(bytes, field, FIELD.type) ?? field;
  switch (union) {
    case TYPE.null:
      return { kind: 'null' };
    case TYPE.int: {
      const bits = numberOf(bytes, type, 0, 4);
      if (![8, 16, 32, 64].includes(bits)) throw new RangeError(`it has integers of ${bits} bits`);
      return { kind: 'int', bytes: bits / 8, signed: numberOf(bytes, type, 1, 1) === 1 };
    }
    case TYPE.floatingPoint:
      return { kind: 'float', bytes: [2, 4, 8][numberOf(bytes, type, 0, 2)] ?? 2 };
    case TYPE.bool:
      return { kind: 'bool' };
    case TYPE.utf8:
    case TYPE.largeUtf8:
      return { kind: 'string', wide: union === TYPE.largeUtf8 };
    case TYPE.binary:
    case TYPE.largeBinary:
      return { kind: 'bytes', wide: union === TYPE.largeBinary };
    case TYPE.timestamp:
      return { kind: 'timestamp', unit: TIME_UNITS[numberOf(bytes, type, 0, 2)] ?? 's' };
    case TYPE.list:
    case TYPE.largeList:
      return { kind: 'list', wide: union === TYPE.largeList };
    case TYPE.fixedSizeList:
      return { kind: 'fixed list', size: numberOf(bytes, type, 0, 4) };
    case TYPE.map:
      return { kind: 'map' };
    case TYPE.struct:
      return { kind: 'struct' };
    default:
      return { kind: 'other', name: OTHERS[union] ?? `type ${union} of Arrow` };
  }
}

/** @returns a slot's number, 0 where it is left out */
function numberOf(bytes: Buffer, table: number, number: number, size: 1 | 2 | 4): number {
  const at = slot(bytes, table, number);
  return at === null ? 0 : bytes.readUIntLE(at, size);
}

/** @returns what people call a field's type, as `formatType` does */
function formatField({ layout, children }: ArrowField): string {
  switch (layout.kind) {
    case 'int':
      return `${layout.signed ? '' : 'u'}int${layout.bytes * 8}`;
    case 'float':
      return `float${layout.bytes * 8}`;
    case 'timestamp':
      return `timestamp(${layout.unit})`;
    case 'list':
    case 'fixed list':
      return `list<${children[0] === undefined ? '' : formatField(children[0])}>`;
    case 'map':
      return `map<${children[0]?.children.map(formatField).join(', ') ?? ''}>`;
    case 'struct':
      return `struct<${children.map((child) => `${child.name}: ${formatField(child)}`).join(', ')}>`;
    case 'other':
      return layout.name;
    default:
      return layout.kind;
  }
}

/** @returns null when each value of the field is one of the type, without loss; else what was expected and what came */
export function misfitOf(field: ArrowField, type: ValueType): string | null {
  return fits(field, type) ? null : `expected ${formatType(type)}, got ${formatField(field)}`;
}

function fits(field: ArrowField, type: ValueType): boolean {
  const { layout, children } = field;
  if (layout.kind === 'null') return true;
  switch (type.kind) {
    case 'int32':
      return isInt(layout, 4);
    case 'int64':
      return isInt(layout, 8);
    case 'float32':
      return layout.kind === 'float' && layout.bytes === 4;
    case 'float64':
      return (layout.kind === 'float' && layout.bytes >= 4) || isInt(layout, 4);
    case 'embedding':
      return isList(field, layout.kind === 'fixed list' ? type.size : null, { kind: 'float32' });
    case 'list':
      return isList(field, null, type.of);
    case 'map': {
      const [key, value] = children[0]?.children ?? [];
      if (layout.kind !== 'map' || value === undefined) return false;
      return key!.layout.kind === 'string' && fits(value, type.of);
    }
    case 'struct': {
      const of = type.fields.map(({ name }) => children.find((child) => child.name === name));
      if (layout.kind !== 'struct' || children.length !== of.length) return false;
      return type.fields.every((one, i) => of[i] !== undefined && fits(of[i], one.type));
    }
    default:
      return layout.kind === type.kind;
  }
}

/** Whether each integer of the layout is one with a sign of so many bytes. */
function isInt(layout: ArrowLayout, bytes: number): boolean {
  return layout.kind === 'int' && layout.bytes * (layout.signed ? 1 : 2) <= bytes;
}

function isList({ layout, children }: ArrowField, size: number | null, of: ValueType): boolean {
  if ((layout.kind !== 'list' && layout.kind !== 'fixed list') || children.length !== 1) return false;
  if (size !== null && layout.kind === 'fixed list' && layout.size !== size) return false;
  return fits(children[0]!, of);
}

interface WrittenField {
  readonly name: string;
  readonly nullable: boolean;
  /** Of the union Type, with what it says of itself. */
  readonly union: number;
  readonly values: readonly FlatSlot[];
  /** Of a timestamp; null: it has none, or is another type. */
  readonly zone: string | null;
  readonly children: readonly WrittenField[];
}

/**
 * Writes a field of one of Plumbline's types.
 *
 * @param from  the place of the reference to it
 * @param zone  of its timestamps; null: they have none
 */
export function writeField(
  out: FlatWriter,
  from: number,
  { name, type }: ArrowColumn,
  zone: string | null,
): void {
  writeWhole(out, from, fieldOf(name, type, zone));
}

function writeWhole(out: FlatWriter, from: number, field: WrittenField): void {
  const [toName, toType, toChildren] = out.table(from, [
    { slot: FIELD.name, bytes: 4 },
    { slot: FIELD.nullable, bytes: 1, value: field.nullable ? 1 : 0 },
    { slot: FIELD.typeType, bytes: 1, value: field.union },
    { slot: FIELD.type, bytes: 4 },
    { slot: FIELD.children, bytes: 4 },
  ]);
  out.text(toName!, field.name);
  const [toZone] = out.table(toType!, field.values);
  if (toZone !== undefined) out.text(toZone, field.zone!);
  const toEach = out.vector(toChildren!, field.children.length);
  for (const [i, child] of field.children.entries()) writeWhole(out, toEach[i]!, child);
}

function fieldOf(name: string, type: ValueType, zone: string | null, nullable = true): WrittenField {
  const plain = (union: number, ...values: FlatSlot[]): WrittenField => {
    return { name, nullable, union, values, zone: null, children: [] };
  };
  const int = (bits: number): WrittenField =>
    plain(TYPE.int, { slot: 0, bytes: 4, value: bits }, { slot: 1, bytes: 1, value: 1 });
  const list = (of: ValueType): WrittenField => ({
    ...plain(TYPE.list),
    children: [fieldOf('element', of, zone)],
  });
  switch (type.kind) {
    case 'bool':
      return plain(TYPE.bool);
    case 'int32':
      return int(32);
    case 'int64':
      return int(64);
    case 'float32':
      return plain(TYPE.floatingPoint, { slot: 0, bytes: 2, value: SINGLE });
    case 'float64':
      return plain(TYPE.floatingPoint, { slot: 0, bytes: 2, value: DOUBLE });
    case 'string':
      return plain(TYPE.utf8);
    case 'bytes':
      return plain(TYPE.binary);
    case 'timestamp': {
      const unit = { slot: 0, bytes: 2, value: MICROSECOND } as const;
      return { ...plain(TYPE.timestamp, unit, ...(zone === null ? [] : [ZONE])), zone };
    }
    case 'embedding':
      return list({ kind: 'float32' });
    case 'list':
      return list(type.of);
    case 'struct':
      return { ...plain(TYPE.struct), children: type.fields.map((f) => fieldOf(f.name, f.type, zone)) };
    case 'map': {
      const pair = [fieldOf('key', { kind: 'string' }, zone, false), fieldOf('value', type.of, zone)];
      const entries = { ...plain(TYPE.struct), name: 'key_value', nullable: false, children: pair };
      return { ...plain(TYPE.map, { slot: 0, bytes: 1, value: 0 }), children: [entries] };
    }
  }
}

const ZONE: FlatSlot = { slot: 1, bytes: 4 };
