/**
 * Reads a message of Protocol Buffers field by field, without a schema and without a copy: messages of gRPC.
 *
 *   message = field*      field = varint (number << 3 | wire type) | value
 *   value   = 0 varint | 1 eight bytes | 2 varint length, bytes | 5 four bytes
 *
 *   while ((field = reader.next()) !== 0) if (field === 1) name = reader.text(); else reader.skip();
 *
 * Each method reads the value of the field that `next` found, once. Bytes from outside may be anything: what is no such
 * message, or another wire type than the one asked for, is an Error with a clause that says what and where.
 */
import { isUtf8 } from 'node:buffer';

const VARINT = 0;
const EIGHT_BYTES = 1;
const LENGTH = 2;
const FOUR_BYTES = 5;
const MAX_VARINT_BYTES = 10;
/** Seven varint bytes have 49 bits, which a number holds. */
const MAX_NUMBER_BYTES = 7;

export class MessageReader {
  readonly #bytes: Buffer;
  #at = 0;
  #field = 0;
  #wireType = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @returns the number of the next field; 0 at the end */
  next(): number {
    if (this.#at === this.#bytes.length) return 0;
    const tag = Number(this.#varint());
    this.#wireType = tag % 8;
    this.#field = Math.floor(tag / 8);
    if (this.#field === 0 || tag >= 2 ** 32) throw new Error(`a field has the number ${this.#field}`);
    return this.#field;
  }

  /** As readers of Protocol Buffers do, refuses text that is no UTF-8. */
  text(): string {
    const bytes = this.bytes();
    if (!isUtf8(bytes)) throw new Error(`field ${this.#field} is not UTF-8`);
    return bytes.toString('utf8');
  }

  /** @returns a view, not a copy */
  bytes(): Buffer {
    this.#expect(LENGTH);
    const length = Number(this.#varint());
    const from = this.#at;
    return this.#bytes.subarray(from, this.#step(length));
  }

  message(): MessageReader {
    return new MessageReader(this.bytes());
  }

  bool(): boolean {
    return this.uint() !== 0;
  }

  /** @returns a bigint from 2^49 on */
  uint(): number | bigint {
    this.#expect(VARINT);
    return this.#varint();
  }

  int64(): bigint {
    return BigInt.asIntN(64, BigInt(this.uint()));
  }

  float(): number {
    this.#expect(FOUR_BYTES);
    return this.#bytes.readFloatLE(this.#step(4) - 4);
  }

  double(): number {
    this.#expect(EIGHT_BYTES);
    return this.#bytes.readDoubleLE(this.#step(8) - 8);
  }

  /** The values of a repeated field of varints, packed or one by one: those that stand here. */
  varints(): (number | bigint)[] {
    if (this.#wireType !== LENGTH) return [this.uint()];
    const packed = this.message();
    const values: (number | bigint)[] = [];
    while (packed.#at < packed.#bytes.length) values.push(packed.#varint());
    return values;
  }

  /** The bytes of a repeated field of numbers of that size, packed or one by one: those that stand here. */
  fixed(size: 4 | 8): Buffer {
    if (this.#wireType !== LENGTH) {
      this.#expect(size === 4 ? FOUR_BYTES : EIGHT_BYTES);
      const from = this.#at;
      return this.#bytes.subarray(from, this.#step(size));
    }
    const packed = this.bytes();
    if (packed.length % size === 0) return packed;
    throw new Error(`field ${this.#field} has ${packed.length} bytes, which are no numbers of ${size}`);
  }

  /** Passes over a field: those of later versions come too. */
  skip(): void {
    if (this.#wireType === VARINT) this.#varint();
    else if (this.#wireType === EIGHT_BYTES) this.#step(8);
    else if (this.#wireType === LENGTH) this.bytes();
    else if (this.#wireType === FOUR_BYTES) this.#step(4);
    else throw new Error(`field ${this.#field} has the wire type ${this.#wireType}`);
  }

  #expect(wireType: number): void {
    if (this.#wireType === wireType) return;
    throw new Error(`field ${this.#field} has the wire type ${this.#wireType}, not ${wireType}`);
  }

  /** @returns where it ends */
  #step(bytes: number): number {
    const left = this.#bytes.length - this.#at;
    if (bytes > left) throw new Error(`field ${this.#field} takes ${bytes} bytes, and ${left} are left`);
    this.#at += bytes;
    return this.#at;
  }

  #varint(): number | bigint {
    const bytes = this.#bytes;
    const from = this.#at;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < MAX_NUMBER_BYTES && from + i < bytes.length; i++) {
      const byte = bytes[from + i]!;
      value += (byte & 127) * factor;
      if (byte < 128) {
        this.#at = from + i + 1;
        return value;
      }
      factor *= 128;
    }
    return this.#longVarint(value);
  }

  #longVarint(low: number): bigint {
    let value = BigInt(low);
    for (let i = MAX_NUMBER_BYTES; i < MAX_VARINT_BYTES && this.#at + i < this.#bytes.length; i++) {
      const byte = this.#bytes[this.#at + i]!;
      value |= BigInt(byte & 127) << BigInt(7 * i);
      if (byte >= 128) continue;
      this.#at += i + 1;
      return BigInt.asUintN(64, value);
    }
    throw new Error('a number has no end');
  }
}
