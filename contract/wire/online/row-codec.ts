/**
 * The values of a row: one MessagePack array in the order of the definition, behind the 24-byte header.
 *
 *   null nil · bool true, false · int32, int64, timestamp the shortest integer form · float32 ca · float64 cb
 *   string str · bytes bin · embedding bin of n little-endian float32 · list array · struct array of its fields
 *   map map with string keys in byte order
 *
 * Written here and read by msgpackr. msgpackr cannot write it: its encoder turns -0.0 into 0, chooses float32 or
 * float64 for a whole message and not for a value, and writes an integer above 2^32 as a double unless it is a
 * BigInt (docs/decisions/0001-row-codec.md). One value has one encoding, so equal rows have equal bytes.
 */
import { Unpackr } from 'msgpackr';
import type { RowFields } from '../../model.ts';
import { misfit } from '../../value-type.ts';
import type { Value, ValueType } from '../../value-type.ts';
import { compareBytes } from '../../std/canonical-json.ts';
import { checkRowForm } from './row-form.ts';
import { HEADER_BYTES, writeHeader } from './row-header.ts';

// 'auto' (an integer past 2^53 becomes a bigint) is documented by msgpackr but missing from its types.
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'auto' as 'bigint', mapsAsObjects: false });

/** Encodes rows of one schema. The buffer is reused from row to row; results are copies that the caller owns. */
export class RowEncoder {
  readonly #schema: RowFields;
  #buffer = Buffer.allocUnsafe(4_096);
  #at = 0;

  constructor(schema: RowFields) {
    this.#schema = schema;
  }

  /**
   * @param values  one for each feature of the schema, in its order; null where the value is null
   * @returns       header and values, as they stand in the online store
   * @throws        TypeError when a value does not fit its feature's type, naming the feature
   */
  encode(eventUs: number, createdUs: number, writtenMs: number, values: readonly Value[]): Buffer {
    const { features, definitionId } = this.#schema;
    if (values.length !== features.length) {
      throw new TypeError(`a row of ${features.length} features got ${values.length} values`);
    }
    this.#reserve(HEADER_BYTES + 5);
    writeHeader(this.#buffer, 0, { definitionId, eventUs, createdUs, writtenMs });
    this.#at = HEADER_BYTES;
    this.#length(values.length, 0x90, 16, 0xdc);
    for (let i = 0; i < features.length; i++) {
      const fault = misfit(features[i]!.type, values[i]!);
      if (fault !== null) throw new TypeError(`${features[i]!.name}: ${fault}`);
      this.#value(features[i]!.type, values[i]!);
    }
    return Buffer.from(this.#buffer.subarray(0, this.#at));
  }

  #value(type: ValueType, value: Value): void {
    if (value === null) return this.#byte(0xc0);
    switch (type.kind) {
      case 'bool':
        return this.#byte(value === true ? 0xc3 : 0xc2);
      case 'int32':
        return this.#integer(BigInt(value as number));
      case 'int64':
      case 'timestamp':
        return this.#integer(value as bigint);
      case 'float32':
        this.#byte(0xca);
        this.#reserve(4);
        this.#at = this.#buffer.writeFloatBE(value as number, this.#at);
        return;
      case 'float64':
        this.#byte(0xcb);
        this.#reserve(8);
        this.#at = this.#buffer.writeDoubleBE(value as number, this.#at);
        return;
      case 'string':
        return this.#string(value as string);
      case 'bytes':
        return this.#binary(value as Uint8Array);
      case 'embedding':
        return this.#binary(littleEndian(value as Float32Array));
      case 'list': {
        const items = value as readonly Value[];
        this.#length(items.length, 0x90, 16, 0xdc);
        for (const item of items) this.#value(type.of, item);
        return;
      }
      case 'map': {
        const entries = [...(value as ReadonlyMap<string, Value>)].toSorted(([a], [b]) => compareBytes(a, b));
        this.#length(entries.length, 0x80, 16, 0xde);
        for (const [key, item] of entries) {
          this.#string(key);
          this.#value(type.of, item);
        }
        return;
      }
      case 'struct': {
        const struct = value as { readonly [field: string]: Value };
        this.#length(type.fields.length, 0x90, 16, 0xdc);
        for (const field of type.fields) this.#value(field.type, struct[field.name]!);
      }
    }
  }

  #integer(value: bigint): void {
    this.#reserve(9);
    const b = this.#buffer;
    const at = this.#at;
    if (value >= -32n && value < 128n) this.#at = b.writeInt8(Number(BigInt.asIntN(8, value)), at);
    else if (value >= 0n) {
      if (value < 1n << 8n) this.#at = b.writeUInt8(Number(value), b.writeUInt8(0xcc, at));
      else if (value < 1n << 16n) this.#at = b.writeUInt16BE(Number(value), b.writeUInt8(0xcd, at));
      else if (value < 1n << 32n) this.#at = b.writeUInt32BE(Number(value), b.writeUInt8(0xce, at));
      else this.#at = b.writeBigUInt64BE(value, b.writeUInt8(0xcf, at));
    } else if (value >= -(1n << 7n)) this.#at = b.writeInt8(Number(value), b.writeUInt8(0xd0, at));
    else if (value >= -(1n << 15n)) this.#at = b.writeInt16BE(Number(value), b.writeUInt8(0xd1, at));
    else if (value >= -(1n << 31n)) this.#at = b.writeInt32BE(Number(value), b.writeUInt8(0xd2, at));
    else this.#at = b.writeBigInt64BE(value, b.writeUInt8(0xd3, at));
  }

  #string(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes < 32) this.#byte(0xa0 | bytes);
    else if (bytes < 256) this.#bytes2(0xd9, bytes);
    else this.#length(bytes, 0, 0, 0xda);
    this.#reserve(bytes);
    this.#at += this.#buffer.write(text, this.#at);
  }

  #binary(bytes: Uint8Array): void {
    if (bytes.length < 256) this.#bytes2(0xc4, bytes.length);
    else this.#length(bytes.length, 0, 0, 0xc5);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A length in its shortest form: in the low bits of `fix` below `fixLimit`, else u16 behind `code`, else u32. */
  #length(length: number, fix: number, fixLimit: number, code: number): void {
    this.#reserve(5);
    if (length < fixLimit) return this.#byte(fix | length);
    if (length < 65_536)
      this.#at = this.#buffer.writeUInt16BE(length, this.#buffer.writeUInt8(code, this.#at));
    else this.#at = this.#buffer.writeUInt32BE(length, this.#buffer.writeUInt8(code + 1, this.#at));
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = byte;
  }

  #bytes2(code: number, length: number): void {
    this.#byte(code);
    this.#byte(length);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/**
 * @param row  header and values, as they stand in the online store
 * @returns    one value for each feature of `schema`, in its order
 * @throws     TypeError when the bytes are no such row: it is then corrupt and must not be served
 */
export function decodeRowValues(schema: RowFields, row: Buffer): Value[] {
  checkRowForm(
    schema.features.map(({ type }) => type),
    row,
    HEADER_BYTES,
  );
  const raw = unpack(row.subarray(HEADER_BYTES)) as unknown[];
  const values: Value[] = [];
  for (let i = 0; i < raw.length; i++) values.push(valueOf(schema.features[i]!.type, raw[i]));
  return values;
}

function unpack(bytes: Buffer): unknown {
  try {
    return unpackr.unpack(bytes);
  } catch (error) {
    throw new TypeError(`the row is no MessagePack: ${(error as Error).message}`, { cause: error });
  }
}

function valueOf(type: ValueType, raw: unknown): Value {
  if (raw === null) return null;
  switch (type.kind) {
    case 'int64':
    case 'timestamp':
      // msgpackr's 'auto' gives numbers up to and including 2^53, which is exact but not "safe".
      if (typeof raw === 'number' && Number.isInteger(raw) && Math.abs(raw) <= 2 ** 53) return BigInt(raw);
      break;
    case 'embedding':
      if (raw instanceof Uint8Array && raw.length === type.size * 4) return fromLittleEndian(raw);
      break;
    case 'list':
      if (Array.isArray(raw)) return raw.map((item) => valueOf(type.of, item));
      break;
    case 'map':
      if (raw instanceof Map) return mapOf(type.of, raw);
      break;
    case 'struct':
      if (Array.isArray(raw) && raw.length === type.fields.length) {
        return Object.fromEntries(type.fields.map((field, i) => [field.name, valueOf(field.type, raw[i])]));
      }
      break;
    default:
  }
  const fault = misfit(type, raw as Value);
  if (fault !== null) throw new TypeError(`the row does not fit its definition: ${fault}`);
  return raw as Value;
}

function mapOf(of: ValueType, raw: ReadonlyMap<string, unknown>): Value {
  return new Map([...raw].map(([key, item]) => [key, valueOf(of, item)]));
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  for (let i = 0; i < values.length; i++) bytes.writeFloatLE(values[i]!, i * 4);
  return bytes;
}

function fromLittleEndian(bytes: Uint8Array): Float32Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.readFloatLE(i * 4));
}
