/**
 * A request of the Open Inference Protocol, read against a service's plan: one input tensor for each join key and
 * input, and which outputs the caller wants in which form. Called by oip.ts.
 *
 *   POST /v2/models/{service}[/versions/{version}]/infer
 *   {"id"?, "parameters"?: {"binary_data_output"?}, "inputs": [tensor, ..], "outputs"?: [{"name", "parameters"?}, ..]}
 *
 * Tensors may follow the JSON as bytes; the header Inference-Header-Content-Length then says where the JSON ends.
 */
import type { JoinKey, RequestInput } from '../../../contract/model.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { parseKeyPart } from '../../../contract/wire/online/entity-key.ts';
import { MAX_VALUES } from '../../plan/plan.ts';
import { exampleKey, exampleValue } from '../../../contract/example-value.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import type { ExampleBody } from '../../request/surface.ts';
import { sidecarError } from '../../errors.ts';
import { describe } from '../../../contract/wire/request/exact-json.ts';
import { parseJsonBody } from '../../request/json-body.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import type { Plan } from '../../plan/plan.ts';
import { decimal } from '../../transport/transport.ts';
import type { Exchange } from '../../transport/transport.ts';
import { modelOf } from './model-path.ts';
import { NULL_COLUMN, askersOf, checkRepeated, missing } from '../../request/inputs.ts';
import type { InputColumn } from '../../request/inputs.ts';
import { datatypesOf, inputColumn, itemTypeOf } from './input-column.ts';
import { KEY_DATATYPES, readTensors } from './tensor-input.ts';
import type { ExpectedTensor, InputTensor } from './tensor-input.ts';
import { allOutputs, outputNames } from './tensor-output.ts';
import type { TensorOutput } from './tensor-output.ts';

const EMPTY = Buffer.alloc(0);

/** What a request for tensors asks for beside its rows. */
export interface TensorForm {
  /** Echoed; null when the request has none. */
  readonly id: string | null;
  readonly outputs: readonly TensorOutput[];
}

type Body = Readonly<Record<string, unknown>>;

/** @throws the SRV_ codes of bad input */
export function parseOip(bytes: Buffer, plans: BundlePlans, exchange: Exchange): FeatureRequest<TensorForm> {
  const plan = modelOf(exchange, plans, 'infer');
  const jsonBytes = jsonLength(exchange.head.inferenceHeaderLength, bytes.length);
  const body = parseJsonBody(jsonBytes === bytes.length ? bytes : bytes.subarray(0, jsonBytes));
  const binary = jsonBytes === bytes.length ? EMPTY : bytes.subarray(jsonBytes);
  return readInfer(plan, body, binary);
}

/**
 * Reads a request apart from how it came: gRPC has the same fields.
 *
 * @param binary  the bytes of the inputs that name a `binary_data_size`, in their order
 * @throws        the SRV_ codes of bad input
 */
export function readInfer(plan: Plan, body: Body, binary: Buffer): FeatureRequest<TensorForm> {
  const form = readForm(plan, body);
  const tensors = readTensors(body['inputs'], binary, (name, place) => expectedOf(plan, name, place));
  const byKey = inputsByKey(plan, tensors);
  const count = countRows(plan, tensors);
  const parts = plan.keys.map((key, k) => keyParts(key, byKey[k]!, count));
  checkRowsHaveKeys(plan, parts, count);
  const inputs = plan.inputs.map((input) => columnOf(plan, input, tensors, count));
  return { plan, count, parts, texts: [], inputs, passedOver: 0, form };
}

/** @throws SRV_INPUT_MISSING, SRV_INPUT_TYPE, SRV_TOO_MANY_VALUES */
function columnOf(
  plan: Plan,
  input: RequestInput,
  tensors: readonly InputTensor[],
  count: number,
): InputColumn {
  const tensor = tensors.find(({ name }) => name === input.name);
  if (tensor === undefined) {
    if (input.optional) return NULL_COLUMN;
    throw missing(`inputs lacks a tensor for ${input.name}, which ${askersOf(plan, input)}`, 'inputs');
  }
  const column = inputColumn(input, tensor);
  if (column.length === 1 && count > 1) checkRepeated(column[0]!, count, input.name);
  return column;
}

/**
 * @param text  the header; empty: the caller sent none, and the body is JSON only
 * @returns     how many bytes of the body are JSON
 */
function jsonLength(text: string, bodyBytes: number): number {
  if (text === '') return bodyBytes;
  const length = decimal(text);
  if (length !== -1 && length <= bodyBytes) return length;
  const field = 'inference-header-content-length';
  const got = JSON.stringify(text.slice(0, 40));
  const message = `${field} should be the length of the JSON within the ${bodyBytes} bytes of the body, got ${got}`;
  throw sidecarError('SRV_TENSOR', message, { field });
}

function readForm(plan: Plan, body: Body): TensorForm {
  // Clients that write every field of the protocol send null for what they leave out.
  const id = body['id'] ?? null;
  const outputs = body['outputs'] ?? null;
  if (id !== null && typeof id !== 'string') throw wrong('id', `should be text, got ${describe(id)}`);
  const allBinary = flagOf(body['parameters'], 'binary_data_output', 'parameters') ?? false;
  if (outputs === null) return { id, outputs: allOutputs(plan, allBinary) };
  if (!Array.isArray(outputs)) throw wrong('outputs', `should be a list, got ${describe(outputs)}`);
  const requested = outputs.map((output: unknown, i) => readOutput(plan, output, `outputs[${i}]`, allBinary));
  const twice = requested.findIndex(
    ({ name }, i) => requested.findIndex((other) => other.name === name) !== i,
  );
  if (twice !== -1) throw wrong(`outputs[${twice}]`, `asks for ${requested[twice]!.name} once more`);
  return { id, outputs: requested.length > 0 ? requested : allOutputs(plan, allBinary) };
}

function readOutput(plan: Plan, output: unknown, place: string, allBinary: boolean): TensorOutput {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) {
    throw wrong(place, `should be an object with a name, got ${describe(output)}`);
  }
  const { name, parameters } = output as Body;
  const names = outputNames(plan);
  const index = names.findIndex((each) => each === name);
  if (index === -1)
    throw wrong(`${place}.name`, `should be one of ${names.join(', ')}, got ${describe(name)}`);
  const binary = flagOf(parameters, 'binary_data', `${place}.parameters`) ?? allBinary;
  // Others ask for a form that is not built (class labels, shared memory): the caller would misread the answer.
  const other = Object.keys(parameters ?? {}).find((parameter) => parameter !== 'binary_data');
  if (other !== undefined) {
    throw wrong(`${place}.parameters`, `may hold binary_data only, got ${describe(other)}`);
  }
  return allOutputs(plan, binary)[index]!;
}

/** @returns undefined where the request leaves the parameter out */
function flagOf(parameters: unknown, name: string, place: string): boolean | undefined {
  if (parameters === undefined || parameters === null) return undefined;
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)) {
    throw wrong(place, `should be an object, got ${describe(parameters)}`);
  }
  const flag = (parameters as Readonly<Record<string, unknown>>)[name];
  if (flag === undefined || flag === null) return undefined;
  if (typeof flag === 'boolean') return flag;
  throw wrong(`${place}.${name}`, `should be true or false, got ${describe(flag)}`);
}

const KEY_TENSOR = { datatypes: KEY_DATATYPES, isWide: false };

/** @throws SRV_UNKNOWN_KEY for a name that is neither a join key nor an input */
function expectedOf(plan: Plan, name: string, field: string): ExpectedTensor {
  if (plan.keyNames.includes(name)) return KEY_TENSOR;
  const asked = plan.inputs.find((input) => input.name === name);
  if (asked !== undefined)
    return { datatypes: datatypesOf(asked.type), isWide: itemTypeOf(asked.type) !== null };
  const keys = plan.keys.length === 0 ? 'no join keys' : `the join keys ${plan.keyNames.join(', ')}`;
  const fields = plan.inputs.map((input) => input.name).join(', ');
  const has = `${keys} and ${fields === '' ? 'no context fields' : `the context fields ${fields}`}`;
  const message = `${plan.service} has no input ${JSON.stringify(name.slice(0, 200))}; it has ${has}`;
  throw sidecarError('SRV_UNKNOWN_KEY', message, { field });
}

/** @returns one tensor for each key of the plan, in its order */
function inputsByKey(plan: Plan, inputs: readonly InputTensor[]): InputTensor[] {
  for (const [i, { name }] of inputs.entries()) {
    if (inputs.findIndex((other) => other.name === name) !== i) {
      throw wrong(`inputs[${i}].name`, `names ${name} once more`);
    }
  }
  return plan.keyNames.map((name) => {
    const input = inputs.find((candidate) => candidate.name === name);
    if (input !== undefined) return input;
    const known = plan.keyNames.join(', ');
    const message = `inputs lacks a tensor for the join key ${name}; ${plan.service} takes ${known}`;
    throw sidecarError('SRV_KEY_MISSING', message, { field: 'inputs' });
  });
}

/** @returns the number of rows: each tensor has as many, or one, which is repeated */
function countRows(plan: Plan, inputs: readonly InputTensor[]): number {
  let count = 1;
  for (const { name, rows } of inputs) {
    if (count === 1) count = rows;
    else if (rows !== count && rows !== 1) {
      const message = `the input ${name} has ${rows} rows, but others have ${count}`;
      throw sidecarError('SRV_RAGGED', message, { field: name });
    }
  }
  const valueCount = count * plan.featureCount;
  if (valueCount <= MAX_VALUES) return count;
  const message = `${count} rows of ${plan.featureCount} features are ${valueCount} values`;
  throw sidecarError('SRV_TOO_MANY_VALUES', `${message}; at most ${MAX_VALUES} are answered at once`, {
    field: 'inputs',
  });
}

function keyParts(key: JoinKey, { datatype, values }: InputTensor, count: number): (string | null)[] {
  if (key.type === 'string' && datatype !== 'BYTES') {
    const message = `the join key ${key.name} is a string: its tensor should be BYTES, got ${datatype}`;
    throw sidecarError('SRV_KEY_TYPE', message, { field: key.name });
  }
  const parts = values.map((value, row) => {
    if (value === null) return null;
    // Not parsed, as nearly every tensor is such: each integer that fits its datatype fits an int64 key.
    if (key.type === 'int64' && datatype !== 'BYTES') return String(value);
    const part = parseKeyPart(key, value);
    if (typeof part === 'string') return part;
    throw sidecarError('SRV_KEY_TYPE', part.fault, { field: `${key.name}[${row}]` });
  });
  return parts.length === count ? parts : Array.from({ length: count }, () => parts[0]!);
}

/** A null key makes the views of its entity MISSING; a row without any key asks for nothing. */
function checkRowsHaveKeys(plan: Plan, parts: readonly (readonly (string | null)[])[], count: number): void {
  if (parts.length === 0) return;
  for (let row = 0; row < count; row++) {
    let k = 0;
    while (k < parts.length && parts[k]![row] === null) k += 1;
    if (k < parts.length) continue;
    const field = `${plan.keyNames[0]!}[${row}]`;
    throw sidecarError('SRV_KEY_MISSING', `all join keys of row ${row} are null`, { field });
  }
}

function wrong(field: string, what: string): Error {
  return sidecarError('SRV_TENSOR', `${field} ${what}`, { field });
}

/** The body of an example request for one row, with its tensors in JSON: for the documentation and the warm-up. */
export function inferExample(plan: Plan): ExampleBody {
  const inputs = plan.keys.map((key) => ({
    name: key.name,
    datatype: inputDatatype(key),
    shape: [1],
    data: [exampleKey(key)],
  }));
  const context = plan.inputs.map(({ name, type }) => {
    const item = itemTypeOf(type);
    const shape = item === null ? [1] : [1, type.kind === 'embedding' ? type.size : 1];
    return { name, datatype: datatypesOf(type)[0], shape, data: exampleData(type) };
  });
  return { inputs: [...inputs, ...context] };
}

/** One row. */
function exampleData(type: ValueType): readonly unknown[] {
  const value = exampleValue(type);
  if (type.kind === 'timestamp') return [0];
  if (itemTypeOf(type) !== null) {
    return type.kind === 'list' && type.of.kind === 'timestamp' ? [0] : (value as readonly unknown[]);
  }
  return [datatypesOf(type)[0] === 'BYTES' && typeof value !== 'string' ? JSON.stringify(value) : value];
}

/** The datatype of a join key's tensor, as the model's metadata names it. */
export function inputDatatype(key: JoinKey): string {
  return key.type === 'string' ? 'BYTES' : key.type.toUpperCase();
}
