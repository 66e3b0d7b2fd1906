/** JSON Schemas of the Open Inference Protocol's requests and answers, for each service as a model; see openapi.ts. */
import { MAX_INT32, maxRowsOf, objectOf } from './openapi-schemas.ts';
import type { Schema } from './openapi-schemas.ts';
import type { Plan } from '../plan/plan.ts';
import { tensorPlan } from '../surface/oip/tensor-plan.ts';
import { datatypeOf, itemTypeOf } from '../surface/oip/input-column.ts';
import { outputNames } from '../surface/oip/tensor-output.ts';
import { KEY_DATATYPES } from '../surface/oip/tensor-input.ts';
import type { InputDatatype } from '../surface/oip/tensor-input.ts';

/** What an input's data may be in JSON, by its datatype. */
const DATA_ITEMS: Readonly<Record<InputDatatype, Schema>> = {
  INT64: { type: ['integer', 'null'], format: 'int64' },
  INT32: { type: ['integer', 'null'], format: 'int32', minimum: -MAX_INT32 - 1, maximum: MAX_INT32 },
  BYTES: { type: ['string', 'null'] },
  FP64: { type: ['number', 'null'] },
  FP32: { type: ['number', 'null'] },
  BOOL: { type: ['boolean', 'null'] },
};

/** An input of several values a row. */
function wideTensor(name: string, datatype: InputDatatype, maxRows: number): Schema {
  return objectOf(
    {
      name: { const: name },
      datatype: { const: datatype },
      shape: {
        type: 'array',
        items: { type: 'integer' },
        minItems: 2,
        maxItems: 2,
        description: '[rows, n]',
      },
      data: { type: ['array', 'null'], items: DATA_ITEMS[datatype], maxItems: maxRows },
      parameters: { type: ['object', 'null'] },
    },
    ['data', 'parameters'],
  );
}

function inputTensor(name: string, datatype: InputDatatype, maxRows: number): Schema {
  const item = DATA_ITEMS[datatype];
  const nested = { type: 'array', items: item, minItems: 1, maxItems: 1 };
  return objectOf(
    {
      name: { const: name },
      datatype: { const: datatype },
      shape: {
        type: 'array',
        items: { type: 'integer', minimum: 1, maximum: maxRows },
        minItems: 1,
        maxItems: 2,
        description: '[rows] or [rows, 1]; one row is repeated.',
      },
      data: {
        type: ['array', 'null'],
        items: { anyOf: [item, nested] },
        minItems: 1,
        maxItems: maxRows,
        description:
          'One value a row; null: no entity, not for all keys of a row. Left out where the bytes stand behind the JSON.',
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

export function inferRequest(plan: Plan): Schema {
  const maxRows = maxRowsOf(plan);
  const inputs = plan.keys.flatMap(({ name, type }) =>
    (type === 'string' ? (['BYTES'] as const) : KEY_DATATYPES).map((datatype) =>
      inputTensor(name, datatype, maxRows),
    ),
  );
  const context = plan.inputs.map(({ name, type }) =>
    itemTypeOf(type) === null
      ? inputTensor(name, datatypeOf(type), maxRows)
      : wideTensor(name, datatypeOf(type), maxRows),
  );
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
