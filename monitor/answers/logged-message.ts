/**
 * A logged GetOnlineFeaturesResponse of Feast's surface over gRPC, and what it says of a value. Read apart from the
 * code that writes it, which has the numbers of the fields in its head (sidecar/surface/feast-grpc).
 */
import { SCALARS } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { MessageReader } from '../../contract/wire/proto/message-reader.ts';

/** In the order of the fields 1 to 8; a list of one has the field of it and ten. */
const FIELD_KINDS = ['bytes', 'string', 'int32', 'int64', 'float64', 'float32', 'bool', 'timestamp'];
const LIST = 10;
const NULL = 19;
const MAP = 20;
const MAPS = 21;

/** What one message of a value says: which field stands in it, and its bytes or number. */
interface Said {
  readonly field: number;
  readonly value: Buffer | bigint | number;
}

/** @returns by result, by row the message of a value @throws Error for what is no such answer */
export function valuesOfMessage(bytes: Buffer): Buffer[][] {
  const results: Buffer[][] = [];
  const reader = new MessageReader(bytes);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) results.push(repeated(reader.message()));
    else reader.skip();
  }
  return results;
}

/** Whether the message of a value says this one. @throws Error for what is no such message */
export function messageSays(type: ValueType, value: Value, message: Buffer): boolean {
  const said = lastField(new MessageReader(message));
  if (value === null) return said === null || said.field === NULL;
  if (said === null) return false;
  switch (type.kind) {
    case 'embedding':
      return saysList({ kind: 'float32' }, [...(value as Float32Array)], said);
    case 'list':
      return saysList(type.of, value as readonly Value[], said);
    case 'map':
    case 'struct':
      return said.field === MAP && saysMap(type, value, said.value as Buffer);
    default:
      return said.field === FIELD_KINDS.indexOf(type.kind) + 1 && saysScalar(type.kind, value, said.value);
  }
}

function lastField(reader: MessageReader): Said | null {
  let said: Said | null = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const kind = FIELD_KINDS[field - 1];
    if (kind === 'float64') said = { field, value: reader.double() };
    else if (kind === 'float32') said = { field, value: reader.float() };
    else if (kind === 'bytes' || kind === 'string') said = { field, value: reader.bytes() };
    else if (kind !== undefined || field === NULL) said = { field, value: reader.int64() };
    else said = { field, value: reader.bytes() };
  }
  return said;
}

function saysScalar(kind: string, value: Value, said: Said['value']): boolean {
  switch (kind) {
    case 'bytes':
      return Buffer.compare(value as Uint8Array, said as Buffer) === 0;
    case 'string':
      return Buffer.compare(Buffer.from(value as string), said as Buffer) === 0;
    case 'bool':
      return (said !== 0n) === value;
    case 'timestamp': {
      const us = value as bigint;
      return said === (us - (((us % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
    }
    case 'float32':
    case 'float64':
      return Object.is(said, value);
    default:
      return said === BigInt(value as number | bigint);
  }
}

function saysList(of: ValueType, items: readonly Value[], said: Said): boolean {
  if (of.kind === 'map' || of.kind === 'struct') {
    const maps = said.field === MAPS ? repeated(new MessageReader(said.value as Buffer)) : [];
    return (
      said.field === MAPS &&
      maps.length === items.length &&
      maps.every((map, i) => saysMap(of, items[i]!, map))
    );
  }
  const kind = SCALARS.find((scalar) => scalar === of.kind);
  if (kind === undefined || said.field !== FIELD_KINDS.indexOf(kind) + 1 + LIST) return false;
  const list = listOf(kind, new MessageReader(said.value as Buffer));
  if (list.length !== items.length) return false;
  return items.every((item, i) => saysScalar(kind, item === null ? Number.NaN : item, list[i]!));
}

function listOf(kind: string, reader: MessageReader): Said['value'][] {
  const list: Said['value'][] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) reader.skip();
    else if (kind === 'bytes' || kind === 'string') list.push(reader.bytes());
    else if (kind === 'float64' || kind === 'float32') list.push(...floatsOf(kind, reader));
    else list.push(...reader.varints().map((item) => BigInt.asIntN(64, BigInt(item))));
  }
  return list;
}

function floatsOf(kind: 'float32' | 'float64', reader: MessageReader): number[] {
  const size = kind === 'float32' ? 4 : 8;
  const bytes = reader.fixed(size);
  return Array.from({ length: bytes.length / size }, (_, i) =>
    size === 4 ? bytes.readFloatLE(i * size) : bytes.readDoubleLE(i * size),
  );
}

function saysMap(type: ValueType, value: Value, message: Buffer): boolean {
  const expected = entriesOf(type, value);
  const entries = repeated(new MessageReader(message)).map(entryOf);
  if (entries.length !== expected.size) return false;
  return entries.every(([key, said]) => {
    const item = expected.get(key);
    return item !== undefined && messageSays(item.type, item.value, said);
  });
}

function entriesOf(type: ValueType, value: Value): Map<string, { type: ValueType; value: Value }> {
  if (type.kind === 'map') {
    const map = value as ReadonlyMap<string, Value>;
    return new Map([...map].map(([key, item]) => [key, { type: type.of, value: item }]));
  }
  const struct = value as { readonly [field: string]: Value };
  const fields = type.kind === 'struct' ? type.fields : [];
  return new Map(
    fields.map((field) => [field.name, { type: field.type, value: struct[field.name] ?? null }]),
  );
}

function entryOf(message: Buffer): [string, Buffer] {
  const reader = new MessageReader(message);
  let key = '';
  let value: Buffer = Buffer.alloc(0);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.text();
    else if (field === 2) value = reader.bytes();
    else reader.skip();
  }
  return [key, value];
}

/** @returns the messages of the first field */
function repeated(reader: MessageReader): Buffer[] {
  const messages: Buffer[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) messages.push(reader.bytes());
    else reader.skip();
  }
  return messages;
}
