/**
 * A message's fields as values of types. Readers are made once for each field; what does not fit throws an Error with a
 * clause that says what and where, as `MessageReader` does.
 */
import type { ProtoField } from '../../../../contract/proto-schema.ts';
import { parseTimestamp } from '../../../../contract/std/timestamp.ts';
import type { TimeUnit } from '../../../../contract/stream-source.ts';
import { formatType } from '../../../../contract/value-type.ts';
import type { Value, ValueType } from '../../../../contract/value-type.ts';
import { MessageReader } from '../../../../contract/wire/proto/message-reader.ts';
import { asInteger, asTime } from '../integer-value.ts';

interface Wanted {
  readonly name: string;
  readonly type: ValueType;
  readonly unit?: TimeUnit | null;
}

type ReadValue = (reader: MessageReader) => Value;
/** Puts what stands at the reader to what is there of the field; undefined: nothing yet. */
type ReadInto = (reader: MessageReader, before: Value | undefined) => Value;

/** @returns the values of a message, one for each field, in their order */
export function messageReader(
  wanted: readonly Wanted[],
  fields: readonly ProtoField[],
): (reader: MessageReader) => Value[] {
  const places = new Map(fields.map(({ id }, i) => [id, i]));
  const reads = fields.map((field, i) => fieldReader(wanted[i]!, field));
  const absent = fields.map((field, i) => absentValue(wanted[i]!, field));
  const finish = fields.map((field, i) => finisher(wanted[i]!, field));
  return (reader) => {
    const values: (Value | undefined)[] = Array<undefined>(fields.length).fill(undefined);
    for (let id = reader.next(); id !== 0; id = reader.next()) {
      const place = places.get(id);
      if (place === undefined) reader.skip();
      else values[place] = reads[place]!(reader, values[place]);
    }
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      values[i] = value === undefined ? absent[i]!() : finish[i] === null ? value : finish[i]!(value);
    }
    return values as Value[];
  };
}

function fieldReader(wanted: Wanted, field: ProtoField): ReadInto {
  const { label, kind } = field;
  if (label === 'map') return mapReader(wanted, field);
  if (label === 'many') {
    const of = wanted.type.kind === 'list' ? wanted.type.of : ({ kind: 'float32' } as const);
    return listReader(itemReading({ ...wanted, type: of }, field));
  }
  // The bytes of a message that stands twice are one message together.
  if (kind === 'message')
    return (reader, before) =>
      before === undefined ? reader.bytes() : Buffer.concat([before as Uint8Array, reader.bytes()]);
  return oneReader(itemReading(wanted, field), wanted.name);
}

/** Messages are read when all of their bytes are there, embeddings when all of their numbers are. */
function finisher(wanted: Wanted, field: ProtoField): ((value: Value) => Value) | null {
  const { type, name } = wanted;
  if (field.label === 'many')
    return type.kind !== 'embedding'
      ? null
      : (value) => {
          const numbers = value as readonly number[];
          if (numbers.length === type.size) return Float32Array.from(numbers);
          throw new Error(`${name} should be ${formatType(type)}, got ${numbers.length} numbers`);
        };
  if (field.label === 'map' || field.kind !== 'message') return null;
  const read = structReader(wanted, field);
  return (value) => read(new MessageReader(value as Buffer));
}

function structReader({ type, unit, name }: Wanted, { fields }: ProtoField): ReadValue {
  if (type.kind !== 'struct') throw new TypeError('a message is read as a struct');
  const inner = type.fields.map((of) => ({ name: `${name}.${of.name}`, type: of.type, unit: unit ?? null }));
  const read = messageReader(inner, fields!);
  return (reader) => {
    const values = read(reader);
    return Object.fromEntries(type.fields.map((of, i) => [of.name, values[i]!]));
  };
}

/** How one value of a field is read, from what the wire has for it. */
type ItemReading =
  | { readonly wire: 'varint'; readonly of: (value: number | bigint) => Value }
  | { readonly wire: 'fixed'; readonly size: 4 | 8; readonly of: (bytes: Buffer, at: number) => Value }
  | { readonly wire: 'bytes'; readonly of: ReadValue };

function itemReading(wanted: Wanted, field: ProtoField): ItemReading {
  const { type, name } = wanted;
  switch (field.kind) {
    case 'message': {
      const read = structReader(wanted, field);
      return { wire: 'bytes', of: (reader) => read(reader.message()) };
    }
    case 'wrapper': {
      const read = messageReader([wanted], field.fields!);
      return { wire: 'bytes', of: (reader) => read(reader.message())[0]! };
    }
    case 'timestamp':
      return { wire: 'bytes', of: (reader) => protoTime(reader.message(), name) };
    case 'string':
      return {
        wire: 'bytes',
        of:
          type.kind === 'timestamp' ? (reader) => timeOfText(reader.text(), name) : (reader) => reader.text(),
      };
    case 'bytes':
      return { wire: 'bytes', of: (reader) => new Uint8Array(reader.bytes()) };
    case 'bool':
      return { wire: 'varint', of: (value) => value !== 0 };
    case 'enum':
      return { wire: 'varint', of: (value) => enumName(value, field, name) };
    case 'float':
      return { wire: 'fixed', size: 4, of: (bytes, at) => bytes.readFloatLE(at) };
    case 'double':
      return {
        wire: 'fixed',
        size: 8,
        of:
          type.kind === 'float32'
            ? (bytes, at) => narrow(bytes.readDoubleLE(at), name)
            : (bytes, at) => bytes.readDoubleLE(at),
      };
    default:
      return wholeReading(wanted, field.kind);
  }
}

function wholeReading({ type, unit = null, name }: Wanted, kind: ProtoField['kind']): ItemReading {
  const as = (value: number | bigint): Value =>
    type.kind === 'timestamp' ? asTime(value, unit, name) : asInteger(value, type, name);
  const fixed = (size: 4 | 8, read: (bytes: Buffer, at: number) => number | bigint): ItemReading => {
    return { wire: 'fixed', size, of: (bytes, at) => as(read(bytes, at)) };
  };
  switch (kind) {
    case 'fixed32':
      return fixed(4, (bytes, at) => bytes.readUInt32LE(at));
    case 'sfixed32':
      return fixed(4, (bytes, at) => bytes.readInt32LE(at));
    case 'fixed64':
      return fixed(8, (bytes, at) => bytes.readBigUInt64LE(at));
    case 'sfixed64':
      return fixed(8, (bytes, at) => bytes.readBigInt64LE(at));
    case 'uint32':
    case 'uint64':
      return { wire: 'varint', of: as };
    case 'sint32':
    case 'sint64':
      return { wire: 'varint', of: (value) => as(unzigzag(value)) };
    default:
      // A negative number has ten bytes, and so comes as a bigint.
      return {
        wire: 'varint',
        of: (value) => as(typeof value === 'number' ? value : BigInt.asIntN(64, value)),
      };
  }
}

function unzigzag(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n);
}

function oneReader(reading: ItemReading, name: string): ReadInto {
  if (reading.wire === 'varint') return (reader) => reading.of(reader.uint());
  if (reading.wire === 'bytes') return reading.of;
  const { size, of } = reading;
  return (reader) => {
    const bytes = reader.fixed(size);
    if (bytes.length < size) throw new Error(`${name} has no bytes`);
    return of(bytes, bytes.length - size);
  };
}

/** Numbers stand packed behind one length, or one by one: readers take both. */
function listReader(reading: ItemReading): ReadInto {
  return (reader, before) => {
    const items = (before as Value[] | undefined) ?? [];
    if (reading.wire === 'bytes') items.push(reading.of(reader));
    else if (reading.wire === 'varint') for (const value of reader.varints()) items.push(reading.of(value));
    else {
      const bytes = reader.fixed(reading.size);
      for (let at = 0; at < bytes.length; at += reading.size) items.push(reading.of(bytes, at));
    }
    return items;
  };
}

/** An entry is a message of its key and its value; of two of one key the last one counts. */
function mapReader({ name, type, unit }: Wanted, field: ProtoField): ReadInto {
  if (type.kind !== 'map') throw new TypeError('a map field is read as a map');
  const read = messageReader(
    [
      { name: `${name}'s key`, type: { kind: 'string' } },
      { name: `${name}.*`, type: type.of, unit: unit ?? null },
    ],
    [
      { id: 1, kind: 'string', label: 'one' },
      { ...field, id: 2, label: field.kind === 'message' ? 'present' : 'one' },
    ],
  );
  return (reader, before) => {
    const entries = (before as Map<string, Value> | undefined) ?? new Map<string, Value>();
    const [key, value] = read(reader.message()) as [string, Value];
    entries.set(key, value);
    return entries;
  };
}

/** What an absent field is: null, or in proto3 the default that its writer left out. */
function absentValue({ type, name }: Wanted, { label, kind, names }: ProtoField): () => Value {
  if (label === 'map') return () => new Map();
  if (label === 'many' && type.kind === 'embedding')
    return () => {
      throw new Error(`${name} should be ${formatType(type)}, got no number`);
    };
  if (label === 'many') return () => [];
  if (label === 'present') return () => null;
  if (kind === 'bytes') return () => new Uint8Array(0);
  const values: Readonly<Partial<Record<ValueType['kind'], Value>>> = {
    bool: false,
    int64: 0n,
    timestamp: kind === 'string' ? null : 0n,
    string: kind === 'enum' ? (names!['0'] ?? null) : '',
  };
  const value = values[type.kind] ?? (type.kind === 'timestamp' ? null : 0);
  return () => value;
}

function enumName(number: number | bigint, { names }: ProtoField, name: string): string {
  const known = names![String(BigInt.asIntN(32, BigInt(number)))];
  if (known === undefined) throw new Error(`${name} has no name for the number ${number}`);
  return known;
}

function protoTime(reader: MessageReader, name: string): bigint {
  let seconds = 0n;
  let nanos = 0n;
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 1) seconds = reader.int64();
    else if (id === 2) nanos = reader.int64();
    else reader.skip();
  }
  // Cut to microseconds, as times of sources are.
  const us = seconds * 1_000_000n + nanos / 1_000n;
  if (nanos >= 0n && nanos < 1_000_000_000n && BigInt.asIntN(64, us) === us) return us;
  throw new Error(`${name} is no time: ${seconds} seconds and ${nanos} nanoseconds`);
}

function timeOfText(text: string, name: string): bigint {
  const us = parseTimestamp(text);
  if (us !== null) return us;
  throw new Error(`${name} should be a time in RFC 3339, got ${JSON.stringify(text.slice(0, 40))}`);
}

function narrow(value: number, name: string): number {
  const single = Math.fround(value);
  if (Number.isFinite(single) || !Number.isFinite(value)) return single;
  throw new Error(`${name} should be float32, got ${value}`);
}
