/** Values of Avro as values of types: readers are made once for each field, and pass over what nobody reads. */
import { timeUnitOf } from '../../../../contract/avro-schema.ts';
import type { AvroType } from '../../../../contract/avro-schema.ts';
import { parseTimestamp } from '../../../../contract/std/timestamp.ts';
import type { TimeUnit } from '../../../../contract/stream-source.ts';
import { formatType } from '../../../../contract/value-type.ts';
import type { Value, ValueType } from '../../../../contract/value-type.ts';
import { asInteger, asTime } from '../integer-value.ts';
import { AvroFault } from './avro-cursor.ts';
import type { AvroCursor } from './avro-cursor.ts';

interface Wanted {
  /** Its own name, and what messages call it. */
  readonly field: string;
  readonly name: string;
  readonly type: ValueType;
  readonly unit: TimeUnit | null;
}

type ReadAvro = (cursor: AvroCursor) => Value;
type SkipAvro = (cursor: AvroCursor) => void;

/** @returns the values of a record, one for each wanted field, in their order */
export function avroRecord(
  record: Extract<AvroType, { kind: 'record' }>,
  wanted: readonly Wanted[],
): (cursor: AvroCursor) => Value[] {
  const steps = record.fields.map(({ name, type }) => {
    const place = wanted.findIndex((one) => one.field === name);
    return { place, read: place === -1 ? null : avroReader(type, wanted[place]!), skip: avroSkipper(type) };
  });
  return (cursor) => {
    const values = Array<Value>(wanted.length).fill(null);
    for (const { place, read, skip } of steps)
      if (read === null) skip(cursor);
      else values[place] = read(cursor);
    return values;
  };
}

function avroReader(type: AvroType, wanted: Wanted): ReadAvro {
  const { type: as, name, unit } = wanted;
  if (type.kind === 'union') {
    const reads = type.of.map((one) => avroReader(one, wanted));
    return (cursor) => reads[cursor.index(reads.length)]!(cursor);
  }
  if (type.kind === 'null') return () => null;
  const read = readerOf(type, wanted);
  if (read !== null) return read;
  // Of a union whose other types fit: a value of this one is bad.
  return () => {
    throw new AvroFault(
      `has ${name} that should be ${formatType(as)}${unit === null ? '' : ` in ${unit}`}, got ${type.kind}`,
    );
  };
}

/** @returns null where no value of the one is a value of the other */
function readerOf(type: AvroType, { name, type: as, unit }: Wanted): ReadAvro | null {
  switch (as.kind) {
    case 'bool':
      return type.kind === 'boolean' ? (cursor) => cursor.bool() : null;
    case 'int32':
    case 'int64':
      return wholeReader(type, (value) => asInteger(value, as, name));
    case 'float32':
      if (type.kind === 'float') return (cursor) => cursor.float();
      return type.kind === 'double' ? (cursor) => narrow(cursor.double(), name) : null;
    case 'float64':
      if (type.kind === 'float') return (cursor) => cursor.float();
      if (type.kind === 'double') return (cursor) => cursor.double();
      return wholeReader(type, (value) => asInteger(value, as, name));
    case 'string': {
      if (type.kind === 'string') return (cursor) => cursor.string();
      if (type.kind !== 'enum') return null;
      const { symbols } = type;
      return (cursor) => symbols[cursor.index(symbols.length)]!;
    }
    case 'bytes':
      if (type.kind === 'bytes') return (cursor) => new Uint8Array(cursor.bytes());
      return type.kind === 'fixed' ? (cursor) => new Uint8Array(cursor.fixed(type.size)) : null;
    case 'timestamp':
      return timeReader(type, unit, name);
    case 'list':
      return type.kind === 'array' ? listReader(avroReader(type.of, item(`${name}[]`, as.of, unit))) : null;
    case 'embedding':
      return type.kind === 'array' ? embeddingReader(type.of, as.size, name) : null;
    case 'map':
      return type.kind === 'map'
        ? mapReader(avroReader(type.of, item(`${name}.*`, as.of, unit)), name)
        : null;
    case 'struct': {
      if (type.kind !== 'record') return null;
      const inner = as.fields.map((of) => ({
        field: of.name,
        name: `${name}.${of.name}`,
        type: of.type,
        unit,
      }));
      const read = avroRecord(type, inner);
      return (cursor) => {
        const values = read(cursor);
        return Object.fromEntries(as.fields.map((of, i) => [of.name, values[i]!]));
      };
    }
  }
}

function item(name: string, type: ValueType, unit: TimeUnit | null): Wanted {
  return { field: name, name, type, unit };
}

function wholeReader(type: AvroType, as: (value: number | bigint) => Value): ReadAvro | null {
  if (type.kind === 'int') return (cursor) => as(cursor.int());
  return type.kind === 'long' ? (cursor) => as(cursor.long()) : null;
}

function timeReader(type: AvroType, unit: TimeUnit | null, name: string): ReadAvro | null {
  if (type.kind === 'string' && unit === 'rfc3339')
    return (cursor) => {
      const text = cursor.string();
      const us = parseTimestamp(text);
      if (us !== null) return us;
      throw new AvroFault(
        `has ${name} that should be a time in RFC 3339, got ${JSON.stringify(text.slice(0, 40))}`,
      );
    };
  if (type.kind !== 'int' && type.kind !== 'long') return null;
  // What the schema says of its numbers goes before the unit.
  const us = timeUnitOf(type.logicalType);
  if (us === null) return wholeReader(type, (value) => asTime(value, unit, name));
  return wholeReader(type, (value) => asTime(BigInt(value) * BigInt(us), 'us', name));
}

function narrow(value: number, name: string): number {
  const single = Math.fround(value);
  if (Number.isFinite(single) || !Number.isFinite(value)) return single;
  throw new AvroFault(`has ${name} that should be float32, got ${value}`);
}

function listReader(read: ReadAvro): ReadAvro {
  return (cursor) => {
    const items: Value[] = [];
    for (let count = cursor.block(); count > 0; count = cursor.block())
      for (let i = 0; i < count; i++) items.push(read(cursor));
    return items;
  };
}

function embeddingReader(of: AvroType, size: number, name: string): ReadAvro {
  const read = listReader(avroReader(of, item(`${name}[]`, { kind: 'float32' }, null)));
  return (cursor) => {
    const items = read(cursor) as readonly (number | null)[];
    if (items.length === size && !items.includes(null)) return Float32Array.from(items as readonly number[]);
    throw new AvroFault(
      `has ${name} that should be embedding(${size}), got ${items.length} numbers or null among them`,
    );
  };
}

function mapReader(read: ReadAvro, name: string): ReadAvro {
  return (cursor) => {
    const entries = new Map<string, Value>();
    for (let count = cursor.block(); count > 0; count = cursor.block())
      for (let i = 0; i < count; i++) {
        const key = cursor.string();
        if (entries.has(key)) throw new AvroFault(`has ${name}.${key} twice`);
        entries.set(key, read(cursor));
      }
    return entries;
  };
}

/** Made when it is first needed: a record may hold itself. */
const SKIPPERS = new WeakMap<AvroType, SkipAvro>();

function avroSkipper(type: AvroType): SkipAvro {
  return (cursor) => {
    let skip = SKIPPERS.get(type);
    if (skip === undefined) SKIPPERS.set(type, (skip = skipperOf(type)));
    skip(cursor);
  };
}

function skipperOf(type: AvroType): SkipAvro {
  switch (type.kind) {
    case 'null':
      return () => {};
    case 'boolean':
      return (cursor) => void cursor.bool();
    case 'int':
    case 'long':
      return (cursor) => void cursor.long();
    case 'float':
      return (cursor) => void cursor.fixed(4);
    case 'double':
      return (cursor) => void cursor.fixed(8);
    case 'bytes':
    case 'string':
      return (cursor) => void cursor.bytes();
    case 'fixed':
      return (cursor) => void cursor.fixed(type.size);
    case 'enum':
      return (cursor) => void cursor.index(type.symbols.length);
    case 'union': {
      const skips = type.of.map(avroSkipper);
      return (cursor) => skips[cursor.index(skips.length)]!(cursor);
    }
    case 'record': {
      const skips = type.fields.map((field) => avroSkipper(field.type));
      return (cursor) => {
        for (const skip of skips) skip(cursor);
      };
    }
    case 'array':
    case 'map': {
      const skip = avroSkipper(type.of);
      return (cursor) => {
        for (let count = cursor.block(); count > 0; count = cursor.block())
          for (let i = 0; i < count; i++) {
            if (type.kind === 'map') cursor.bytes();
            skip(cursor);
          }
      };
    }
  }
}
