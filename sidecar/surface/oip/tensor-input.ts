/**
 * Input tensors of the Open Inference Protocol: their shapes and data, read from JSON or from the bytes that follow it.
 *
 *   body = JSON | tensor | tensor | ..     each as long as its `binary_data_size` says, in the order of the inputs
 *
 *   INT32, INT64, FP32, FP64   little endian, one behind the other
 *   BOOL                       a byte a value, 0 or 1
 *   BYTES                      (u32 little endian: length, then as many bytes of UTF-8) a value
 *
 * Checks that a tensor does not contradict itself. What its values mean is the part of others: as join keys of
 * oip-request.ts, as inputs of input-column.ts.
 */
import { isUtf8 } from 'node:buffer';
import type { ValueType } from '../../../contract/value-type.ts';
import { MAX_VALUES } from '../../plan/plan.ts';
import { sidecarError } from '../../errors.ts';
import { inputValue } from '../../../contract/wire/request/input-value.ts';
import { describe } from '../../../contract/wire/request/exact-json.ts';

/** Of join keys. */
export const KEY_DATATYPES = ['INT64', 'INT32', 'BYTES'] as const;
export type InputDatatype = (typeof KEY_DATATYPES)[number] | 'FP64' | 'FP32' | 'BOOL';

/** A value of a tensor: integers as numbers or bigints. */
export type TensorValue = number | bigint | string | boolean | null;

export interface InputTensor {
  readonly name: string;
  readonly datatype: InputDatatype;
  readonly rows: number;
  /** How many values a row has: 1 unless the shape is [rows, n]. */
  readonly width: number;
  /** Row by row; each fits the datatype, or is null. Bytes have no null. */
  readonly values: readonly TensorValue[];
}

export interface ExpectedTensor {
  readonly datatypes: readonly InputDatatype[];
  /** Whether it has several values a row. */
  readonly isWide: boolean;
}

type Json = Readonly<Record<string, unknown>>;

const INT32_LIMIT = 2 ** 31;
const INT64_LIMIT = 2n ** 63n;
const LENGTH_BYTES = 4;
/** A body of 1 MiB has no more numbers of four bytes. */
const MAX_INPUT_VALUES = 2 ** 18;

/**
 * @param inputs     the request's `inputs` as parsed
 * @param binary     the bytes after the JSON; each tensor takes its part, and nothing may be left over
 * @param expect     what the input of a name may be; throws for a name that is no input
 * @throws           SRV_TENSOR, SRV_NO_ROWS, SRV_TOO_MANY_VALUES
 */
export function readTensors(
  inputs: unknown,
  binary: Buffer,
  expect: (name: string, place: string) => ExpectedTensor,
): InputTensor[] {
  if (!Array.isArray(inputs)) throw wrong('inputs', `should be a list of tensors, got ${describe(inputs)}`);
  let at = 0;
  const tensors = inputs.map((input: unknown, i): InputTensor => {
    const place = `inputs[${i}]`;
    if (!isObject(input)) throw wrong(place, `should be a tensor, got ${describe(input)}`);
    const { name, datatype, shape, parameters, data } = input;
    if (typeof name !== 'string') throw wrong(`${place}.name`, `should be a name, got ${describe(name)}`);
    const { datatypes, isWide } = expect(name, `${place}.name`);
    if (!isOneOf(datatypes, datatype)) {
      const got = typeof datatype === 'string' ? datatype.slice(0, 40) : describe(datatype);
      throw wrong(`${place}.datatype`, `should be one of ${datatypes.join(', ')}, got ${got}`);
    }
    const [rows, width] = shapeOf(shape, `${place}.shape`, isWide);
    const size = binarySizeOf(parameters, place);
    const tensor = { name, datatype, rows, width };
    if (size === null) {
      return { ...tensor, values: jsonValues(datatype, data, tensor, `${place}.data`) };
    }
    if (data !== undefined && data !== null)
      throw wrong(place, 'has both data and parameters.binary_data_size; send one');
    if (at + size > binary.length) {
      const left = `${binary.length - at} bytes are left behind the JSON`;
      throw wrong(`${place}.parameters.binary_data_size`, `is ${size}, but ${left}`);
    }
    const bytes = binary.subarray(at, (at += size));
    return { ...tensor, values: binaryValues(datatype, bytes, rows * width, place) };
  });
  if (at !== binary.length) {
    throw wrong(
      'inputs',
      `take ${at} of the ${binary.length} bytes behind the JSON; nothing may be left over`,
    );
  }
  return tensors;
}

function isOneOf(datatypes: readonly InputDatatype[], datatype: unknown): datatype is InputDatatype {
  return (datatypes as readonly unknown[]).includes(datatype);
}

/** [rows], [rows, 1], or of a list [rows, n]. @returns rows and values a row */
function shapeOf(shape: unknown, place: string, isWide: boolean): [rows: number, width: number] {
  const expected = isWide ? '[rows, n]' : '[rows] or [rows, 1]';
  if (!Array.isArray(shape) || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw wrong(place, `should be ${expected}, got ${shapeText(shape)}`);
  }
  const [rows, columns] = shape as number[];
  const fits = isWide ? shape.length === 2 : shape.length < 3 && (columns ?? 1) === 1;
  if (rows === undefined || !fits) throw wrong(place, `should be ${expected}, got ${shapeText(shape)}`);
  if (rows === 0) throw sidecarError('SRV_NO_ROWS', `${place} says that there are no rows`, { field: place });
  if (rows > MAX_VALUES) {
    const message = `${place} asks for ${rows} rows; at most ${MAX_VALUES} values are answered at once`;
    throw sidecarError('SRV_TOO_MANY_VALUES', message, { field: place });
  }
  const width = columns ?? 1;
  if (rows * width > MAX_INPUT_VALUES) {
    const message = `${place} says ${rows * width} values; at most ${MAX_INPUT_VALUES} are taken in one tensor`;
    throw sidecarError('SRV_TOO_MANY_VALUES', message, { field: place });
  }
  return [rows, width];
}

function shapeText(shape: unknown): string {
  if (!Array.isArray(shape)) return describe(shape);
  return `[${shape.slice(0, 5).map(describe).join(', ')}${shape.length > 5 ? ', ..' : ''}]`;
}

/** @returns null when the tensor's data stands in the JSON */
function binarySizeOf(parameters: unknown, place: string): number | null {
  if (parameters === undefined || parameters === null) return null;
  if (!isObject(parameters)) {
    throw wrong(`${place}.parameters`, `should be an object, got ${describe(parameters)}`);
  }
  const size = parameters['binary_data_size'];
  if (size === undefined || size === null) return null;
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size;
  const field = `${place}.parameters.binary_data_size`;
  throw wrong(field, `should be a number of bytes, got ${describe(size)}`);
}

/** Flat, or nested as the shape may be written. */
function jsonValues(
  datatype: InputDatatype,
  data: unknown,
  { rows, width }: Pick<InputTensor, 'rows' | 'width'>,
  place: string,
): TensorValue[] {
  const count = rows * width;
  if (!Array.isArray(data)) {
    throw wrong(place, `should be a list of ${count} values, got ${describe(data)}`);
  }
  const isNested = data.length === rows && data.every((row) => Array.isArray(row) && row.length === width);
  const items: readonly unknown[] = isNested ? data.flat() : data;
  if (items.length !== count) throw wrong(place, `has ${data.length} values, but the shape says ${count}`);
  return items.map((item: unknown, i) => {
    const isInner = !isNested && width === 1 && Array.isArray(item) && item.length === 1;
    const nested: unknown = isInner ? item[0] : item;
    const value = nested === null ? null : jsonValue(datatype, nested);
    if (value !== undefined) return value;
    throw wrong(`${place}[${i}]`, `should be ${EXPECTED[datatype]}, got ${describe(nested)}`);
  });
}

const EXPECTED: Readonly<Record<InputDatatype, string>> = {
  INT64: 'an integer of 64 bits',
  INT32: 'an integer of 32 bits',
  BYTES: 'text',
  FP64: 'a number',
  FP32: 'a number of 32 bits',
  BOOL: 'true or false',
};

/** @returns undefined for what is none of the datatype */
function jsonValue(datatype: InputDatatype, json: unknown): TensorValue | undefined {
  switch (datatype) {
    case 'BYTES':
      return typeof json === 'string' ? json : undefined;
    case 'BOOL':
      return typeof json === 'boolean' ? json : undefined;
    case 'FP64':
      return Number.isFinite(json) ? (json as number) : floatValue(FLOAT64, json);
    case 'FP32':
      return floatValue(FLOAT32, json);
    case 'INT64':
      if (typeof json === 'bigint') return json >= -INT64_LIMIT && json < INT64_LIMIT ? json : undefined;
      return typeof json === 'number' && Number.isSafeInteger(json) ? json : undefined;
    case 'INT32':
      if (typeof json !== 'number' || !Number.isSafeInteger(json)) return undefined;
      return json >= -INT32_LIMIT && json < INT32_LIMIT ? json : undefined;
  }
}

const FLOAT64 = { kind: 'float64' } as const;
const FLOAT32 = { kind: 'float32' } as const;

function floatValue(type: ValueType, json: unknown): number | undefined {
  const value = inputValue(type, json);
  return typeof value === 'number' ? value : undefined;
}

const SIZES = { INT64: 8, INT32: 4, FP64: 8, FP32: 4, BOOL: 1 } as const;

function binaryValues(datatype: InputDatatype, bytes: Buffer, count: number, place: string): TensorValue[] {
  if (datatype === 'BYTES') return texts(bytes, count, place);
  const size = SIZES[datatype];
  if (bytes.length !== count * size) {
    const expected = `${count} values of ${datatype} take ${count * size}`;
    throw wrong(place, `has ${bytes.length} bytes, but ${expected}`);
  }
  const values: TensorValue[] = [];
  for (let i = 0; i < count; i++) {
    const value = readValue(datatype, bytes, i * size);
    if (value === undefined) throw wrong(place, `has ${bytes[i]} as value ${i}; a BOOL is 0 or 1`);
    values.push(value);
  }
  return values;
}

function readValue(
  datatype: Exclude<InputDatatype, 'BYTES'>,
  bytes: Buffer,
  at: number,
): TensorValue | undefined {
  switch (datatype) {
    case 'INT64':
      return bytes.readBigInt64LE(at);
    case 'INT32':
      return bytes.readInt32LE(at);
    case 'FP64':
      return bytes.readDoubleLE(at);
    case 'FP32':
      return bytes.readFloatLE(at);
    case 'BOOL':
      return bytes[at]! > 1 ? undefined : bytes[at] === 1;
  }
}

function texts(bytes: Buffer, rows: number, place: string): string[] {
  const values: string[] = [];
  let at = 0;
  for (let r = 0; r < rows; r++) {
    const from = at + LENGTH_BYTES;
    const to = from > bytes.length ? from : from + bytes.readUInt32LE(at);
    if (to > bytes.length) {
      throw wrong(place, `ends within value ${r} of ${rows}: each is its length in 4 bytes, then the bytes`);
    }
    const text = bytes.subarray(from, to);
    // Decoding bad UTF-8 puts U+FFFD in place of the bytes: that would be another entity's key.
    if (!isUtf8(text)) throw wrong(place, `has a value that is not UTF-8 (value ${r})`);
    values.push(text.toString('utf8'));
    at = to;
  }
  if (at === bytes.length) return values;
  throw wrong(place, `has ${bytes.length - at} bytes behind its ${rows} values`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(field: string, what: string): Error {
  return sidecarError('SRV_TENSOR', `${field} ${what}`, { field });
}
