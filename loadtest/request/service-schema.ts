/** What the load tester must know of a feature service, from the sidecar itself: `GET /feature-service/{name}`. */
import { loadError } from '../errors.ts';
import { getText } from './target.ts';
import type { LoadTarget } from './target.ts';

export interface ServiceSchema {
  readonly service: string;
  readonly version: number;
  readonly bundle: string;
  readonly joinKeys: readonly { readonly name: string; readonly type: 'string' | 'int32' | 'int64' }[];
  /** Full names in the order of the answer. */
  readonly features: readonly string[];
}

interface SchemaJson {
  readonly service_version: number;
  readonly bundle: string;
  readonly join_keys: ServiceSchema['joinKeys'];
  readonly features: readonly { readonly name: string }[];
}

/** @throws LOAD_SERVICE when nothing answers, or the service is unknown there */
export async function readSchema(target: LoadTarget, service: string): Promise<ServiceSchema> {
  const at = 'path' in target ? target.path : target.hostHeader;
  const path = `/feature-service/${encodeURIComponent(service)}`;
  const { status, text } = await getText(target, path).catch((error: Error) => {
    throw loadError('LOAD_SERVICE', `nothing answers at ${at}: ${error.message}`, { field: 'url' }, error);
  });
  if (status !== 200) {
    const said = text.slice(0, 300);
    throw loadError('LOAD_SERVICE', `${at} answers ${status} to GET ${path}: ${said}`, { field: 'service' });
  }
  const json = JSON.parse(text) as SchemaJson;
  return {
    service,
    version: json.service_version,
    bundle: json.bundle,
    joinKeys: json.join_keys,
    features: json.features.map(({ name }) => name),
  };
}
