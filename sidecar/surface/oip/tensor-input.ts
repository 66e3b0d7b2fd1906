/**
 * Input tensors of the Open Inference Protocol: their shapes and data, read from JSON or from the bytes that follow it.
 *
 *   body = JSON | tensor | tensor | ..     each as long as its `binary_data_size` says, in the order of the inputs
 *
 *   INT32, INT64   little endian, one behind the other
 *   BYTES          (u32 little endian: length, then as many bytes of UTF-8) a value
 *
 * Checks that a tensor does not contradict itself. What its values mean as join keys is oip-request.ts's part.
 */
import { isUtf8 } from 'node:buffer';
import { MAX_VALUES } from '../../plan/plan.ts';
import { sidecarError } from '../../errors.ts';
import { describe } from '../../request/json-body.ts';

export const INPUT_DATATYPES = ['INT64', 'INT32', 'BYTES'] as const;
export type InputDatatype = (typeof INPUT_DATATYPES)[number];

export interface InputTensor {
  readonly name: string;
  readonly datatype: InputDatatype;
  /** One for each row: integers as numbers or bigints, text; each fits the datatype. Bytes have no null. */
  readonly values: readonly TensorValue[];
}

type TensorValue = number | bigint | string | null;

type Json = Readonly<Record<string, unknown>>;

const INT32_LIMIT = 2 ** 31;
const INT64_LIMIT = 2n ** 63n;
const LENGTH_BYTES = 4;

/**
 * @param inputs     the request's `inputs` as parsed
 * @param binary     the bytes after the JSON; each tensor takes its part, and nothing may be left over
 * @param checkName  throws for a name that is no input, before anything else of the tensor is read
 * @throws           SRV_TENSOR, SRV_NO_ROWS, SRV_TOO_MANY_VALUES
 */
export function readTensors(
  inputs: unknown,
  binary: Buffer,
  checkName: (name: string, place: string) => void,
): InputTensor[] {
  if (!Array.isArray(inputs)) throw wrong('inputs', `should be a list of tensors, got ${describe(inputs)}`);
  let at = 0;
  const tensors = inputs.map((input: unknown, i): InputTensor => {
    const place = `inputs[${i}]`;
    if (!isObject(input)) throw wrong(place, `should be a tensor, got ${describe(input)}`);
    const { name, datatype, shape, parameters, data } = input;
    if (typeof name !== 'string') throw wrong(`${place}.name`, `should be a name, got ${describe(name)}`);
    checkName(name, `${place}.name`);
    if (!isInputDatatype(datatype)) {
      const got = typeof datatype === 'string' ? datatype.slice(0, 40) : describe(datatype);
      throw wrong(`${place}.datatype`, `should be one of ${INPUT_DATATYPES.join(', ')}, got ${got}`);
    }
    const rows = rowsOf(shape, `${place}.shape`);
    const size = binarySizeOf(parameters, place);
    if (size === null) return { name, datatype, values: jsonValues(datatype, data, rows, `${place}.data`) };
    if (data !== undefined && data !== null)
      throw wrong(place, 'has both data and parameters.binary_data_size; send one');
    if (at + size > binary.length) {
      const left = `${binary.length - at} bytes are left behind the JSON`;
      throw wrong(`${place}.parameters.binary_data_size`, `is ${size}, but ${left}`);
    }
    const bytes = binary.subarray(at, (at += size));
    return { name, datatype, values: binaryValues(datatype, bytes, rows, place) };
  });
  if (at !== binary.length) {
    throw wrong(
      'inputs',
      `take ${at} of the ${binary.length} bytes behind the JSON; nothing may be left over`,
    );
  }
  return tensors;
}

function isInputDatatype(datatype: unknown): datatype is InputDatatype {
  return (INPUT_DATATYPES as readonly unknown[]).includes(datatype);
}

/** [rows] or [rows, 1]. */
function rowsOf(shape: unknown, place: string): number {
  if (!Array.isArray(shape) || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw wrong(place, `should be [rows] or [rows, 1], got ${shapeText(shape)}`);
  }
  const [rows, columns] = shape as number[];
  if (rows === undefined || shape.length > 2 || (columns !== undefined && columns !== 1)) {
    throw wrong(place, `should be [rows] or [rows, 1], got ${shapeText(shape)}`);
  }
  if (rows === 0) throw sidecarError('SRV_NO_ROWS', `${place} says that there are no rows`, { field: place });
  if (rows > MAX_VALUES) {
    const message = `${place} asks for ${rows} rows; at most ${MAX_VALUES} values are answered at once`;
    throw sidecarError('SRV_TOO_MANY_VALUES', message, { field: place });
  }
  return rows;
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

/** Flat, or nested as a shape of [rows, 1] may be written. */
function jsonValues(datatype: InputDatatype, data: unknown, rows: number, place: string): TensorValue[] {
  if (!Array.isArray(data)) {
    throw wrong(place, `should be a list of ${rows} values, got ${describe(data)}`);
  }
  if (data.length !== rows) throw wrong(place, `has ${data.length} values, but the shape says ${rows}`);
  return data.map((item: unknown, r) => {
    const value: unknown = Array.isArray(item) && item.length === 1 ? item[0] : item;
    if (value === null || fits(datatype, value)) return value;
    throw wrong(`${place}[${r}]`, `should be ${EXPECTED[datatype]}, got ${describe(value)}`);
  });
}

const EXPECTED: Readonly<Record<InputDatatype, string>> = {
  INT64: 'an integer of 64 bits',
  INT32: 'an integer of 32 bits',
  BYTES: 'text',
};

function fits(datatype: InputDatatype, value: unknown): value is number | bigint | string {
  if (datatype === 'BYTES') return typeof value === 'string';
  if (datatype === 'INT64' && typeof value === 'bigint') return value >= -INT64_LIMIT && value < INT64_LIMIT;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return false;
  return datatype === 'INT64' || (value >= -INT32_LIMIT && value < INT32_LIMIT);
}

function binaryValues(datatype: InputDatatype, bytes: Buffer, rows: number, place: string): TensorValue[] {
  if (datatype === 'BYTES') return texts(bytes, rows, place);
  const size = datatype === 'INT64' ? 8 : 4;
  if (bytes.length !== rows * size) {
    const expected = `${rows} values of ${datatype} take ${rows * size}`;
    throw wrong(place, `has ${bytes.length} bytes, but ${expected}`);
  }
  const values: (number | bigint)[] = [];
  for (let r = 0; r < rows; r++) {
    values.push(size === 8 ? bytes.readBigInt64LE(r * size) : bytes.readInt32LE(r * size));
  }
  return values;
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
