/**
 * Thrift's compact protocol, in which the footer of a Parquet file is written: read into a tree, changed, written
 * again. The tree has values where its reader asked for them, by a shape; every other field is kept as the bytes that
 * it had.
 *
 * The bytes may come from anybody: a length that the bytes cannot hold is refused, and the depth and the size of the
 * tree are bounded.
 *
 *   struct  = (delta << 4 | type, value)* 0     a delta of 0: the field's number follows as a zigzag varint
 *   list    = size << 4 | type, value*          a size of 15: the size follows as a varint
 *   integer = zigzag varint | binary = varint length, bytes | double = 8 bytes
 */

export type ThriftValue = boolean | number | Buffer | ThriftList | ThriftStruct | KeptBytes;

/** A value that the shape leaves out, as it was written. */
interface KeptBytes {
  readonly kept: Buffer;
}

/**
 * The fields to read into values, by number: the fields of a struct or of a list of structs, or null for a plain
 * value.
 */
export type ThriftShape = ReadonlyMap<number, ThriftShape | null>;

export interface ThriftList {
  readonly type: number;
  readonly items: readonly ThriftValue[];
}

/** Fields by number, in the order of their bytes; the type belongs to the field. */
export type ThriftStruct = ReadonlyMap<number, ThriftField>;

export interface ThriftField {
  readonly type: number;
  readonly value: ThriftValue;
}

const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I16 = 4;
export const I32 = 5;
export const I64 = 6;
const DOUBLE = 7;
export const BINARY = 8;
export const LIST = 9;
const SET = 10;
const MAP = 11;
export const STRUCT = 12;
const UUID = 13;

/** What DuckDB and Apache's own readers follow is 64. */
const DEPTH = 64;
/** Of a tree: about a gigabyte of memory, or half a million column chunks. */
const MAX_FIELDS = 10_000_000;
/** A struct takes the memory of so many fields. */
const STRUCT_FIELDS = 3;

/** @throws Error where the bytes are no such struct, or too large a one */
export function readThrift(bytes: Buffer, shape: ThriftShape): ThriftStruct {
  return new Reader(bytes).struct(shape);
}

export function writeThrift(struct: ThriftStruct): Buffer {
  const writer = new Writer();
  writer.struct(struct);
  return writer.bytes();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #fields = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  struct(shape: ThriftShape): ThriftStruct {
    const fields = new Map<number, ThriftField>();
    this.#count(STRUCT_FIELDS);
    let id = 0;
    for (;;) {
      const head = this.#byte();
      if (head === 0) return fields;
      const type = head & 15;
      id = head >> 4 === 0 ? this.#zigzag() : id + (head >> 4);
      this.#count(1);
      fields.set(id, { type, value: this.#field(type, shape.get(id)) });
    }
  }

  #field(type: number, shape: ThriftShape | null | undefined): ThriftValue {
    if (type === TRUE || type === FALSE) return type === TRUE;
    const start = this.#at;
    if (shape === null && type <= BINARY) return this.#plain(type);
    if (shape && type === STRUCT) return this.struct(shape);
    if (shape && type === LIST) {
      const { size, of } = this.#listHead();
      if (of === STRUCT) return { type: of, items: Array.from({ length: size }, () => this.struct(shape)) };
      this.#at = start;
    }
    this.#skip(type, 0);
    return { kept: this.#bytes.subarray(start, this.#at) };
  }

  #plain(type: number): number | Buffer {
    if (type === BYTE) return this.#byte();
    if (type === DOUBLE) return this.#take(8);
    return type === BINARY ? this.#take(this.#varint()) : this.#zigzag();
  }

  /** Passes over a value that does not stand in the head of a field. */
  #skip(type: number, depth: number): void {
    if (depth > DEPTH) throw new Error(`the footer is nested deeper than ${DEPTH}`);
    if (type === TRUE || type === FALSE || type === BYTE) this.#take(1);
    else if (type === I16 || type === I32 || type === I64) this.#skipVarint();
    else if (type === DOUBLE) this.#take(8);
    else if (type === BINARY) this.#take(this.#varint());
    else if (type === UUID) this.#take(16);
    else if (type === STRUCT) {
      for (let head = this.#byte(); head !== 0; head = this.#byte()) {
        if (head >> 4 === 0) this.#skipVarint();
        if ((head & 15) !== TRUE && (head & 15) !== FALSE) this.#skip(head & 15, depth + 1);
      }
    } else if (type === LIST || type === SET) {
      const { size, of } = this.#listHead();
      for (let i = 0; i < size; i++) this.#skip(of, depth + 1);
    } else if (type === MAP) {
      const size = this.#size(this.#varint());
      const types = size === 0 ? 0 : this.#byte();
      for (let i = 0; i < size; i++) {
        this.#skip(types >> 4, depth + 1);
        this.#skip(types & 15, depth + 1);
      }
    } else throw new Error(`type ${type} at byte ${this.#at} of the footer is not known`);
  }

  #listHead(): { size: number; of: number } {
    const head = this.#byte();
    return { size: this.#size(head >> 4 === 15 ? this.#varint() : head >> 4), of: head & 15 };
  }

  /** Each item takes a byte at least. */
  #size(items: number): number {
    if (items > this.#bytes.length - this.#at)
      throw new Error(`a list of the footer claims ${items} items, more than it has bytes`);
    return items;
  }

  #count(fields: number): void {
    this.#fields += fields;
    if (this.#fields > MAX_FIELDS)
      throw new Error(`its footer has more than ${MAX_FIELDS} fields: write it with fewer row groups`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('the footer ends within a field');
    return byte;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Error('the footer ends within a field');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (byte < 128) break;
    }
    if (!Number.isSafeInteger(value)) throw new Error('a number of the footer is past 2^53');
    return value;
  }

  #skipVarint(): void {
    while (this.#byte() >= 128);
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

class Writer {
  #buffer = Buffer.allocUnsafe(4_096);
  #used = 0;

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#used);
  }

  struct(fields: ThriftStruct): void {
    let last = 0;
    for (const [id, { type, value }] of [...fields].toSorted(([a], [b]) => a - b)) {
      const written = type === TRUE || type === FALSE ? (value === true ? TRUE : FALSE) : type;
      const delta = id - last;
      if (delta > 0 && delta <= 15) {
        this.#byte((delta << 4) | written);
      } else {
        this.#byte(written);
        this.#zigzag(id);
      }
      last = id;
      if (written !== TRUE && written !== FALSE) this.#value(type, value);
    }
    this.#byte(0);
  }

  #value(type: number, value: ThriftValue): void {
    if (typeof value === 'object' && 'kept' in value) this.#bytes(value.kept);
    else if (type === BYTE) this.#byte(value as number);
    else if (type === STRUCT) this.struct(value as ThriftStruct);
    else if (typeof value === 'number') this.#zigzag(value);
    else if (Buffer.isBuffer(value)) {
      if (type === BINARY) this.#varint(value.length);
      this.#bytes(value);
    } else this.#list(value as ThriftList);
  }

  #list({ type, items }: ThriftList): void {
    this.#byte((Math.min(items.length, 15) << 4) | type);
    if (items.length >= 15) this.#varint(items.length);
    for (const item of items) this.#value(type, item);
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#buffer[this.#used++] = byte;
  }

  #bytes(bytes: Buffer): void {
    this.#room(bytes.length);
    this.#used += bytes.copy(this.#buffer, this.#used);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 128);
    this.#byte(rest);
  }

  #zigzag(value: number): void {
    this.#varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  #room(length: number): void {
    if (this.#used + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe((this.#used + length) * 2);
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }
}
