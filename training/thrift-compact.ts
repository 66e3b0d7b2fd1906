/**
 * Thrift's compact protocol, in which the footer of a Parquet file is written: read into a tree, changed, written again.
 * What is not known here is kept: a tree holds every field that its bytes had.
 *
 *   struct  = (delta << 4 | type, value)* 0     a delta of 0: the field's number follows as a zigzag varint
 *   list    = size << 4 | type, value*          a size of 15: the size follows as a varint
 *   integer = zigzag varint | binary = varint length, bytes | double = 8 bytes
 */

export type ThriftValue = boolean | number | Buffer | ThriftList | ThriftStruct;

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
export const STRUCT = 12;

/** @throws Error where the bytes are no such struct */
export function readThrift(bytes: Buffer): ThriftStruct {
  return new Reader(bytes).struct();
}

export function writeThrift(struct: ThriftStruct): Buffer {
  const writer = new Writer();
  writer.struct(struct);
  return writer.bytes();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  struct(): ThriftStruct {
    const fields = new Map<number, ThriftField>();
    let id = 0;
    for (;;) {
      const head = this.#byte();
      if (head === 0) return fields;
      const type = head & 15;
      id = head >> 4 === 0 ? this.#zigzag() : id + (head >> 4);
      fields.set(id, { type, value: type === TRUE || type === FALSE ? type === TRUE : this.#value(type) });
    }
  }

  #value(type: number): ThriftValue {
    switch (type) {
      case TRUE:
      case FALSE:
        return this.#byte() === TRUE;
      case BYTE:
        return this.#byte();
      case I16:
      case I32:
      case I64:
        return this.#zigzag();
      case DOUBLE:
        return this.#take(8);
      case BINARY:
        return this.#take(this.#varint());
      case LIST:
      case SET: {
        const head = this.#byte();
        const size = head >> 4 === 15 ? this.#varint() : head >> 4;
        const of = head & 15;
        return { type: of, items: Array.from({ length: size }, () => this.#value(of)) };
      }
      case STRUCT:
        return this.struct();
      default:
        throw new Error(`type ${type} at byte ${this.#at} of the footer is not known`);
    }
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
    if (type === TRUE || type === FALSE) this.#byte(value === true ? TRUE : FALSE);
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
