/** The one place where the code of an error becomes a status: of HTTP, and of gRPC after it. */
import type { SidecarErrorCode } from './errors.ts';

const HTTP_STATUS: Readonly<Record<SidecarErrorCode, number>> = {
  SRV_JSON: 400,
  SRV_MESSAGE: 400,
  SRV_REQUEST: 400,
  SRV_UNKNOWN_SERVICE: 404,
  SRV_UNKNOWN_FEATURE: 404,
  SRV_AMBIGUOUS_FEATURE: 400,
  SRV_UNKNOWN_KEY: 400,
  SRV_UNKNOWN_CONTEXT: 400,
  SRV_INPUT_MISSING: 400,
  SRV_INPUT_TYPE: 400,
  SRV_KEY_MISSING: 400,
  SRV_KEY_TYPE: 400,
  SRV_TENSOR: 400,
  SRV_LIST_LENGTHS: 400,
  SRV_NO_FORM: 400,
  SRV_NO_ROWS: 400,
  SRV_RAGGED: 400,
  SRV_TOO_MANY_VALUES: 413,
  SRV_BODY_TOO_LARGE: 413,
  SRV_ENCODING: 415,
  SRV_HOST: 403,
  SRV_ORIGIN: 403,
  SRV_FRAMING: 400,
  SRV_DEADLINE: 400,
  SRV_ROUTE: 404,
  SRV_METHOD: 405,
  SRV_OVERLOAD: 503,
  SRV_LOG_FULL: 503,
  SRV_INTERNAL: 500,
  SRV_PORT: 500,
  SRV_TRANSPORT: 500,
  SRV_STORE: 503,
};

/** The codes of gRPC that the sidecar answers. */
const INVALID_ARGUMENT = 3;
export const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
export const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;
export const UNAVAILABLE = 14;

/** @returns 500 for a code of another program's table */
export function httpStatusOf(code: string): number {
  return HTTP_STATUS[code as SidecarErrorCode] ?? 500;
}

/** What waiting mends is RESOURCE_EXHAUSTED or UNAVAILABLE; what another request mends is none of the two. */
export function grpcStatusOf(code: string): number {
  if (code === 'SRV_OVERLOAD') return RESOURCE_EXHAUSTED;
  const status = httpStatusOf(code);
  if (status === 503) return UNAVAILABLE;
  if (status === 404) return NOT_FOUND;
  return status < 500 ? INVALID_ARGUMENT : INTERNAL;
}
