/**
 * Values of a batch, column by column, as Plumbline's own. A field was held against its type before (`misfitOf`); what
 * only a value can show is a BadValue. Buffers are read where they lie; bytes and embeddings are copied out.
 */
import { isUtf8 } from 'node:buffer';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { ArrowField, ArrowLayout } from './arrow-field.ts';
import { StreamFault } from './arrow-stream.ts';
import type { ArrowBatch } from './arrow-stream.ts';

/** A value that is none of its type, as the end of a sentence. */
export class BadValue extends Error {
  override readonly name = 'BadValue';
}

/** @throws BadValue; StreamFault when what it needs does not lie in the batch */
type ReadValue = (at: number) => Value;

/** @returns for each field how its values are read. @throws StreamFault */
export function openColumns(
  batch: ArrowBatch,
  fields: readonly ArrowField[],
  types: readonly ValueType[],
): ReadValue[] {
  const cursor = new BatchCursor(batch);
  return fields.map((field, i) => openField(cursor, field, types[i]!, batch.rows).read);
}

interface Opened {
  readonly read: ReadValue;
  /** How many values it has. */
  readonly length: number;
}

/** @param atLeast  how many values it must have */
function openField(cursor: BatchCursor, field: ArrowField, type: ValueType, atLeast: number): Opened {
  const [length, nulls] = cursor.node(atLeast);
  if (field.layout.kind === 'null') return { read: () => null, length };
  const validity = cursor.validity(length, nulls);
  const read = openPresent(cursor, field, type, length);
  if (validity === null) return { read, length };
  return { read: (at) => (((validity[at >> 3]! >> (at & 7)) & 1) === 0 ? null : read(at)), length };
}

function openPresent(cursor: BatchCursor, field: ArrowField, type: ValueType, length: number): ReadValue {
  const { layout, children } = field;
  switch (layout.kind) {
    case 'bool': {
      const bits = cursor.numbers(Uint8Array, Math.ceil(length / 8));
      return (at) => ((bits[at >> 3]! >> (at & 7)) & 1) === 1;
    }
    case 'int':
      return openIntegers(cursor, layout, type, length);
    case 'float': {
      const numbers =
        layout.bytes === 4 ? cursor.numbers(Float32Array, length) : cursor.numbers(Float64Array, length);
      return (at) => numbers[at]!;
    }
    case 'timestamp':
      return openTimes(cursor.numbers(BigInt64Array, length), layout.unit);
    case 'string':
    case 'bytes':
      return openBytes(cursor, layout, length);
    case 'list': {
      const ends = cursor.ends(layout.wide, length);
      return openItems(openItem(cursor, children[0]!, type, 0), type, ends);
    }
    case 'fixed list': {
      const { size } = layout;
      const items = openItem(cursor, children[0]!, type, length * size);
      return openItems(items, type, (at) => [at * size, (at + 1) * size]);
    }
    case 'map':
      return openMaps(cursor, children[0]!, type as ValueType & { kind: 'map' }, length);
    case 'struct':
      return openStructs(cursor, children, type as ValueType & { kind: 'struct' }, length);
    default:
      throw new StreamFault(`it has a column of ${layout.kind}`);
  }
}

function openIntegers(
  cursor: BatchCursor,
  { bytes, signed }: ArrowLayout & { kind: 'int' },
  type: ValueType,
  length: number,
): ReadValue {
  if (bytes === 8) {
    const numbers = cursor.numbers(BigInt64Array, length);
    return (at) => numbers[at]!;
  }
  const numbers = narrowIntegers(cursor, bytes, signed, length);
  return type.kind === 'int64' ? (at) => BigInt(numbers[at]!) : (at) => numbers[at]!;
}

function narrowIntegers(cursor: BatchCursor, bytes: number, signed: boolean, length: number) {
  switch (bytes) {
    case 1:
      return signed ? cursor.numbers(Int8Array, length) : cursor.numbers(Uint8Array, length);
    case 2:
      return signed ? cursor.numbers(Int16Array, length) : cursor.numbers(Uint16Array, length);
    default:
      return signed ? cursor.numbers(Int32Array, length) : cursor.numbers(Uint32Array, length);
  }
}

function openTimes(numbers: BigInt64Array, unit: (ArrowLayout & { kind: 'timestamp' })['unit']): ReadValue {
  if (unit === 'us') return (at) => numbers[at]!;
  if (unit === 'ns') {
    return (at) => {
      const time = numbers[at]!;
      if (time % 1_000n !== 0n) throw new BadValue(`the time ${time} ns is no whole microsecond`);
      return time / 1_000n;
    };
  }
  const factor = unit === 's' ? 1_000_000n : 1_000n;
  return (at) => {
    const time = numbers[at]! * factor;
    if (BigInt.asIntN(64, time) !== time)
      throw new BadValue(`the time ${numbers[at]!} ${unit} is past 2^63 microseconds`);
    return time;
  };
}

function openBytes(
  cursor: BatchCursor,
  { kind, wide }: ArrowLayout & { kind: 'string' | 'bytes' },
  length: number,
): ReadValue {
  const ends = cursor.ends(wide, length);
  const bytes = cursor.rest();
  const rangeOf = (at: number): readonly [number, number] => {
    const [from, to] = ends(at);
    if (to > bytes.length) throw new StreamFault('a batch of it ends before its values');
    return [from, to];
  };
  if (kind === 'bytes') {
    return (at) => {
      const [from, to] = rangeOf(at);
      return new Uint8Array(bytes.subarray(from, to));
    };
  }
  return (at) => {
    const [from, to] = rangeOf(at);
    const text = bytes.toString('utf8', from, to);
    // What is no UTF-8 reads as this character, which a text may also have of its own.
    if (text.includes('\ufffd') && !isUtf8(bytes.subarray(from, to)))
      throw new BadValue('its text is no UTF-8');
    return text;
  };
}

function openItem(cursor: BatchCursor, child: ArrowField, type: ValueType, atLeast: number): Opened {
  const of: ValueType = type.kind === 'list' ? type.of : { kind: 'float32' };
  return openField(cursor, child, of, atLeast);
}

/** @param ends  where the items of a list begin and end */
function openItems(
  { read, length }: Opened,
  type: ValueType,
  ends: (at: number) => readonly [number, number],
): ReadValue {
  const rangeOf = (at: number): readonly [number, number] => {
    const [from, to] = ends(at);
    if (to > length) throw new StreamFault('a batch of it ends before its values');
    return [from, to];
  };
  if (type.kind !== 'embedding') {
    return (at) => {
      const [from, to] = rangeOf(at);
      return Array.from({ length: to - from }, (_, i) => read(from + i));
    };
  }
  return (at) => {
    const [from, to] = rangeOf(at);
    if (to - from !== type.size)
      throw new BadValue(`it has ${to - from} numbers, and an embedding(${type.size}) was expected`);
    const floats = new Float32Array(type.size);
    for (let i = 0; i < floats.length; i++) {
      const number = read(from + i);
      if (number === null) throw new BadValue('an embedding has a null in it');
      floats[i] = number as number;
    }
    return floats;
  };
}

function openMaps(
  cursor: BatchCursor,
  { children }: ArrowField,
  type: ValueType & { kind: 'map' },
  length: number,
): ReadValue {
  const ends = cursor.ends(false, length);
  const [pairs, nulls] = cursor.node(0);
  cursor.validity(pairs, nulls);
  const keys = openField(cursor, children[0]!, { kind: 'string' }, pairs).read;
  const values = openField(cursor, children[1]!, type.of, pairs).read;
  return (at) => {
    const [from, to] = ends(at);
    if (to > pairs) throw new StreamFault('a batch of it ends before its values');
    const map = new Map<string, Value>();
    for (let i = from; i < to; i++) {
      const key = keys(i);
      if (key === null) throw new BadValue('a map has a null as a key');
      if (map.has(key as string)) throw new BadValue(`a map has the key ${JSON.stringify(key)} twice`);
      map.set(key as string, values(i));
    }
    return map;
  };
}

function openStructs(
  cursor: BatchCursor,
  children: readonly ArrowField[],
  type: ValueType & { kind: 'struct' },
  length: number,
): ReadValue {
  // Their buffers lie in the order of the schema, which may be another one.
  const byName = new Map<string, ReadValue>();
  for (const child of children) {
    const of = type.fields.find(({ name }) => name === child.name)!.type;
    byName.set(child.name, openField(cursor, child, of, length).read);
  }
  const fields = type.fields.map(({ name }) => ({ name, read: byName.get(name)! }));
  return (at) => Object.fromEntries(fields.map(({ name, read }) => [name, read(at)]));
}

type NumberArray<Of> = {
  new (buffer: ArrayBuffer, offset: number, length: number): Of;
  readonly BYTES_PER_ELEMENT: number;
};

/** Goes through the nodes and buffers of a batch in the order of its fields. */
class BatchCursor {
  readonly #batch: ArrowBatch;
  #node = 0;
  #buffer = 0;

  constructor(batch: ArrowBatch) {
    this.#batch = batch;
  }

  node(atLeast: number): readonly [length: number, nulls: number] {
    const node = this.#batch.nodes[this.#node++];
    if (node === undefined) throw new StreamFault('a batch of it has fewer columns than its schema');
    const [length, nulls] = node;
    if (length < atLeast || nulls < 0 || nulls > length || length > 2 ** 31)
      throw new StreamFault(`a column of a batch claims ${length} values, ${nulls} of them null`);
    return node;
  }

  /** @returns null where no value is null */
  validity(length: number, nulls: number): Uint8Array | null {
    const [, bytes] = this.#batch.buffers[this.#buffer] ?? [0, 0];
    if (nulls === 0) {
      this.#buffer += 1;
      return null;
    }
    if (bytes === 0) throw new StreamFault('a column of a batch claims nulls and does not say which');
    return this.numbers(Uint8Array, Math.ceil(length / 8));
  }

  /** @returns the next buffer's first numbers */
  numbers<Of>(of: NumberArray<Of>, count: number): Of {
    const bytes = this.rest();
    const size = count * of.BYTES_PER_ELEMENT;
    if (size > bytes.length) throw new StreamFault('a batch of it ends before its values');
    const { buffer, byteOffset } = bytes;
    if (byteOffset % of.BYTES_PER_ELEMENT === 0) return new of(buffer, byteOffset, count);
    return new of(buffer.slice(byteOffset, byteOffset + size), 0, count);
  }

  /** @returns the next buffer, whole */
  rest(): Buffer<ArrayBuffer> {
    const place = this.#batch.buffers[this.#buffer++];
    if (place === undefined) throw new StreamFault('a batch of it has fewer buffers than its schema needs');
    const [offset, bytes] = place;
    const { body } = this.#batch;
    if (offset < 0 || bytes < 0 || offset + bytes > body.length)
      throw new StreamFault('a batch of it ends before its values');
    return Buffer.from(body.buffer, body.byteOffset + offset, bytes);
  }

  /** @returns where a value's items or bytes begin and end, which is in order and from 0 */
  ends(wide: boolean, length: number): (at: number) => readonly [number, number] {
    // A column without values may be without offsets.
    const count = length === 0 ? 0 : length + 1;
    if (wide) {
      const offsets = this.numbers(BigInt64Array, count);
      return (at) => inOrder(Number(offsets[at]!), Number(offsets[at + 1]!));
    }
    const offsets = this.numbers(Int32Array, count);
    return (at) => inOrder(offsets[at]!, offsets[at + 1]!);
  }
}

function inOrder(from: number, to: number): readonly [number, number] {
  if (from < 0 || to < from) throw new StreamFault('a batch of it has values that end before they begin');
  return [from, to];
}
