/**
 * Whole HTTP requests as text, for each surface of the sidecar:
 *
 *   native   POST /feature-service/get-online-features
 *   feast    POST /get-online-features
 *   tensor   POST /v2/models/{service}/infer, features and statuses back as binary tensors
 */
import type { EntityPool } from './entity-pool.ts';
import type { ServiceSchema } from './service-schema.ts';

export const LOAD_SURFACES = ['native', 'feast', 'tensor'] as const;
export type LoadSurface = (typeof LOAD_SURFACES)[number];

/** What a request is made of, and what stays the same in all of them. */
export interface RequestShape {
  readonly surface: LoadSurface;
  readonly schema: Pick<ServiceSchema, 'service' | 'joinKeys'>;
  readonly hostHeader: string;
  /** Sent as x-deadline-ms; null: the sidecar's own. */
  readonly deadlineMs: number | null;
}

/** @returns makes the request for these entities of the pool; its text is UTF-8 */
export function requestMaker(shape: RequestShape, pool: EntityPool): (indexes: readonly number[]) => string {
  const { surface, schema, hostHeader, deadlineMs } = shape;
  const deadline = deadlineMs === null ? '' : `x-deadline-ms: ${deadlineMs}\r\n`;
  const head = `POST ${pathOf(surface, schema.service)} HTTP/1.1\r\nHost: ${hostHeader}\r\n${deadline}Content-Type: application/json\r\nContent-Length: `;
  const body = surface === 'tensor' ? tensorBody(shape, pool) : columnsBody(shape, pool);
  return (indexes) => {
    const text = body(indexes);
    return `${head}${Buffer.byteLength(text)}\r\n\r\n${text}`;
  };
}

function pathOf(surface: LoadSurface, service: string): string {
  if (surface === 'native') return '/feature-service/get-online-features';
  return surface === 'feast' ? '/get-online-features' : `/v2/models/${encodeURIComponent(service)}/infer`;
}

function columnsBody(
  { schema, surface }: RequestShape,
  pool: EntityPool,
): (indexes: readonly number[]) => string {
  const names = schema.joinKeys.map(({ name }) => JSON.stringify(name));
  // Two views may have features of one name.
  const fullNames = surface === 'feast' ? '"full_feature_names":true,' : '';
  const start = `{${fullNames}"feature_service":${JSON.stringify(schema.service)},"entities":{`;
  return (indexes) => {
    const columns = names.map((name, k) => `${name}:[${indexes.map((i) => pool.keyText(i, k)).join(',')}]`);
    return `${start}${columns.join(',')}}}`;
  };
}

/** Inputs as JSON, outputs binary: what tritonclient sends with `binary_data=False` and asks with `True`. */
function tensorBody({ schema }: RequestShape, pool: EntityPool): (indexes: readonly number[]) => string {
  const starts = schema.joinKeys.map(({ name, type }) => {
    const datatype = type === 'string' ? 'BYTES' : 'INT64';
    return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[`;
  });
  return (indexes) => {
    const inputs = starts.map(
      (start, k) =>
        `${start}${indexes.length}],"data":[${indexes.map((i) => pool.keyText(i, k)).join(',')}]}`,
    );
    return `{"inputs":[${inputs.join(',')}],"parameters":{"binary_data_output":true}}`;
  };
}
