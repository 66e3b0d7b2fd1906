/**
 * The Arrow schema that Arrow's writers keep in a Parquet file (`ARROW:schema`): what Parquet alone cannot say of a
 * column, a duration, a dictionary, a time zone's name. Readers pass over it unless it names every column of the file,
 * so columns that come behind must be named in it too.
 *
 *   text    = base64 of an IPC message     u32 ffffffff | u32 length | FlatBuffer (Message -> Schema -> Field...)
 *   joined  = new Message, new Schema, new vector of fields, new fields | the old FlatBuffer as it was
 *
 * A reference of a FlatBuffer is the distance to what it refers to, so that the old one stays good where it lies
 * behind. Numbers below are slots and constants of Message.fbs and Schema.fbs
 * (github.com/apache/arrow/tree/main/format).
 */
import type { ValueType } from '../../contract/value-type.ts';

const CONTINUES = 0xffff_ffff;
/** Slots of Message, Schema and Field. */
const MESSAGE = { version: 0, headerType: 1, header: 2 } as const;
const SCHEMA = { endianness: 0, fields: 1, metadata: 2, features: 3 } as const;
const FIELD = { name: 0, nullable: 1, typeType: 2, type: 3, children: 5 } as const;
const HEADER_SCHEMA = 1;
/** The union Type. */
const TYPE = {
  int: 2,
  floatingPoint: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  timestamp: 10,
  list: 12,
  struct: 13,
  map: 17,
} as const;
const MICROSECOND = 2;
const [SINGLE, DOUBLE] = [1, 2];

export interface ArrowColumn {
  readonly name: string;
  readonly type: ValueType;
}

/** @returns the schema with columns behind its own, or null where it cannot be read: it is then better left out */
export function joinedArrowSchema(text: string, columns: readonly ArrowColumn[]): string | null {
  try {
    const message = Buffer.from(text, 'base64');
    const start = message.readUInt32LE(0) === CONTINUES ? 8 : 4;
    const length = message.readUInt32LE(start - 4);
    return joined(message.subarray(start, start + length), columns).toString('base64');
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function joined(old: Buffer, columns: readonly ArrowColumn[]): Buffer {
  const message = old.readUInt32LE(0);
  const schema = target(old, message, MESSAGE.header);
  const fields = schema === null ? null : target(old, schema, SCHEMA.fields);
  if (schema === null || fields === null) throw new RangeError('it has no schema');
  const count = old.readUInt32LE(fields);
  if (count > (old.length - fields - 4) / 4) throw new RangeError('it claims more fields than it has bytes');
  const endianness = slot(old, schema, SCHEMA.endianness);
  const version = slot(old, message, MESSAGE.version);

  const out = new FlatWriter();
  const root = out.reference();
  const toSchema = out.table(root, [
    { slot: MESSAGE.version, bytes: 2, value: version === null ? 0 : old.readInt16LE(version) },
    { slot: MESSAGE.headerType, bytes: 1, value: HEADER_SCHEMA },
    { slot: MESSAGE.header, bytes: 4 },
  ])[0]!;
  const kept = [SCHEMA.metadata, SCHEMA.features].map((at) => ({ slot: at, old: target(old, schema, at) }));
  const known = kept.filter((one) => one.old !== null);
  const [toFields, ...toKept] = out.table(toSchema, [
    { slot: SCHEMA.endianness, bytes: 2, value: endianness === null ? 0 : old.readInt16LE(endianness) },
    { slot: SCHEMA.fields, bytes: 4 },
    ...known.map((one) => ({ slot: one.slot, bytes: 4 as const })),
  ]);
  const references = out.vector(toFields!, count + columns.length);
  for (const [i, { name, type }] of columns.entries())
    writeField(out, references[count + i]!, arrowField(name, type));
  const moved = out.append(old);
  for (let i = 0; i < count; i++) {
    const at = fields + 4 + 4 * i;
    out.refer(references[i]!, moved + at + old.readUInt32LE(at));
  }
  for (const [i, one] of known.entries()) out.refer(toKept[i]!, moved + one.old!);
  return out.message();
}

interface ArrowField {
  readonly name: string;
  readonly nullable: boolean;
  /** Of the union Type, with what it says of itself. */
  readonly union: number;
  readonly values: readonly FlatSlot[];
  readonly children: readonly ArrowField[];
}

function writeField(out: FlatWriter, from: number, field: ArrowField): void {
  const [toName, toType, toChildren] = out.table(from, [
    { slot: FIELD.name, bytes: 4 },
    { slot: FIELD.nullable, bytes: 1, value: field.nullable ? 1 : 0 },
    { slot: FIELD.typeType, bytes: 1, value: field.union },
    { slot: FIELD.type, bytes: 4 },
    { slot: FIELD.children, bytes: 4 },
  ]);
  out.text(toName!, field.name);
  out.table(toType!, field.values);
  const references = out.vector(toChildren!, field.children.length);
  for (const [i, child] of field.children.entries()) writeField(out, references[i]!, child);
}

function arrowField(name: string, type: ValueType, nullable = true): ArrowField {
  const plain = (union: number, ...values: FlatSlot[]): ArrowField => {
    return { name, nullable, union, values, children: [] };
  };
  const int = (bits: number): ArrowField =>
    plain(TYPE.int, { slot: 0, bytes: 4, value: bits }, { slot: 1, bytes: 1, value: 1 });
  const list = (of: ValueType): ArrowField => ({
    ...plain(TYPE.list),
    children: [arrowField('element', of)],
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
    case 'timestamp':
      return plain(TYPE.timestamp, { slot: 0, bytes: 2, value: MICROSECOND });
    case 'embedding':
      return list({ kind: 'float32' });
    case 'list':
      return list(type.of);
    case 'struct':
      return { ...plain(TYPE.struct), children: type.fields.map((f) => arrowField(f.name, f.type)) };
    case 'map': {
      const pair = [arrowField('key', { kind: 'string' }, false), arrowField('value', type.of)];
      const entries = { ...plain(TYPE.struct), name: 'key_value', nullable: false, children: pair };
      return { ...plain(TYPE.map, { slot: 0, bytes: 1, value: 0 }), children: [entries] };
    }
  }
}

/** @returns where a table's slot lies, or null where it is left out */
function slot(bytes: Buffer, table: number, number: number): number | null {
  const vtable = table - bytes.readInt32LE(table);
  const at = 4 + 2 * number;
  if (at >= bytes.readUInt16LE(vtable)) return null;
  const offset = bytes.readUInt16LE(vtable + at);
  return offset === 0 ? null : table + offset;
}

/** @returns what a slot refers to */
function target(bytes: Buffer, table: number, number: number): number | null {
  const at = slot(bytes, table, number);
  return at === null ? null : at + bytes.readUInt32LE(at);
}

interface FlatSlot {
  readonly slot: number;
  readonly bytes: 1 | 2 | 4;
  /** Left out: a reference, to be filled in. */
  readonly value?: number;
}

/** Writes a FlatBuffer from the front: what is referred to comes behind what refers to it. */
class FlatWriter {
  #bytes = Buffer.alloc(1_024);
  #used = 0;

  /** @returns the place of a reference that is yet to be filled in */
  reference(): number {
    return this.#take(4, 4);
  }

  refer(from: number, to: number): void {
    this.#bytes.writeUInt32LE(to - from, from);
  }

  /** @returns the places of its references, in the order of the slots */
  table(from: number, slots: readonly FlatSlot[]): number[] {
    const entries = Math.max(0, ...slots.map((one) => one.slot + 1));
    const vtable = this.#take(4 + 2 * entries, 2);
    const table = this.#take(4, 4);
    this.refer(from, table);
    this.#bytes.writeInt32LE(table - vtable, table);
    const references: number[] = [];
    for (const { slot: number, bytes, value } of slots) {
      const at = this.#take(bytes, bytes);
      this.#bytes.writeUInt16LE(at - table, vtable + 4 + 2 * number);
      if (value === undefined) references.push(at);
      else this.#bytes.writeUIntLE(value, at, bytes);
    }
    this.#bytes.writeUInt16LE(4 + 2 * entries, vtable);
    this.#bytes.writeUInt16LE(this.#used - table, vtable + 2);
    return references;
  }

  /** @returns the places of its references */
  vector(from: number, count: number): number[] {
    const at = this.#take(4 + 4 * count, 4);
    this.refer(from, at);
    this.#bytes.writeUInt32LE(count, at);
    return Array.from({ length: count }, (_, i) => at + 4 + 4 * i);
  }

  text(from: number, text: string): void {
    const bytes = Buffer.from(text);
    const at = this.#take(4 + bytes.length + 1, 4);
    this.refer(from, at);
    this.#bytes.writeUInt32LE(bytes.length, at);
    bytes.copy(this.#bytes, at + 4);
  }

  /** @returns where the bytes begin, which is good for any alignment within them */
  append(bytes: Buffer): number {
    const at = this.#take(bytes.length, 8);
    bytes.copy(this.#bytes, at);
    return at;
  }

  /** The whole as an IPC message. */
  message(): Buffer {
    this.#take(0, 8);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(CONTINUES, 0);
    head.writeUInt32LE(this.#used, 4);
    return Buffer.concat([head, this.#bytes.subarray(0, this.#used)]);
  }

  #take(bytes: number, alignment: number): number {
    const at = Math.ceil(this.#used / alignment) * alignment;
    this.#used = at + bytes;
    if (this.#used > this.#bytes.length) {
      const larger = Buffer.alloc(this.#used * 2);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    return at;
  }
}
