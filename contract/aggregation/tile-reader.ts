/**
 * Reads what tile-writer.ts wrote. Bytes may be anything: what no writer wrote is a TileFault that says where, never a
 * wrong tile. A number has one form, the shortest.
 */
import { isUtf8 } from 'node:buffer';
import type { ValueType } from '../value-type.ts';
import type { TileValue } from './canonical-order.ts';
import { wholeOf } from './fixed-point.ts';
import type { Whole } from './fixed-point.ts';

/** Bytes or JSON that are no tile of the plan they are read by. */
export class TileFault extends Error {
  override readonly name = 'TileFault';
}

/** Sums have at most 128 bits and a sign, which is 19 bytes of seven. */
const MAX_WHOLE_BYTES = 19;
const MAX_COUNT_BYTES = 8;

export class TileReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  fault(what: string): TileFault {
    return new TileFault(`${what} at byte ${this.#at} of a tile of ${this.#bytes.length}`);
  }

  /** Of the next byte. */
  get at(): number {
    return this.#at;
  }

  /** @throws TileFault where bytes are left */
  end(): void {
    if (this.#at !== this.#bytes.length) throw this.fault('expected the end');
  }

  byte(): number {
    if (this.#at === this.#bytes.length) throw this.fault('expected another byte, the tile ends');
    return this.#bytes[this.#at++]!;
  }

  flag(): boolean {
    const byte = this.byte();
    if (byte > 1) throw this.fault(`expected 0 or 1, got ${byte},`);
    return byte === 1;
  }

  count(): number {
    let value = 0;
    let factor = 1;
    for (let bytes = 1; ; bytes++, factor *= 128) {
      const byte = this.byte();
      value += (byte % 128) * factor;
      if (byte < 128) {
        if ((byte === 0 && bytes > 1) || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      if (bytes === MAX_COUNT_BYTES) break;
    }
    throw this.fault('expected a count up to 2^53 - 1 in its shortest form');
  }

  /** How many entries of at least a byte follow. */
  #entries(): number {
    const count = this.count();
    if (count > this.#bytes.length - this.#at) throw this.fault(`expected ${count} entries, the tile ends`);
    return count;
  }

  /** Entries one after the other, each behind the one before it. */
  ascending<Entry>(entry: () => Entry, compare: (a: Entry, b: Entry) => number): Entry[] {
    const list: Entry[] = [];
    for (let left = this.#entries(); left > 0; left--) {
      const next = entry();
      if (list.length > 0 && compare(list.at(-1)!, next) >= 0) throw this.fault('expected entries in order');
      list.push(next);
    }
    return list;
  }

  whole(): Whole {
    const from = this.#at;
    let value = 0;
    let factor = 1;
    for (let bytes = 1; bytes <= MAX_COUNT_BYTES; bytes++, factor *= 128) {
      const byte = this.byte();
      value += (byte % 128) * factor;
      if (value > Number.MAX_SAFE_INTEGER) break;
      if (byte >= 128) continue;
      if (byte === 0 && bytes > 1) break;
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    this.#at = from;
    return this.#wideWhole();
  }

  /** A time in microseconds. */
  time(): number {
    const value = this.whole();
    if (typeof value !== 'number') throw this.fault(`expected a time, got ${value},`);
    return value;
  }

  #wideWhole(): Whole {
    let value = 0n;
    for (let bytes = 1; bytes <= MAX_WHOLE_BYTES; bytes++) {
      const byte = this.byte();
      value += BigInt(byte % 128) << BigInt(7 * (bytes - 1));
      if (byte >= 128) continue;
      if (byte === 0 && bytes > 1) break;
      return wholeOf(value % 2n === 0n ? value / 2n : -(value + 1n) / 2n);
    }
    throw this.fault('expected a whole number in its shortest form');
  }

  text(): string {
    const bytes = this.#slice(this.count());
    if (!isUtf8(bytes)) throw this.fault('expected UTF-8');
    return bytes.toString('utf8');
  }

  value({ kind }: ValueType): TileValue {
    switch (kind) {
      case 'bool':
        return this.flag();
      case 'string':
        return this.text();
      case 'float32':
        return this.#finite(this.#slice(4).readFloatBE());
      case 'float64':
        return this.#finite(this.#slice(8).readDoubleBE());
      case 'int32':
        return Number(this.#inBits(32));
      default:
        return this.#inBits(64);
    }
  }

  #finite(value: number): number {
    if (!Number.isFinite(value) || Object.is(value, -0))
      throw this.fault(`expected a finite number, got ${value},`);
    return value;
  }

  #inBits(bits: number): bigint {
    const value = BigInt(this.whole());
    if (BigInt.asIntN(bits, value) !== value)
      throw this.fault(`expected a number of ${bits} bits, got ${value},`);
    return value;
  }

  #slice(bytes: number): Buffer {
    if (bytes > this.#bytes.length - this.#at) throw this.fault(`expected ${bytes} more bytes`);
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }
}
