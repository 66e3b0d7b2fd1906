/**
 * Feast's message `Value`, in which one field stands: that of the value's type. No field is null.
 *
 *    1 bytes   2 string   3 int32   4 int64   5 double   6 float   7 bool   8 unix timestamp, in seconds    19 null
 *   11 .. 18   the lists of these, in this order: 1 value, repeated
 *   20 map: 1 entries (1 key, 2 Value)    21 list of maps: 1 map, repeated
 *
 * A struct is a map. A list of lists has no field, nor has a null in a list: of floats it is NaN there.
 */
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { MessageReader } from '../../../contract/wire/proto/message-reader.ts';
import type { MessageWriter } from '../../../contract/wire/proto/message-writer.ts';
import { epochSeconds } from '../feast/feast-text.ts';

const FIELDS: Readonly<Record<string, number>> = {
  bytes: 1,
  string: 2,
  int32: 3,
  int64: 4,
  float64: 5,
  float32: 6,
  bool: 7,
  timestamp: 8,
};
/** The field of the list of a type is that of the type and ten. */
const LIST = 10;
const NULL = 19;
const MAP = 20;
const MAPS = 21;

type Scalar = keyof typeof FIELDS;

/** @returns why values of a type have no form, as a clause; null: they have */
export function formlessType(type: ValueType): string | null {
  switch (type.kind) {
    case 'map':
      return formlessType(type.of);
    case 'struct':
      return type.fields.map((field) => formlessType(field.type)).find((clause) => clause !== null) ?? null;
    case 'list':
      if (type.of.kind === 'list' || type.of.kind === 'embedding')
        return `${formatType(type)} has no form in Feast's Value`;
      return formlessType(type.of);
    default:
      return null;
  }
}

/**
 * Writes a value as a field of a message.
 *
 * @param type  one that has a form
 * @returns     false, and the message is to be left: a list holds a null
 */
export function writeValue(writer: MessageWriter, field: number, type: ValueType, value: Value): boolean {
  const opened = writer.open(field);
  const isWhole = value === null || writeInto(writer, type, value);
  writer.close(opened);
  return isWhole;
}

function writeInto(writer: MessageWriter, type: ValueType, value: Value): boolean {
  switch (type.kind) {
    case 'embedding': {
      const list = writer.open(FIELDS['float32']! + LIST);
      writer.floats(1, value as Float32Array);
      writer.close(list);
      return true;
    }
    case 'list':
      return writeList(writer, type.of, value as readonly Value[]);
    case 'map':
      return writeMap(writer, MAP, [...(value as ReadonlyMap<string, Value>)], () => type.of);
    case 'struct':
      return writeStruct(writer, MAP, type, value);
    default:
      writeScalar(writer, FIELDS[type.kind]!, type.kind, value);
      return true;
  }
}

function writeScalar(writer: MessageWriter, field: number, kind: Scalar, value: Value): void {
  switch (kind) {
    case 'bytes':
      return writer.bytes(field, value as Uint8Array);
    case 'string':
      return writer.text(field, value as string);
    case 'bool':
      return writer.bool(field, value as boolean);
    case 'float32':
      return writer.float(field, value as number);
    case 'float64':
      return writer.double(field, value as number);
    case 'timestamp':
      return writer.int(field, epochSeconds(value as bigint));
    default:
      writer.int(field, value as number | bigint);
  }
}

function writeList(writer: MessageWriter, of: ValueType, items: readonly Value[]): boolean {
  if (of.kind === 'map' || of.kind === 'struct') return writeMaps(writer, of, items);
  const list = writer.open(FIELDS[of.kind]! + LIST);
  let isWhole = true;
  for (let i = 0; i < items.length && isWhole; i++) {
    const item = items[i]!;
    if (item !== null) writeScalar(writer, 1, of.kind, item);
    else if (of.kind === 'float32' || of.kind === 'float64') writeScalar(writer, 1, of.kind, Number.NaN);
    else isWhole = false;
  }
  writer.close(list);
  return isWhole;
}

function writeMaps(writer: MessageWriter, of: ValueType, items: readonly Value[]): boolean {
  const list = writer.open(MAPS);
  let isWhole = true;
  for (const item of items) {
    if (item === null) isWhole = false;
    else if (of.kind === 'struct') isWhole = writeStruct(writer, 1, of, item) && isWhole;
    else if (of.kind === 'map')
      isWhole = writeMap(writer, 1, [...(item as ReadonlyMap<string, Value>)], () => of.of) && isWhole;
  }
  writer.close(list);
  return isWhole;
}

function writeStruct(
  writer: MessageWriter,
  field: number,
  { fields }: Extract<ValueType, { kind: 'struct' }>,
  value: Value,
): boolean {
  const struct = value as { readonly [field: string]: Value };
  const entries = fields.map(({ name }): [string, Value] => [name, struct[name] ?? null]);
  return writeMap(writer, field, entries, (i) => fields[i]!.type);
}

function writeMap(
  writer: MessageWriter,
  field: number,
  entries: readonly (readonly [string, Value])[],
  typeOf: (entry: number) => ValueType,
): boolean {
  const map = writer.open(field);
  let isWhole = true;
  for (const [i, [key, item]] of entries.entries()) {
    const entry = writer.open(1);
    writer.text(1, key);
    isWhole = writeValue(writer, 2, typeOf(i), item) && isWhole;
    writer.close(entry);
  }
  writer.close(map);
  return isWhole;
}

/** @returns a value as JSON would have it, integers exact; bytes as a Buffer */
export function readValue(reader: MessageReader): unknown {
  let value: unknown = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field > LIST && field <= FIELDS['timestamp']! + LIST)
      value = readList(reader.message(), field - LIST);
    else if (field <= FIELDS['timestamp']!) value = readScalar(reader, field);
    else {
      reader.skip();
      if (field !== NULL) throw new Error(`a value has the field ${field}, whose kind is not taken`);
    }
  }
  return value;
}

function readScalar(reader: MessageReader, field: number): unknown {
  switch (field) {
    case FIELDS['bytes']:
      return reader.bytes();
    case FIELDS['string']:
      return reader.text();
    case FIELDS['float64']:
      return reader.double();
    case FIELDS['float32']:
      return reader.float();
    case FIELDS['bool']:
      return reader.bool();
    default:
      return integer(reader.int64());
  }
}

function readList(reader: MessageReader, of: number): unknown[] {
  const items: unknown[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) reader.skip();
    else if (of === FIELDS['bytes'] || of === FIELDS['string']) items.push(readScalar(reader, of));
    else if (of === FIELDS['float64']) items.push(...numbersOf(reader.fixed(8), 8));
    else if (of === FIELDS['float32']) items.push(...numbersOf(reader.fixed(4), 4));
    else if (of === FIELDS['bool']) items.push(...reader.varints().map((item) => Number(item) !== 0));
    else items.push(...reader.varints().map((item) => integer(BigInt.asIntN(64, BigInt(item)))));
  }
  return items;
}

function numbersOf(bytes: Buffer, size: 4 | 8): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += size)
    numbers.push(size === 4 ? bytes.readFloatLE(at) : bytes.readDoubleLE(at));
  return numbers;
}

/** As json-body.ts gives integers. */
function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
