/**
 * An on-demand input that comes as a tensor.
 *
 *   bool BOOL · int32, int64 INT32 or INT64 · float32, float64 FP32, FP64 or an integer that is one · string BYTES
 *   timestamp INT64 (microseconds) or BYTES (RFC 3339) · bytes BYTES (base64)
 *   a list of these, embedding(n): [rows, n], all rows of one length · any other type: BYTES with the value as JSON
 *
 * A tensor of one row stands for all rows. An optional input is left out for all rows.
 */
import type { RequestInput } from '../../../contract/model.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { InputFault, inputValue } from '../../../contract/wire/request/input-value.ts';
import { misfit, missing } from '../../request/inputs.ts';
import type { InputColumn } from '../../request/inputs.ts';
import { parseJsonBody } from '../../request/json-body.ts';
import type { InputDatatype, InputTensor, TensorValue } from './tensor-input.ts';

const INT32_LIMIT = 2 ** 31;

/** @returns the type of one value of a tensor, where a row has several; null: it has one */
export function itemTypeOf(type: ValueType): ValueType | null {
  if (type.kind === 'embedding') return { kind: 'float32' };
  return type.kind === 'list' && isScalar(type.of) ? type.of : null;
}

function isScalar({ kind }: ValueType): boolean {
  return kind !== 'list' && kind !== 'embedding' && kind !== 'map' && kind !== 'struct';
}

/** @returns the datatypes that a tensor of the type may have; the model's metadata names the first */
export function datatypesOf(type: ValueType): readonly [InputDatatype, ...InputDatatype[]] {
  const { kind } = itemTypeOf(type) ?? type;
  switch (kind) {
    case 'bool':
      return ['BOOL'];
    case 'int32':
      return ['INT32', 'INT64'];
    case 'int64':
      return ['INT64', 'INT32', 'BYTES'];
    case 'timestamp':
      return ['INT64', 'BYTES'];
    case 'float32':
      return ['FP32', 'FP64', 'INT64', 'INT32'];
    case 'float64':
      return ['FP64', 'FP32', 'INT64', 'INT32'];
    default:
      return ['BYTES'];
  }
}

/** @throws SRV_INPUT_TYPE; SRV_INPUT_MISSING for a null that may not be */
export function inputColumn({ name, type, optional }: RequestInput, tensor: InputTensor): InputColumn {
  const { rows, width, values } = tensor;
  const item = itemTypeOf(type);
  if (type.kind === 'embedding' && width !== type.size) {
    throw misfit(name, new InputFault(`should be ${formatType(type)}, got ${width} values a row`));
  }
  const column: Value[] = [];
  for (let r = 0; r < rows; r++) {
    if (item !== null) {
      column.push(rowOf(type, item, values.slice(r * width, (r + 1) * width), `${name}[${r}]`));
      continue;
    }
    const value = values[r]!;
    if (value === null && !optional) {
      throw missing(`${name}[${r}] is null, and the input ${name} is not optional`, `${name}[${r}]`);
    }
    const read = value === null ? null : valueOf(type, value);
    if (read instanceof InputFault) throw misfit(`${name}[${r}]`, read);
    column.push(read);
  }
  return column;
}

/** A list, in which a value may be null, or an embedding, in which none may. */
function rowOf(type: ValueType, item: ValueType, values: readonly TensorValue[], field: string): Value {
  const row = values.map((value, i) => {
    if (value === null && type.kind === 'list') return null;
    const read = value === null ? new InputFault('should be float32, got null') : valueOf(item, value);
    if (read instanceof InputFault) throw misfit(`${field}[${i}]`, read);
    return read;
  });
  return type.kind === 'embedding' ? Float32Array.from(row as number[]) : row;
}

function valueOf(type: ValueType, value: NonNullable<TensorValue>): Value | InputFault {
  return typeof value === 'string' ? textValue(type, value) : plainValue(type, value);
}

/** What comes as BYTES. */
function textValue(type: ValueType, text: string): Value | InputFault {
  const { kind } = type;
  const isText = kind === 'string' || kind === 'timestamp' || kind === 'bytes' || kind === 'int64';
  return isText ? inputValue(type, text) : jsonValue(type, text);
}

function jsonValue(type: ValueType, text: string): Value | InputFault {
  let json: unknown;
  try {
    json = parseJsonBody(Buffer.from(`{"value":${text}}`))['value'];
  } catch {
    return new InputFault(`should be ${formatType(type)} as JSON, got other text`);
  }
  return json === null ? new InputFault(`should be ${formatType(type)}, got null`) : inputValue(type, json);
}

/** What comes as a number or a bool; its datatype is one of the type's. */
function plainValue(type: ValueType, value: number | bigint | boolean): Value | InputFault {
  const number = Number(value);
  switch (type.kind) {
    case 'bool':
      return value as boolean;
    case 'int32':
      if (number < -INT32_LIMIT || number >= INT32_LIMIT) break;
      return number | 0;
    case 'int64':
    case 'timestamp':
      return BigInt(value);
    case 'float64':
      if (typeof value === 'bigint' && BigInt(number) !== value) break;
      return number;
    case 'float32': {
      const rounded = Math.fround(number);
      if (Number.isFinite(number) && !Number.isFinite(rounded)) break;
      return rounded;
    }
  }
  return new InputFault(`should be ${formatType(type)}, got the number ${value}`);
}
