/**
 * Decodes the values of a row from the string in the cache (a character for each byte, Latin-1). Values are decoded
 * when they are needed, since they take several times the row's memory.
 *
 * Nearly all rows hold numbers only: these are read here, without the general decoder's closures and its array of plain
 * values. All others, and every faulty row, are left to `decodeRowValues`, which says what is wrong.
 */
import type { Value, ValueType } from '../../contract/value-type.ts';
import { decodeRowValues } from '../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES } from '../../contract/wire/online/row-header.ts';
import type { RowMapping } from '../plan/view-plan.ts';

const FIRST_BYTES = 4_096;
/** At least the widest value: reading past the end of a row that was cut off stays within the buffer. */
const READ_PAST = 16;
const NIL = 0xc0;

let bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
let view = new DataView(bytes.buffer);
/** Where the value that is read begins, then where it ended; -1: it is none that is read here. */
let at = 0;

/**
 * @param raw  header and values, one character a byte
 * @returns    in the order of the view's features; undefined: the row's older definition lacks the feature
 * @throws     TypeError when the bytes are no row of the definition
 */
export function readRowValues({ schema, from }: RowMapping, raw: string): (Value | undefined)[] {
  const values: Value[] = [];
  if (!readNumbers(schema.features, raw, values)) {
    // Values may be views of the bytes, so these are their own.
    const slowly = decodeRowValues(schema, Buffer.from(raw, 'latin1'));
    return from === null ? slowly : mapped(from, slowly);
  }
  return from === null ? values : mapped(from, values);
}

/**
 * @returns  whether every feature of the view has a value in the row
 * @throws   TypeError when the bytes are no row of the definition: it must not be served
 */
export function checkRow(mapping: RowMapping, raw: string): boolean {
  if (mapping.from === null && readNumbers(mapping.schema.features, raw, null)) return true;
  return readRowValues(mapping, raw).every((value) => value !== null && value !== undefined);
}

function mapped(from: readonly number[], values: readonly Value[]): (Value | undefined)[] {
  return from.map((index) => (index === -1 ? undefined : values[index]!));
}

/**
 * @param values  takes the values; null: they are only looked at, and then a null among them makes it false
 * @returns       false when this is not a sound row of numbers and booleans
 */
function readNumbers(
  features: readonly { readonly type: ValueType }[],
  raw: string,
  values: Value[] | null,
): boolean {
  const { length } = raw;
  if (length + READ_PAST > bytes.length) grow(length + READ_PAST);
  bytes.write(raw, 0, 'latin1');
  at = HEADER_BYTES;
  if (!readCount(features.length)) return false;
  for (let i = 0; i < features.length; i++) {
    if (at >= length) return false;
    let value: Value = null;
    if (bytes[at] !== NIL) {
      value = readNumber(features[i]!.type.kind);
      if (at === -1) return false;
    } else if (values === null) {
      return false;
    } else {
      at += 1;
    }
    if (values !== null) values.push(value);
  }
  return at === length;
}

function readCount(count: number): boolean {
  const code = bytes[at]!;
  at += code === 0xdc ? 3 : 1;
  return code === (count < 16 ? 0x90 | count : 0xdc) && (count < 16 || view.getUint16(at - 2) === count);
}

function readNumber(kind: ValueType['kind']): number | bigint | boolean {
  const code = bytes[at]!;
  const from = at + 1;
  switch (kind) {
    case 'float64':
      at = code === 0xcb ? from + 8 : -1;
      return view.getFloat64(from);
    case 'float32':
      at = code === 0xca ? from + 4 : -1;
      return view.getFloat32(from);
    case 'bool':
      at = code === 0xc2 || code === 0xc3 ? from : -1;
      return code === 0xc3;
    case 'int32': {
      const integer = readInteger(code, from);
      if ((integer | 0) !== integer) at = -1;
      return integer;
    }
    case 'int64':
    case 'timestamp':
      return readLong(code, from);
    default:
      at = -1;
      return 0;
  }
}

function readLong(code: number, from: number): bigint {
  if (code === 0xd3) {
    at = from + 8;
    return view.getBigInt64(from);
  }
  if (code === 0xcf) {
    const long = view.getBigUint64(from);
    at = long <= 0x7fff_ffff_ffff_ffffn ? from + 8 : -1;
    return long;
  }
  return BigInt(readInteger(code, from));
}

/** Of up to four bytes. */
function readInteger(code: number, from: number): number {
  if (code < 0x80 || code >= 0xe0) {
    at = from;
    return code < 0x80 ? code : code - 256;
  }
  switch (code) {
    case 0xcc:
      at = from + 1;
      return view.getUint8(from);
    case 0xcd:
      at = from + 2;
      return view.getUint16(from);
    case 0xce:
      at = from + 4;
      return view.getUint32(from);
    case 0xd0:
      at = from + 1;
      return view.getInt8(from);
    case 0xd1:
      at = from + 2;
      return view.getInt16(from);
    case 0xd2:
      at = from + 4;
      return view.getInt32(from);
    default:
      at = -1;
      return 0;
  }
}

function grow(least: number): void {
  bytes = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, least));
  view = new DataView(bytes.buffer);
}

/** Whether a value is or holds a NaN or an infinity, which JSON has no number for. */
export function holdsNonFinite(type: ValueType, value: Value): boolean {
  if (value === null) return false;
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return !Number.isFinite(value);
    case 'embedding':
      return !(value as Float32Array).every(Number.isFinite);
    case 'list':
      return (value as readonly Value[]).some((item) => holdsNonFinite(type.of, item));
    case 'map':
      return [...(value as ReadonlyMap<string, Value>).values()].some((item) =>
        holdsNonFinite(type.of, item),
      );
    case 'struct':
      return type.fields.some((f) => holdsNonFinite(f.type, (value as Record<string, Value>)[f.name]!));
    default:
      return false;
  }
}
