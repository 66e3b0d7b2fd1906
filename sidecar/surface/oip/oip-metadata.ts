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
import { tensorPlan } from './tensor-plan.ts';
import type { TensorPlan } from './tensor-plan.ts';
import type { Exchange } from '../../transport/transport.ts';
import { OIP_PATH, modelOf, parseModelPath } from './model-path.ts';
import { inputDatatype } from './oip-request.ts';

interface OipPage {
  readonly body: string;
  /** As metrics name it. */
  readonly route: string;
}

/** @throws SRV_ROUTE, SRV_UNKNOWN_SERVICE */
export function oipPage(exchange: Exchange, plans: BundlePlans): OipPage {
  const { path } = exchange;
  if (path === OIP_PATH) {
    return page('/v2', {
      name: 'plumbline',
      version: OWN_PACKAGE.version,
      extensions: ['binary_tensor_data'],
    });
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

/** @returns the model's inputs and outputs; what the protocol has no words for stands among the parameters */
function modelMetadata(plan: Plan): object {
  const tensor = tensorPlan(plan);
  const { datatype, names, leftOut } = tensor;
  const shape = [-1, names.length];
  return {
    name: plan.service,
    versions: [String(plan.version)],
    platform: 'plumbline',
    inputs: plan.keys.map((key) => ({ name: key.name, datatype: inputDatatype(key), shape: [-1] })),
    outputs: [
      { name: 'features', datatype, shape },
      { name: 'status', datatype: 'UINT8', shape },
    ],
    parameters: {
      bundle: plan.bundle,
      features: names,
      statuses: STATUSES,
      left_out: leftOut,
      precision: precisionNote(tensor),
    },
  };
}

/** Which values the tensor's type cannot hold whole. */
function precisionNote({ datatype, rounded }: TensorPlan): string {
  if (rounded.length === 0) return 'every value is exact';
  const integers = datatype === 'FP64' ? '2^53' : '2^24';
  const doubles = datatype === 'FP64' ? '' : ', and doubles to float32';
  const names = rounded.map(({ name, type }) => `${name} (${type})`).join(', ');
  return `${datatype} rounds integers beyond ${integers}${doubles}: ${names}`;
}
