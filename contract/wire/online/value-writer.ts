/**
 * Writes values as MessagePack into one growing buffer, each in the one form that row-codec.ts draws. Extended by the
 * encoders of rows (row-codec.ts) and of what was computed for a vector (log/computed-fields.ts).
 */
import { sortedByBytes } from '../../std/canonical-json.ts';
import type { Value, ValueType } from '../../value-type.ts';

const FIRST_BYTES = 4_096;

export class ValueWriter {
  protected buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** The same bytes. */
  protected view = new DataView(this.buffer.buffer);
  protected at = 0;

  /** @param value  one of the type, or null: not checked here */
  protected value(type: ValueType, value: Value): void {
    if (value === null) return this.byte(0xc0);
    switch (type.kind) {
      case 'bool':
        return this.byte(value === true ? 0xc3 : 0xc2);
      case 'int32':
        return this.#integer(BigInt(value as number));
      case 'int64':
      case 'timestamp':
        return this.#integer(value as bigint);
      case 'float32':
        this.reserve(5);
        this.buffer[this.at] = 0xca;
        this.view.setFloat32(this.at + 1, value as number);
        this.at += 5;
        return;
      case 'float64':
        this.reserve(9);
        this.buffer[this.at] = 0xcb;
        this.view.setFloat64(this.at + 1, value as number);
        this.at += 9;
        return;
      case 'string':
        return this.#string(value as string);
      case 'bytes':
        return this.#binary(value as Uint8Array);
      case 'embedding':
        return this.#binary(littleEndian(value as Float32Array));
      case 'list': {
        const items = value as readonly Value[];
        this.count(items.length, 0x90, 16, 0xdc);
        for (const item of items) this.value(type.of, item);
        return;
      }
      case 'map': {
        const map = value as ReadonlyMap<string, Value>;
        const keys = sortedByBytes([...map.keys()]);
        this.count(keys.length, 0x80, 16, 0xde);
        for (const key of keys) {
          this.#string(key);
          this.value(type.of, map.get(key)!);
        }
        return;
      }
      case 'struct': {
        const struct = value as { readonly [field: string]: Value };
        this.count(type.fields.length, 0x90, 16, 0xdc);
        for (const field of type.fields) this.value(field.type, struct[field.name]!);
      }
    }
  }

  #integer(value: bigint): void {
    this.reserve(9);
    const b = this.buffer;
    const at = this.at;
    // Comparing bigints would take longer than the rest. What a double rounds lies far past 32 bits.
    const near = Number(value);
    if (near >= -32 && near < 128) this.at = b.writeInt8(near, at);
    else if (near >= 0) {
      if (near < 2 ** 8) this.at = b.writeUInt8(near, b.writeUInt8(0xcc, at));
      else if (near < 2 ** 16) this.at = b.writeUInt16BE(near, b.writeUInt8(0xcd, at));
      else if (near < 2 ** 32) this.at = b.writeUInt32BE(near, b.writeUInt8(0xce, at));
      else this.at = b.writeBigUInt64BE(value, b.writeUInt8(0xcf, at));
    } else if (near >= -(2 ** 7)) this.at = b.writeInt8(near, b.writeUInt8(0xd0, at));
    else if (near >= -(2 ** 15)) this.at = b.writeInt16BE(near, b.writeUInt8(0xd1, at));
    else if (near >= -(2 ** 31)) this.at = b.writeInt32BE(near, b.writeUInt8(0xd2, at));
    else this.at = b.writeBigInt64BE(value, b.writeUInt8(0xd3, at));
  }

  #string(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes < 32) this.byte(0xa0 | bytes);
    else if (bytes < 256) this.#bytes2(0xd9, bytes);
    else this.count(bytes, 0, 0, 0xda);
    this.reserve(bytes);
    this.at += this.buffer.write(text, this.at);
  }

  #binary(bytes: Uint8Array): void {
    if (bytes.length < 256) this.#bytes2(0xc4, bytes.length);
    else this.count(bytes.length, 0, 0, 0xc5);
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A length in its shortest form: in the low bits of `fix` below `fixLimit`, else u16 behind `code`, else u32. */
  protected count(length: number, fix: number, fixLimit: number, code: number): void {
    this.reserve(5);
    if (length < fixLimit) return this.byte(fix | length);
    if (length < 65_536) this.at = this.buffer.writeUInt16BE(length, this.buffer.writeUInt8(code, this.at));
    else this.at = this.buffer.writeUInt32BE(length, this.buffer.writeUInt8(code + 1, this.at));
  }

  protected byte(byte: number): void {
    this.reserve(1);
    this.buffer[this.at++] = byte;
  }

  #bytes2(code: number, length: number): void {
    this.byte(code);
    this.byte(length);
  }

  protected reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
    this.view = new DataView(larger.buffer);
  }
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  for (let i = 0; i < values.length; i++) bytes.writeFloatLE(values[i]!, i * 4);
  return bytes;
}
