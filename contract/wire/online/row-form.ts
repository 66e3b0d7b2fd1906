/**
 * Whether the values of a row stand as `RowEncoder` writes them, gone over once without building anything.
 *
 * A general MessagePack decoder gives the number 1 for an integer and for two kinds of floats, puts U+FFFD where text
 * is no UTF-8 and keeps the last of two equal keys: a row that other software wrote, or that was damaged, would be
 * served as if it were whole. Called by `decodeRowValues` before it decodes; rows of numbers never come here.
 */
import { isUtf8 } from 'node:buffer';
import { formatType } from '../../value-type.ts';
import type { ValueType } from '../../value-type.ts';

/** A row is cut off by it: no value of ours begins so. */
const NONE = 0xc1;
const NIL = 0xc0;
/** So much ASCII is looked at here, cheaper than a call into C++. */
const SHORT_TEXT = 64;

/** @throws TypeError when it is no such row: it is corrupt and must not be served */
export function checkRowForm(types: readonly ValueType[], row: Buffer, from: number): void {
  const form = new RowForm(row, from);
  if (form.count(0x90, 0xdc) !== types.length) {
    throw new TypeError(`the row should hold an array of ${types.length} values`);
  }
  for (let i = 0; i < types.length; i++) form.value(types[i]!);
  if (form.at !== row.length) throw new TypeError('the row has bytes behind its last value');
}

class RowForm {
  readonly #row: Buffer;
  at: number;

  constructor(row: Buffer, from: number) {
    this.#row = row;
    this.at = from;
  }

  value(type: ValueType): void {
    const code = this.#row[this.at] ?? NONE;
    if (code === NIL) {
      this.at += 1;
      return;
    }
    switch (type.kind) {
      case 'bool':
        return this.#skip(code === 0xc2 || code === 0xc3 ? 1 : 0, type);
      case 'int32':
      case 'int64':
      case 'timestamp':
        return this.#skip(integerBytes(code), type);
      case 'float32':
        return this.#skip(code === 0xca ? 5 : 0, type);
      case 'float64':
        return this.#skip(code === 0xcb ? 9 : 0, type);
      case 'string':
        return this.#text(type);
      case 'bytes':
      case 'embedding':
        return this.#skip(this.#length(0xc4, type), type);
      case 'list':
        return this.#items(type);
      case 'struct':
        return this.#fields(type);
      case 'map':
        return this.#entries(type);
    }
  }

  /** @returns how many items the array (map) has that begins here; -1: none begins here */
  count(fix: number, code16: number): number {
    const code = this.#row[this.at] ?? NONE;
    const bytes = code === code16 ? 2 : code === code16 + 1 ? 4 : 0;
    const isFix = code >= fix && code < fix + 16;
    if ((bytes === 0 && !isFix) || this.at + 1 + bytes > this.#row.length) return -1;
    const count = isFix ? code - fix : this.#row.readUIntBE(this.at + 1, bytes);
    this.at += 1 + bytes;
    return count;
  }

  #items(type: ValueType & { readonly kind: 'list' }): void {
    const count = this.count(0x90, 0xdc);
    if (count === -1) throw misplaced(type);
    for (let i = 0; i < count; i++) this.value(type.of);
  }

  #fields(type: ValueType & { readonly kind: 'struct' }): void {
    if (this.count(0x90, 0xdc) !== type.fields.length) throw misplaced(type);
    for (const field of type.fields) this.value(field.type);
  }

  #entries(type: ValueType & { readonly kind: 'map' }): void {
    const count = this.count(0x80, 0xde);
    if (count === -1) throw misplaced(type);
    let last: Buffer | null = null;
    for (let i = 0; i < count; i++) {
      const end = this.#textEnd(type);
      const key: Buffer = this.#row.subarray(this.at, end);
      if (last !== null && last.compare(key) >= 0) {
        throw new TypeError('the row holds a map whose keys are not in order, each once');
      }
      last = key;
      this.at = end;
      this.value(type.of);
    }
  }

  #text(type: ValueType): void {
    this.at = this.#textEnd(type);
  }

  /** Goes behind the length of the text that begins here. @returns where the text ends */
  #textEnd(type: ValueType): number {
    const code = this.#row[this.at] ?? NONE;
    const isFix = code >= 0xa0 && code < 0xc0;
    const whole = isFix ? 1 + code - 0xa0 : this.#length(0xd9, type);
    const head = isFix ? 1 : 1 + 2 ** (code - 0xd9);
    const end = this.at + whole;
    if (end > this.#row.length) throw cutOff();
    this.at += head;
    for (let at = this.at; at < end; at++) {
      if (this.#row[at]! < 128 && at < this.at + SHORT_TEXT) continue;
      if (isUtf8(this.#row.subarray(at, end))) break;
      throw new TypeError('the row holds text that is no UTF-8');
    }
    return end;
  }

  /** @returns the bytes of a value whose length of 1, 2 or 4 bytes stands behind `code`, all of them together */
  #length(code: number, type: ValueType): number {
    const lengthBytes = 2 ** ((this.#row[this.at] ?? NONE) - code);
    if (lengthBytes !== 1 && lengthBytes !== 2 && lengthBytes !== 4) throw misplaced(type);
    if (this.at + 1 + lengthBytes > this.#row.length) throw cutOff();
    return 1 + lengthBytes + this.#row.readUIntBE(this.at + 1, lengthBytes);
  }

  #skip(bytes: number, type: ValueType): void {
    if (bytes === 0) throw misplaced(type);
    this.at += bytes;
    if (this.at > this.#row.length) throw cutOff();
  }
}

/** @returns how long an integer is that begins with the code; 0: none does */
function integerBytes(code: number): number {
  if (code < 0x80 || code >= 0xe0) return 1;
  if (code >= 0xcc && code <= 0xcf) return 1 + 2 ** (code - 0xcc);
  return code >= 0xd0 && code <= 0xd3 ? 1 + 2 ** (code - 0xd0) : 0;
}

function misplaced(type: ValueType): TypeError {
  return new TypeError(`the row does not fit its definition: expected the encoding of ${formatType(type)}`);
}

function cutOff(): TypeError {
  return new TypeError('the row is cut off');
}
