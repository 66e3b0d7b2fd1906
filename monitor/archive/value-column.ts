/**
 * Which column of DuckDB holds the values of a type, and how a MessagePack value of a stored row gets into it: the
 * same rules as `decodeRowValues` (contract/wire/online/row-codec.ts), which a property test holds it to.
 */
import { isUtf8 } from 'node:buffer';
import type { ValueType } from '../../contract/value-type.ts';
import { CHUNK_ROWS, Column } from '../../project/engine/duckdb/column.ts';

/**
 * @param rows  how many values there is room for at once, a multiple of 8
 * @returns     an empty column for values of a type, laid out as `duckTypeOf(type)`
 */
export function columnOf(type: ValueType, rows = CHUNK_ROWS): Column {
  switch (type.kind) {
    case 'bool':
      return new Column('bits8', [], rows);
    case 'int32':
    case 'float32':
      return new Column('bits32', [], rows);
    case 'int64':
    case 'float64':
    case 'timestamp':
      return new Column('bits64', [], rows);
    case 'string':
    case 'bytes':
      return new Column('text', [], rows);
    case 'embedding':
      return new Column('list', [new Column('bits32', [], rows)], rows);
    case 'list':
      return new Column('list', [columnOf(type.of, rows)], rows);
    case 'map': {
      const entry = new Column('struct', [new Column('text', [], rows), columnOf(type.of, rows)], rows);
      return new Column('list', [entry], rows);
    }
    case 'struct': {
      const fields = type.fields.map((field) => columnOf(field.type, rows));
      return new Column('struct', fields, rows);
    }
  }
}

const NIL = 0xc0;
const FLOAT = 0xca;
const DOUBLE = 0xcb;
/** No value begins so: what is read where the row has ended. */
const NONE = 0xc1;
const SHORT_TEXT = 64;

/** Reads the values of stored rows, one row at a time. A method returns false when the bytes are no such value. */
export class ValueReader {
  #buffer: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  /** The integer that was read last, in two words. */
  #low = 0;
  #high = 0;

  /** @param view  of the same bytes */
  goTo(buffer: Buffer, view: DataView): void {
    this.#buffer = buffer;
    this.#view = view;
  }

  /** Begins with a row's values, an array in [from, to). @returns how many it says they are; -1: it is no array */
  begin(from: number, to: number): number {
    this.#at = from;
    this.#end = to;
    return this.#count(0x90, 0xdc);
  }

  /** Whether all of the row was read. */
  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Reads the next value into a row of a column. */
  value(type: ValueType, column: Column, row: number): boolean {
    const at = this.#at;
    const code = at < this.#end ? this.#buffer[at]! : NONE;
    if (code === NIL) {
      this.#at = at + 1;
      column.setNull(row);
      return true;
    }
    switch (type.kind) {
      case 'float64': {
        if (code !== DOUBLE || at + 9 > this.#end) return false;
        this.#at = at + 9;
        const { words } = column;
        words[row * 2] = this.#view.getUint32(at + 5);
        words[row * 2 + 1] = this.#view.getUint32(at + 1);
        return true;
      }
      case 'float32':
        if (code !== FLOAT || at + 5 > this.#end) return false;
        this.#at = at + 5;
        column.words[row] = this.#view.getUint32(at + 1);
        return true;
      case 'int32':
        if (!this.#integer(code) || this.#high !== this.#low >> 31) return false;
        column.words[row] = this.#low;
        return true;
      case 'int64':
      case 'timestamp': {
        if (!this.#integer(code)) return false;
        const { words } = column;
        words[row * 2] = this.#low;
        words[row * 2 + 1] = this.#high;
        return true;
      }
      case 'bool':
        this.#at = at + 1;
        column.bytes[row] = code & 1;
        return code === 0xc2 || code === 0xc3;
      default:
        return this.#wide(type, column, row);
    }
  }

  #wide(type: ValueType, column: Column, row: number): boolean {
    switch (type.kind) {
      case 'string':
        return this.#text(column, row);
      case 'bytes': {
        const length = this.#length(0xc4);
        if (length < 0) return false;
        column.setText(row, this.#buffer, this.#at, this.#at + length);
        this.#at += length;
        return true;
      }
      case 'embedding':
        return this.#embedding(type.size, column, row);
      case 'list':
        return this.#list(type.of, column, row);
      case 'map':
        return this.#map(type.of, column, row);
      case 'struct':
        if (this.#count(0x90, 0xdc) !== type.fields.length) return false;
        for (const [i, field] of type.fields.entries()) {
          if (!this.value(field.type, column.children[i]!, row)) return false;
        }
        return true;
      default:
        return false;
    }
  }

  #embedding(size: number, column: Column, row: number): boolean {
    if (this.#length(0xc4) !== size * 4) return false;
    const start = column.openList(row, size);
    // Little endian in the row as in memory.
    column.children[0]!.bytes.set(this.#buffer.subarray(this.#at, this.#at + size * 4), start * 4);
    this.#at += size * 4;
    return true;
  }

  #list(of: ValueType, column: Column, row: number): boolean {
    const count = this.#count(0x90, 0xdc);
    // Every item takes a byte at least: a count that is a lie takes no memory.
    if (count < 0 || count > this.#end - this.#at) return false;
    const start = column.openList(row, count);
    for (let i = 0; i < count; i++) if (!this.value(of, column.children[0]!, start + i)) return false;
    return true;
  }

  #map(of: ValueType, column: Column, row: number): boolean {
    const count = this.#count(0x80, 0xde);
    if (count < 0 || count > this.#end - this.#at) return false;
    const start = column.openList(row, count);
    const [keys, items] = column.children[0]!.children as [Column, Column];
    let [lastFrom, lastTo] = [-1, -1];
    for (let i = 0; i < count; i++) {
      if (!this.#text(keys, start + i)) return false;
      const to = this.#at;
      const from = this.#textFrom;
      if (lastFrom >= 0 && this.#buffer.compare(this.#buffer, from, to, lastFrom, lastTo) >= 0) return false;
      [lastFrom, lastTo] = [from, to];
      if (!this.value(of, items, start + i)) return false;
    }
    return true;
  }

  #textFrom = 0;

  #text(column: Column, row: number): boolean {
    const code = this.#at < this.#end ? this.#buffer[this.#at]! : NONE;
    const isShort = code >= 0xa0 && code < 0xc0;
    if (isShort) this.#at += 1;
    const length = isShort ? code - 0xa0 : this.#length(0xd9);
    const from = this.#at;
    const to = from + length;
    if (length < 0 || to > this.#end) return false;
    for (let at = from; at < to; at++) {
      if (this.#buffer[at]! < 128 && at < from + SHORT_TEXT) continue;
      if (!isUtf8(this.#buffer.subarray(at, to))) return false;
      break;
    }
    column.setText(row, this.#buffer, from, to);
    this.#textFrom = from;
    this.#at = to;
    return true;
  }

  /** @returns the length of 1, 2 or 4 bytes behind `code`, `code + 1` or `code + 2`; -1: none, or past the row's end */
  #length(code: number): number {
    const own = this.#at < this.#end ? this.#buffer[this.#at]! : NONE;
    const bytes = own === code ? 1 : own === code + 1 ? 2 : own === code + 2 ? 4 : 0;
    const head = this.#at + 1 + bytes;
    if (bytes === 0 || head > this.#end) return -1;
    const length = this.#buffer.readUIntBE(this.#at + 1, bytes);
    this.#at = head;
    return length <= this.#end - head ? length : -1;
  }

  /** @returns how many items the array (map) has that begins here; -1: none begins here */
  #count(fix: number, code16: number): number {
    const code = this.#at < this.#end ? this.#buffer[this.#at]! : NONE;
    const bytes = code === code16 ? 2 : code === code16 + 1 ? 4 : 0;
    const isFix = code >= fix && code < fix + 16;
    if ((bytes === 0 && !isFix) || this.#at + 1 + bytes > this.#end) return -1;
    const count = isFix ? code - fix : this.#buffer.readUIntBE(this.#at + 1, bytes);
    this.#at += 1 + bytes;
    return count;
  }

  /** Reads an integer of any width that fits 64 bits with a sign into `#low` and `#high`. */
  #integer(code: number): boolean {
    const at = this.#at + 1;
    if (code < 0x80 || code >= 0xe0) {
      this.#at = at;
      return this.#small(code < 0x80 ? code : code - 256);
    }
    const isSigned = code >= 0xd0 && code <= 0xd3;
    if (!isSigned && !(code >= 0xcc && code <= 0xcf)) return false;
    const bytes = 1 << (code & 3);
    if (at + bytes > this.#end) return false;
    this.#at = at + bytes;
    const view = this.#view;
    if (bytes === 1) return this.#small(isSigned ? view.getInt8(at) : view.getUint8(at));
    if (bytes === 2) return this.#small(isSigned ? view.getInt16(at) : view.getUint16(at));
    if (bytes === 4) {
      this.#low = view.getInt32(at);
      this.#high = isSigned ? this.#low >> 31 : 0;
      return true;
    }
    this.#high = view.getInt32(at);
    this.#low = view.getInt32(at + 4);
    return isSigned || this.#high >= 0;
  }

  #small(value: number): boolean {
    this.#low = value;
    this.#high = value >> 31;
    return true;
  }
}
