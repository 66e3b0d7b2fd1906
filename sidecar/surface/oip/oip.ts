/**
 * The Open Inference Protocol (v2) with the binary tensor extension, `POST /v2/models/{service}/infer`: what a model
 * server already speaks, and no text in between. An answer is copied from the images of the cached rows.
 *
 *   {"model_name", "model_version", "id"?, "parameters", "outputs": [
 *     {"name": "features", "datatype": "FP64", "shape": [rows, n], "parameters": {"binary_data_size": 8 * rows * n}},
 *     {"name": "status", "datatype": "UINT8", "shape": [rows, n], "data": [0, 1, ..]}]} | bytes of features
 *
 * In JSON a NaN, and with it an infinity, is null: JSON has no other word for it. The bytes carry both.
 */
import type { CodedError } from '../../../contract/std/coded-error.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import type { Plan } from '../../plan/plan.ts';
import type { ExampleRequest, Surface } from '../../request/surface.ts';
import { MODELS_PATH, OIP_PATH, parseModelPath } from './model-path.ts';
import { answerOip } from './oip-answer.ts';
import { inferExample, parseOip } from './oip-request.ts';
import type { TensorForm } from './oip-request.ts';

export const oipSurface: Surface<TensorForm> = {
  code: SURFACES.indexOf('oip'),
  route: '/v2/models/{service}/infer',
  path: `${MODELS_PATH}*`,
  takes: (path) => parseModelPath(path)?.verb === 'infer',
  owns: (path) => path === OIP_PATH || path.startsWith(`${OIP_PATH}/`),
  parse: parseOip,
  answer: answerOip,
  errorBody: oipErrorBody,
  examples: oipExamples,
};

/** The protocol's envelope has room for a sentence only; the rest stands among the parameters. */
function oipErrorBody(error: CodedError): string {
  const { field, help } = error.details;
  return JSON.stringify({ error: error.message, parameters: { code: error.code, field, help } });
}

function oipExamples(plan: Plan): ExampleRequest[] {
  const path = `${MODELS_PATH}${plan.service}/infer`;
  const body = inferExample(plan);
  return [
    { path, body },
    { path, body: { ...body, parameters: { binary_data_output: true } } },
  ];
}
