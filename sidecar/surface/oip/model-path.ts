/**
 * Paths of the Open Inference Protocol, where a model is a feature service: `/v2/models/{service}[/versions/{v}]/...`
 */
import { sidecarError } from '../../errors.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Exchange } from '../../transport/transport.ts';

export const OIP_PATH = '/v2';
export const MODELS_PATH = '/v2/models/';
const VERSIONS = '/versions/';

interface ModelPath {
  readonly service: string;
  /** null: whichever is served. */
  readonly version: string | null;
  /** What stands behind the model: `infer`, `ready`, or nothing. */
  readonly verb: string;
}

/** @returns null when the path names no model */
export function parseModelPath(path: string): ModelPath | null {
  if (!path.startsWith(MODELS_PATH)) return null;
  const nameEnd = endOf(path, MODELS_PATH.length);
  const service = decoded(path.slice(MODELS_PATH.length, nameEnd));
  if (service === '') return null;
  const rest = path.slice(nameEnd);
  if (!rest.startsWith(VERSIONS)) return { service, version: null, verb: rest.slice(1) };
  const versionEnd = endOf(rest, VERSIONS.length);
  const version = decoded(rest.slice(VERSIONS.length, versionEnd));
  return { service, version, verb: rest.slice(versionEnd + 1) };
}

/**
 * The plan of the model that a path names.
 *
 * @throws SRV_ROUTE when the path is not that verb of a model; SRV_UNKNOWN_SERVICE for another service, or for a
 *         version that is not the one served
 */
export function modelOf(exchange: Exchange, plans: BundlePlans, verb: string): Plan {
  const model = parseModelPath(exchange.path);
  if (model === null || model.verb !== verb) {
    const path = exchange.path.slice(0, 200);
    throw sidecarError('SRV_ROUTE', `nothing is served at ${path}`, { field: 'path' });
  }
  return servedModel(plans, model, 'path');
}

/**
 * @param model  by its name and a version; null: whichever is served
 * @param field  where the request names it
 * @throws       SRV_UNKNOWN_SERVICE
 */
export function servedModel(
  plans: BundlePlans,
  { service, version }: Pick<ModelPath, 'service' | 'version'>,
  field: string,
): Plan {
  const plan = plans.service(service);
  if (version === null || version === String(plan.version)) return plan;
  const other = JSON.stringify(version.slice(0, 40));
  const message = `${plan.service} is served in version ${plan.version}, not ${other}`;
  throw sidecarError('SRV_UNKNOWN_SERVICE', message, { field });
}

function endOf(path: string, from: number): number {
  const slash = path.indexOf('/', from);
  return slash === -1 ? path.length : slash;
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
