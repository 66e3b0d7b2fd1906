/**
 * What the Open Inference Protocol says of the server and of a model, which here is a feature service:
 *
 *   GET /v2  /v2/health/live  /v2/health/ready  /v2/models/{service}[/versions/{v}]  .../ready
 */
import { OWN_PACKAGE } from '../../../project/own-package.ts';
import { STATUSES } from '../../../contract/status.ts';
import { sidecarError } from '../../errors.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import type { Plan } from '../../plan/plan.ts';
import type { TensorDatatype } from './tensor-image.ts';
import { FEATURES, STATUS, tensorPlan } from './tensor-plan.ts';
import type { TensorPlan } from './tensor-plan.ts';
import type { Exchange } from '../../transport/transport.ts';
import { OIP_PATH, modelOf, parseModelPath } from './model-path.ts';
import type { RequestInput } from '../../../contract/model.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { datatypesOf, itemTypeOf } from './input-column.ts';
import { inputDatatype } from './oip-request.ts';

interface OipPage {
  readonly body: string;
  /** As metrics name it. */
  readonly route: string;
}

export const SERVER_METADATA = { name: 'plumbline', version: OWN_PACKAGE.version } as const;

interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** What the protocol has no words for. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** @throws SRV_ROUTE, SRV_UNKNOWN_SERVICE */
export function oipPage(exchange: Exchange, plans: BundlePlans): OipPage {
  const { path } = exchange;
  if (path === OIP_PATH) {
    return page('/v2', { ...SERVER_METADATA, extensions: ['binary_tensor_data'] });
  }
  if (path === '/v2/health/live') return page(path, { live: true });
  // A port that answers has its bundle; a store that is down makes values UNAVAILABLE, not the sidecar unready.
  if (path === '/v2/health/ready') return page(path, { ready: true });
  if (parseModelPath(path)?.verb === 'ready') {
    const { service } = modelOf(exchange, plans, 'ready');
    return page('/v2/models/{service}/ready', { name: service, ready: true });
  }
  if (parseModelPath(path)?.verb === '')
    return page('/v2/models/{service}', modelMetadata(modelOf(exchange, plans, '')));
  throw sidecarError('SRV_ROUTE', `nothing is served at ${path.slice(0, 200)}`, { field: 'path' });
}

function page(route: string, json: object): OipPage {
  return { route, body: JSON.stringify(json) };
}

export function modelMetadata(plan: Plan): ModelMetadata {
  const tensor = tensorPlan(plan);
  const { names, vectors, leftOut } = tensor;
  return {
    name: plan.service,
    versions: [String(plan.version)],
    platform: 'plumbline',
    inputs: [
      ...plan.keys.map((key) => ({ name: key.name, datatype: inputDatatype(key), shape: [-1] })),
      ...plan.inputs.map(({ name, type }) => ({
        name,
        datatype: datatypesOf(type)[0],
        shape: inputShape(type),
      })),
    ],
    outputs: modelOutputs(tensor),
    parameters: {
      bundle: plan.bundle,
      features: names,
      status_columns: [...names, ...vectors.map(({ name }) => name)],
      statuses: STATUSES,
      // The protocol has no word for an input that may be left out.
      ...(plan.inputs.length === 0 ? {} : { context: plan.inputs.map(contextField) }),
      left_out: leftOut,
      ...(plan.deprecations === null ? {} : { deprecated: plan.deprecations.list }),
      precision: precisionNote(tensor),
    },
  };
}

function inputShape(type: ValueType): number[] {
  if (type.kind === 'embedding') return [-1, type.size];
  return itemTypeOf(type) === null ? [-1] : [-1, -1];
}

function contextField({ name, type, optional }: RequestInput): object {
  return { name, type: formatType(type), optional };
}

/** A dimension of -1 is one that a request decides: the rows, and the items of lists. */
function modelOutputs({ datatype, names, vectors }: TensorPlan): TensorMetadata[] {
  return [
    { name: FEATURES, datatype, shape: [-1, names.length] },
    { name: STATUS, datatype: 'UINT8', shape: [-1, names.length + vectors.length] },
    ...vectors.map(({ name, size }) => ({ name, datatype: 'FP32', shape: [-1, size ?? -1] })),
  ];
}

/** Which values the tensors' types cannot hold whole. */
function precisionNote({ datatype, rounded, roundedVectors }: TensorPlan): string {
  const notes = [roundingNote(datatype, rounded), roundingNote('FP32', roundedVectors)];
  return notes.filter((note) => note !== null).join('; ') || 'every value is exact';
}

function roundingNote(datatype: TensorDatatype, features: TensorPlan['rounded']): string | null {
  if (features.length === 0) return null;
  const integers = datatype === 'FP64' ? '2^53' : '2^24';
  const doubles = datatype === 'FP64' ? '' : ', and doubles to float32';
  const names = features.map(({ name, type }) => `${name} (${type})`).join(', ');
  return `${datatype} rounds integers beyond ${integers}${doubles}: ${names}`;
}
