/**
 * What was computed for a vector, and of what, as bytes of the log: fields 4 to 8 of its message (Vector of
 * served.proto). Those of all vectors of a request stand in one buffer, which is used again for the next request.
 *
 *   | fields of a vector | fields of a vector | ..
 *   fields = inputs | outputs | statuses | HMACs of inputs, of outputs        each one left out where it is empty
 *
 * Written by the sidecar's vector log; record-content.ts and served-decoder.ts read it.
 */
import type { Value, ValueType } from '../../value-type.ts';
import { ValueWriter } from '../online/value-writer.ts';

const TAGS = { inputs: 0x22, outputs: 0x2a, inputHmacs: 0x3a, outputHmacs: 0x42 } as const;
const STATUSES = 0x32;
const NIL = 0xc0;
const FLOAT_64 = 0xcb;
const ARRAY = 0x90;
const ARRAY_16 = 0xdc;
const PADDED = 4;

export class ComputedFields extends ValueWriter {
  #open = 0;

  /** Forgets what was written: those bytes are written over. */
  clear(): void {
    this.at = 0;
  }

  get length(): number {
    return this.at;
  }

  /** All that was written; valid until more is. */
  get written(): Buffer {
    return this.buffer;
  }

  /** Begins the array of so many values; `close` ends it. */
  open(list: 'inputs' | 'outputs', count: number): void {
    this.reserve(1 + PADDED);
    this.buffer[this.at] = TAGS[list];
    this.at += 1 + PADDED;
    this.#open = this.at;
    this.count(count, ARRAY, 16, ARRAY_16);
  }

  /** @param value  of the type, or null */
  add(type: ValueType, value: Value): void {
    this.value(type, value);
  }

  /**
   * As `add` of values that are all float64.
   *
   * @param columns  where they stand, from `from` on
   */
  doubles(values: readonly Value[], from: number, columns: readonly number[]): void {
    this.reserve(9 * columns.length);
    const { buffer: b, view } = this;
    let at = this.at;
    for (let i = 0; i < columns.length; i++) {
      const value = values[from + columns[i]!]!;
      b[at] = value === null ? NIL : FLOAT_64;
      if (value !== null) view.setFloat64(at + 1, value as number);
      at += value === null ? 1 : 9;
    }
    this.at = at;
  }

  close(): void {
    const length = this.at - this.#open;
    const b = this.buffer;
    b[this.#open - 4] = length | 0x80;
    b[this.#open - 3] = (length >>> 7) | 0x80;
    b[this.#open - 2] = (length >>> 14) | 0x80;
    b[this.#open - 1] = length >>> 21;
  }

  /** What was written before, once more; `to` is not included. */
  again(from: number, to: number): void {
    this.reserve(to - from);
    this.buffer.copyWithin(this.at, from, to);
    this.at += to - from;
  }

  /** @param statuses  one for each on-demand view, from `from` on; at most 127 of them */
  statuses(statuses: readonly number[], from: number, count: number): void {
    this.reserve(2 + count);
    this.buffer[this.at++] = STATUSES;
    this.buffer[this.at++] = count;
    for (let i = 0; i < count; i++) this.buffer[this.at++] = statuses[from + i]!;
  }

  /** @param digest  of 32 bytes */
  hmac(list: 'inputHmacs' | 'outputHmacs', digest: Buffer): void {
    this.reserve(2 + digest.length);
    this.buffer[this.at++] = TAGS[list];
    this.buffer[this.at++] = digest.length;
    this.buffer.set(digest, this.at);
    this.at += digest.length;
  }
}
