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
import { checkRowForm } from './row-form.ts';
import { HEADER_BYTES, writeHeader } from './row-header.ts';
import { ValueWriter } from './value-writer.ts';

// 'auto' (an integer past 2^53 becomes a bigint) is documented by msgpackr but missing from its types.
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'auto' as 'bigint', mapsAsObjects: false });

/** Encodes rows of one schema. The buffer is reused from row to row; results are copies that the caller owns. */
export class RowEncoder extends ValueWriter {
  readonly #schema: RowFields;

  constructor(schema: RowFields) {
    super();
    this.#schema = schema;
  }

  /**
   * @param values  one for each feature of the schema, in its order; null where the value is null
   * @returns       header and values, as they stand in the online store
   * @throws        TypeError when a value does not fit its feature's type, naming the feature
   */
  encode(eventUs: number, createdUs: number, writtenMs: number, values: readonly Value[]): Buffer {
    return Buffer.from(this.encodeHere(eventUs, createdUs, writtenMs, values));
  }

  /** As `encode`. @returns the encoder's own bytes, which the next row overwrites */
  encodeHere(eventUs: number, createdUs: number, writtenMs: number, values: readonly Value[]): Buffer {
    const { features, definitionId } = this.#schema;
    if (values.length !== features.length) {
      throw new TypeError(`a row of ${features.length} features got ${values.length} values`);
    }
    this.reserve(HEADER_BYTES + 5);
    writeHeader(this.buffer, 0, { definitionId, eventUs, createdUs, writtenMs });
    this.at = HEADER_BYTES;
    this.count(values.length, 0x90, 16, 0xdc);
    for (let i = 0; i < features.length; i++) {
      const fault = misfit(features[i]!.type, values[i]!);
      if (fault !== null) throw new TypeError(`${features[i]!.name}: ${fault}`);
      this.value(features[i]!.type, values[i]!);
    }
    return this.buffer.subarray(0, this.at);
  }
}

/**
 * @param row  header and values, as they stand in the online store
 * @returns    one value for each feature of `schema`, in its order
 * @throws     TypeError when the bytes are no such row: it is then corrupt and must not be served
 */
export function decodeRowValues(schema: RowFields, row: Buffer): Value[] {
  const types = schema.features.map(({ type }) => type);
  return decodeValues(types, row, HEADER_BYTES);
}

/**
 * @param from  where the array of the values begins, which ends with the bytes
 * @returns     one value for each type, in their order
 * @throws      TypeError when the bytes are no such array
 */
export function decodeValues(types: readonly ValueType[], bytes: Buffer, from = 0): Value[] {
  checkRowForm(types, bytes, from);
  const raw = unpack(bytes.subarray(from)) as unknown[];
  const values: Value[] = [];
  for (let i = 0; i < raw.length; i++) values.push(valueOf(types[i]!, raw[i]));
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

function fromLittleEndian(bytes: Uint8Array): Float32Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.readFloatLE(i * 4));
}
