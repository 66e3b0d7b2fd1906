/** JSON Schemas of the Open Inference Protocol's requests and answers, for each service as a model; see openapi.ts. */
import type { JoinKey, RequestInput } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import {
  MAX_INT32,
  inputValueSchema,
  keyOrNull,
  keyText,
  maxRowsOf,
  objectOf,
  orNull,
} from './openapi-schemas.ts';
import type { Schema } from './openapi-schemas.ts';
import type { Plan } from '../plan/plan.ts';
import { tensorPlan } from '../surface/oip/tensor-plan.ts';
import { datatypesOf, itemTypeOf } from '../surface/oip/input-column.ts';
import { outputNames } from '../surface/oip/tensor-output.ts';
import { KEY_DATATYPES } from '../surface/oip/tensor-input.ts';
import type { InputDatatype } from '../surface/oip/tensor-input.ts';

/** A value of a tensor in JSON, by its datatype. */
const VALUES: Readonly<Record<InputDatatype, Schema>> = {
  INT64: { type: 'integer', format: 'int64' },
  INT32: { type: 'integer', format: 'int32', minimum: -MAX_INT32 - 1, maximum: MAX_INT32 },
  BYTES: { type: 'string' },
  FP64: inputValueSchema({ kind: 'float64' }),
  FP32: inputValueSchema({ kind: 'float32' }),
  BOOL: { type: 'boolean' },
};

/** What BYTES hold for an input is text of its type. */
function inputSchema(type: ValueType): Schema {
  const datatype = datatypesOf(type)[0];
  if (datatype !== 'BYTES') return VALUES[datatype];
  if (type.kind === 'string' || type.kind === 'bytes') return inputValueSchema(type);
  return { type: 'string', contentMediaType: 'application/json', contentSchema: inputValueSchema(type) };
}

interface TensorShape {
  readonly datatype: InputDatatype;
  readonly value: Schema;
  readonly maxRows: number;
}

function oneTensor(name: string, shape: Schema, { datatype }: TensorShape, data: Schema): Schema {
  return objectOf(
    {
      name: { const: name },
      datatype: { const: datatype },
      shape: { type: 'array', ...shape },
      data: {
        type: ['array', 'null'],
        ...data,
        description: 'Row by row. Left out where the bytes stand behind the JSON.',
      },
      parameters: {
        type: ['object', 'null'],
        properties: { binary_data_size: { type: ['integer', 'null'], minimum: 0 } },
        description: 'binary_data_size: the bytes of this tensor behind the JSON.',
      },
    },
    ['data', 'parameters'],
  );
}

/** An input of several values a row. */
function wideTensor(name: string, of: TensorShape): Schema {
  const shape = {
    items: { type: 'integer', minimum: 0 },
    minItems: 2,
    maxItems: 2,
    description: '[rows, n]; one row is repeated.',
  };
  return oneTensor(name, shape, of, { items: { anyOf: [of.value, { type: 'array', items: of.value }] } });
}

function inputTensor(name: string, of: TensorShape): Schema {
  const shape = {
    items: { type: 'integer', minimum: 1, maximum: of.maxRows },
    minItems: 1,
    maxItems: 2,
    description: '[rows] or [rows, 1]; one row is repeated.',
  };
  const nested = { type: 'array', items: of.value, minItems: 1, maxItems: 1 };
  return oneTensor(name, shape, of, {
    items: { anyOf: [of.value, nested] },
    minItems: 1,
    maxItems: of.maxRows,
  });
}

function contextTensor({ name, type, optional }: RequestInput, maxRows: number): Schema {
  const item = itemTypeOf(type);
  const value = inputSchema(item ?? type);
  const datatype = datatypesOf(type)[0];
  if (item === null) return inputTensor(name, { datatype, value: optional ? orNull(value) : value, maxRows });
  return wideTensor(name, { datatype, value: type.kind === 'list' ? orNull(value) : value, maxRows });
}

/** Integers may come as decimal text, too. */
function keyValue(key: JoinKey, datatype: InputDatatype): Schema {
  return datatype === 'BYTES' ? keyText(key) : VALUES[datatype];
}

export function inferRequest(plan: Plan): Schema {
  const maxRows = maxRowsOf(plan);
  const inputs = plan.keys.flatMap((key) =>
    (key.type === 'string' ? (['BYTES'] as const) : KEY_DATATYPES).map((datatype) =>
      inputTensor(key.name, { datatype, value: keyOrNull(plan, key, keyValue(key, datatype)), maxRows }),
    ),
  );
  const context = plan.inputs.map((input) => contextTensor(input, maxRows));
  const binary = { type: ['boolean', 'null'], description: 'Answer this output as bytes behind the JSON.' };
  const output = objectOf(
    {
      name: { enum: outputNames(plan) },
      parameters: {
        type: ['object', 'null'],
        properties: { binary_data: binary },
        additionalProperties: false,
      },
    },
    ['parameters'],
  );
  const requestedOutputs = {
    type: ['array', 'null'],
    items: output,
    description: 'All where it is left out.',
  };
  return objectOf(
    {
      id: { type: ['string', 'null'] },
      inputs: {
        type: 'array',
        items: { anyOf: [...inputs, ...context] },
        minItems: plan.keys.length + plan.inputs.filter((input) => !input.optional).length,
        maxItems: plan.keys.length + plan.inputs.length,
        description: plan.inputs.length === 0 ? 'One tensor a join key.' : 'One tensor a join key and input.',
      },
      outputs: requestedOutputs,
      parameters: { type: ['object', 'null'], properties: { binary_data_output: binary } },
    },
    ['id', 'outputs', 'parameters'],
  );
}

export function inferAnswer(plan: Plan): Schema {
  const { datatype, names, vectors } = tensorPlan(plan);
  const status = vectors.length === 0 ? '' : `, of status [rows, ${names.length + vectors.length}]`;
  const others = vectors.map(({ name, size }) => `, of ${name} [rows, ${size ?? 'items of its lists'}]`);
  const output = objectOf(
    {
      name: { enum: outputNames(plan) },
      datatype: {
        enum: vectors.length === 0 || datatype === 'FP32' ? [datatype, 'UINT8'] : [datatype, 'UINT8', 'FP32'],
      },
      shape: {
        type: 'array',
        items: { type: 'integer' },
        minItems: 2,
        maxItems: 2,
        description: `[rows, ${names.length}]${status}${others.join('')}`,
      },
      data: { type: 'array', items: { type: ['number', 'null'] }, description: 'Row by row; null is NaN.' },
      parameters: { type: 'object' },
    },
    ['data', 'parameters'],
  );
  return objectOf(
    {
      model_name: { const: plan.service },
      model_version: { const: String(plan.version) },
      id: { type: 'string' },
      parameters: { type: 'object' },
      outputs: { type: 'array', items: output },
    },
    ['id'],
  );
}
