/**
 * The OpenAPI document of this sidecar, `GET /openapi.json`: its routes, and for each feature service of the bundle
 * the exact shapes with examples that can be sent. Made once for a bundle, when it is first requested.
 */
import { OWN_PACKAGE } from '../../project/own-package.ts';
import {
  deprecatedMark,
  deprecatedSchema,
  errorSchemas,
  feastAnswer,
  feastFeatureList,
  feastRequest,
  nativeMetadata,
  nativeRequest,
  nativeResult,
  shortNativeResult,
  objectOf,
  statusSchema,
} from './openapi-schemas.ts';
import type { Schema } from './openapi-schemas.ts';
import { withSharedParts } from './shared-schemas.ts';
import { inferAnswer, inferRequest } from './openapi-tensors.ts';
import type { BundlePlans } from '../plan/bundle-plans.ts';
import type { Plan } from '../plan/plan.ts';
import { inferExample } from '../surface/oip/oip-request.ts';
import { feastExample, feastSurface } from '../surface/feast/feast.ts';
import { nativeExample, nativeSurface } from '../surface/native/native.ts';

type Json = Readonly<Record<string, unknown>>;

const BAD_INPUT: readonly (readonly [string, string])[] = [
  ['400', 'The request is not one that can be answered; the error names the field.'],
  ['403', 'A foreign Host, or a request of a web page.'],
  ['404', 'No service of that name or version, or no such feature.'],
  ['413', 'More than 10,000 values, or a body over 1 MiB.'],
  ['415', 'The body has a Content-Encoding.'],
  [
    '503',
    'The request waited past its deadline, or more is asked for than can be answered; Retry-After says when to try again.',
  ],
];
const documents = new WeakMap<BundlePlans, string>();

/** @returns JSON; the same text for the same plans */
export function openApiText(plans: BundlePlans): string {
  let text = documents.get(plans);
  if (text === undefined) documents.set(plans, (text = JSON.stringify(openApiDocument(plans))));
  return text;
}

/** Past so many features that services list, the document is made short: it is read by programs then. */
const MOST_DESCRIBED = 1_000;
/** Of the services, in a short document. */
const MOST_EXAMPLES = 20;

function openApiDocument(plans: BundlePlans): Json {
  const services = [...plans.services()];
  const isShort = services.reduce((sum, { featureCount }) => sum + featureCount, 0) > MOST_DESCRIBED;
  const document = wholeDocument(plans, services, isShort);
  return isShort ? withSharedParts(document) : document;
}

function wholeDocument(plans: BundlePlans, services: readonly Plan[], isShort: boolean): Json {
  const names = services.map((plan) => plan.service);
  return {
    openapi: '3.1.0',
    info: {
      title: `Features of ${plans.bundle.project}`,
      version: OWN_PACKAGE.version,
      description:
        `Feature vectors for model servers, from bundle ${plans.bundle.hash}. /docs shows the same for people. ` +
        'int64 numbers have every digit: read them with a parser that keeps them whole.',
    },
    servers: [{ url: '/' }],
    paths: {
      ...(services.length === 0 ? {} : vectorPaths(plans, services, isShort)),
      ...Object.fromEntries(
        services.map((plan) => [
          `/v2/models/${plan.service}/infer`,
          { post: isShort ? shortInferOperation(plan) : inferOperation(plan) },
        ]),
      ),
      ...(services.length === 0 ? {} : modelPaths(names)),
      ...serverPaths(),
    },
    components: { schemas: components(services, isShort) },
  };
}

function components(services: readonly Plan[], isShort: boolean): Json {
  const resultOf = isShort ? shortNativeResult : nativeResult;
  const ofServices = services.flatMap((plan): [string, Schema][] => [
    [`${plan.service}.request`, nativeRequest(plan)],
    [`${plan.service}.result`, resultOf(plan)],
    [`${plan.service}.feast`, feastRequest(plan)],
    [`${plan.service}.infer`, inferRequest(plan)],
    [`${plan.service}.tensors`, inferAnswer(plan)],
  ]);
  return { Status: statusSchema, ...errorSchemas(), ...Object.fromEntries(ofServices) };
}

function vectorPaths(plans: BundlePlans, services: readonly Plan[], isShort: boolean): Json {
  const shown = isShort ? services.slice(0, MOST_EXAMPLES) : services;
  const all = [...plans.views.values()].flatMap((view) =>
    view.view.features.map((f) => `${view.id}:${f.name}`),
  );
  const references = isShort ? [] : all;
  const answer = objectOf({
    results: { type: 'array', items: { anyOf: services.map((plan) => ref(`${plan.service}.result`)) } },
    metadata: nativeMetadata(),
  });
  const feastBodies = [...services.map((plan) => ref(`${plan.service}.feast`)), feastFeatureList(references)];
  return {
    [nativeSurface.route]: {
      post: operation('getFeatures', 'Features of a service, one result a row, a status beside each value.', {
        parameters: headerParameters(),
        requestBody: jsonBody(
          { anyOf: services.map((plan) => ref(`${plan.service}.request`)) },
          examples(shown, nativeExample),
        ),
        responses: { 200: jsonAnswer('The vectors.', answer), ...errors('Error') },
      }),
    },
    [feastSurface.route]: {
      post: operation('getFeaturesAsFeast', 'The contract of the Feast feature server, column by column.', {
        parameters: headerParameters(),
        requestBody: jsonBody({ anyOf: feastBodies }, examples(shown, feastExample)),
        responses: { 200: jsonAnswer('The columns.', feastAnswer()), ...errors('FeastError') },
      }),
    },
  };
}

function inferOperation(plan: Plan): Json {
  const length = { type: 'string', pattern: '^[0-9]{1,10}$' };
  const bytes = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
  const answer = jsonAnswer(
    'The tensors `features` and `status`. Where bytes were asked for they stand behind the JSON.',
    ref(`${plan.service}.tensors`),
  );
  return operation(
    `infer_${plan.service}`,
    `Features of ${plan.service} as tensors (Open Inference Protocol). For binary tensors send ` +
      'Inference-Header-Content-Length, the length of the JSON before them. The version that is served may be named ' +
      `too: /v2/models/${plan.service}/versions/${plan.version}/infer.`,
    {
      ...deprecatedMark(plan.definition.deprecated),
      parameters: headerParameters(),
      requestBody: jsonBody(ref(`${plan.service}.infer`), { [plan.service]: { value: inferExample(plan) } }),
      responses: {
        200: {
          ...answer,
          content: { ...(answer['content'] as object), ...bytes },
          headers: {
            'Inference-Header-Content-Length': {
              required: false,
              schema: length,
              description: 'With bytes only.',
            },
          },
        },
        ...errors('InferenceError'),
      },
    },
  );
}

/** The same for a bundle of many services: in few words, without an example, and all refusals are one answer. */
function shortInferOperation(plan: Plan): Json {
  const { service, definition } = plan;
  return operation(`infer_${service}`, `Features of ${service} as tensors.`, {
    ...deprecatedMark(definition.deprecated),
    parameters: headerParameters(),
    requestBody: jsonBody(ref(`${service}.infer`)),
    responses: {
      200: jsonAnswer('The tensors.', ref(`${service}.tensors`)),
      default: jsonAnswer('The request is refused; the error says why.', ref('InferenceError')),
    },
  });
}

function modelPaths(names: readonly string[]): Json {
  const parameters = [{ name: 'name', in: 'path', required: true, schema: { enum: names } }];
  const tensor = objectOf({
    name: { type: 'string' },
    datatype: { type: 'string' },
    shape: { type: 'array', items: { type: 'integer' } },
  });
  const metadata = objectOf({
    name: { enum: names },
    versions: { type: 'array', items: { type: 'string' } },
    platform: { type: 'string' },
    inputs: { type: 'array', items: tensor },
    outputs: { type: 'array', items: tensor },
    parameters: { type: 'object' },
  });
  const ready = objectOf({ name: { enum: names }, ready: { const: true } });
  const schema = objectOf(
    {
      feature_service: { enum: names },
      service_version: { type: 'integer' },
      join_keys: { type: 'array', items: objectOf({ name: { type: 'string' }, type: { type: 'string' } }) },
      context: {
        type: 'array',
        items: objectOf({
          name: { type: 'string' },
          type: { type: 'string' },
          optional: { type: 'boolean' },
        }),
        description: 'What a request brings for features computed on demand.',
      },
      features: { type: 'array', items: { type: 'object', required: ['name', 'type', 'missing'] } },
      deprecated: deprecatedSchema(),
    },
    ['deprecated'],
  );
  const get = (id: string, summary: string, what: Schema, error: string): Json => ({
    parameters,
    get: operation(id, summary, {
      responses: { 200: jsonAnswer(summary, what), ...errors(error, ['403', '404']) },
    }),
  });
  return {
    '/feature-service/{name}': get('getService', 'Keys, features and types of a service.', schema, 'Error'),
    '/v2/models/{name}': get(
      'getModel',
      'Inputs and outputs of a service as a model.',
      metadata,
      'InferenceError',
    ),
    '/v2/models/{name}/ready': get('isModelReady', 'Whether a service is served.', ready, 'InferenceError'),
  };
}

function serverPaths(): Json {
  const get = (id: string, summary: string, answer: Json, error = 'Error'): Json => ({
    get: operation(id, summary, { responses: { 200: answer, ...errors(error, ['403']) } }),
  });
  const server = objectOf({
    name: { const: 'plumbline' },
    version: { type: 'string' },
    extensions: { type: 'array', items: { type: 'string' } },
  });
  const truth = (name: string): Schema => objectOf({ [name]: { const: true } });
  const html = { description: 'A page.', content: { 'text/html': { schema: { type: 'string' } } } };
  return {
    '/v2': get('getServer', 'What answers here.', jsonAnswer('The server.', server), 'InferenceError'),
    '/v2/health/live': get('isLive', 'It runs.', jsonAnswer('It does.', truth('live')), 'InferenceError'),
    '/v2/health/ready': get(
      'isReady',
      'It serves.',
      jsonAnswer('It does.', truth('ready')),
      'InferenceError',
    ),
    '/health': get('isHealthy', 'It runs, as Feast asks.', { description: 'It does; the body is empty.' }),
    '/openapi.json': get('getOpenApi', 'This document.', jsonAnswer('The document.', { type: 'object' })),
    '/docs': get('getDocs', 'This document for people.', html),
    '/hot-keys': get(
      'getHotKeys',
      'The entities asked for most, and the reads that the cache spared each node of the store.',
      jsonAnswer('Estimates from a sample of the look-ups.', { type: 'object' }),
    ),
  };
}

function operation(operationId: string, summary: string, more: Json): Json {
  return { operationId, summary, ...more };
}

function headerParameters(): Json[] {
  return [
    {
      name: 'x-request-id',
      in: 'header',
      required: false,
      // No pattern: uWebSockets.js cuts bytes past ASCII from a header's end, and an empty id counts as none.
      schema: { type: 'string', maxLength: 128 },
      description:
        'Printable ASCII without quotes. Stands in the answer and in the log; one is made where it is left out.',
    },
    {
      name: 'x-deadline-ms',
      in: 'header',
      required: false,
      schema: { anyOf: [{ type: 'number', exclusiveMinimum: 0, maximum: 60_000 }, { const: '' }] },
      description: 'What is not there by then is UNAVAILABLE. An empty one counts as none.',
    },
  ];
}

function jsonBody(schema: Schema, examplesOf?: Json): Json {
  const shown = examplesOf === undefined ? {} : { examples: examplesOf };
  return { required: true, content: { 'application/json': { schema, ...shown } } };
}

function jsonAnswer(description: string, schema: Schema): Json {
  return { description, content: { 'application/json': { schema } } };
}

function errors(schema: string, only?: readonly string[]): Json {
  const named = BAD_INPUT.filter(([status]) => only === undefined || only.includes(status));
  return Object.fromEntries(
    named.map(([status, description]) => [status, jsonAnswer(description, ref(schema))]),
  );
}

function ref(schema: string): Schema {
  return { $ref: `#/components/schemas/${schema}` };
}

function examples(services: readonly Plan[], exampleOf: (plan: Plan) => Json): Json {
  return Object.fromEntries(services.map((plan) => [plan.service, { value: exampleOf(plan) }]));
}
