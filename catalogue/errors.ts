/** The catalogue's table of errors. Documented in docs/errors.md. */
import { errorsOf } from '../contract/std/coded-error.ts';
import type { CodedError, ErrorEntry } from '../contract/std/coded-error.ts';

export const CATALOGUE_ERRORS = {
  CAT_ROUTE: {
    message: 'Nothing is at that address.',
    help: 'Begin at /, or look for it at /search.',
    kind: 'usage',
  },
  CAT_UNKNOWN: {
    message: 'The catalogue has nothing of that name.',
    help: 'Look for it at /search: it forgives typing errors. It may also have been deleted, or renamed.',
    kind: 'usage',
  },
  CAT_METHOD: {
    message: 'The catalogue is only read: it takes GET and HEAD, POST alone for the registry and to log out.',
    help: 'Change definitions in their files, then run `plumb plan` and `plumb apply`.',
    kind: 'usage',
  },
  CAT_HOST: {
    message: 'The Host header names a host that is not served here.',
    help: 'Open it as localhost, or add the host to ui.allowedHosts.',
    kind: 'usage',
  },
  CAT_ORIGIN: {
    message: 'The request comes from a page of another place (its Origin or Sec-Fetch-Site header says so).',
    help: 'Open the catalogue in a tab of its own, or call it from a program.',
    kind: 'usage',
  },
  CAT_LOGIN: {
    message:
      'Access is on, and nobody who is known asks: there is no token, session or login, or none that is taken.',
    help: 'Send `Authorization: Bearer TOKEN`; an admin makes a token with `plumb token create`. Browsers log in at /login.',
    kind: 'usage',
  },
  CAT_PROXY: {
    message: 'The request brings the header by which a proxy says who asks, and it is not taken.',
    help: 'Name the address of the proxy in access.proxy.from, or ask without the header and with a token.',
    kind: 'usage',
  },
  CAT_ROLE: {
    message: 'Whoever asks may not see this.',
    help: 'Ask an admin of the registry for a token with that role.',
    kind: 'usage',
  },
  CAT_BODY: {
    message: 'What was posted is no JSON, or too long.',
    help: 'Send JSON with `Content-Type: application/json`, as a `plumb` with this registry does.',
    kind: 'usage',
  },
  CAT_APPLY: {
    message: 'Plans and applies are taken where access is on, and from nobody by a session of a browser.',
    help: 'Set access.enabled for `plumb ui`, and send a token.',
    kind: 'usage',
  },
  CAT_PORT: {
    message: 'The port of the catalogue cannot be opened.',
    help: 'End the program that has it, or give another one: `plumb ui --port 7001`.',
    kind: 'failed',
  },
  CAT_NOT_APPLIED: {
    message: 'Nothing is applied yet.',
    help: 'Run `plumb apply` first, then load the page again.',
    kind: 'usage',
  },
  CAT_INTERNAL: {
    message: 'The catalogue failed, or the registry could not be read.',
    help: 'Load the page again; what `plumb ui` has printed says more.',
    kind: 'failed',
  },
} as const satisfies Record<string, ErrorEntry>;

type CatalogueErrorCode = keyof typeof CATALOGUE_ERRORS;

export const catalogueError = errorsOf(CATALOGUE_ERRORS);

export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 500 | 503;

const HTTP_STATUS: Readonly<Record<CatalogueErrorCode, ErrorStatus>> = {
  CAT_ROUTE: 404,
  CAT_UNKNOWN: 404,
  CAT_METHOD: 405,
  CAT_HOST: 403,
  CAT_ORIGIN: 403,
  CAT_LOGIN: 401,
  CAT_PROXY: 401,
  CAT_ROLE: 403,
  CAT_BODY: 400,
  CAT_APPLY: 403,
  CAT_PORT: 500,
  CAT_NOT_APPLIED: 503,
  CAT_INTERNAL: 500,
};

/** Of the registry's: what is away, and what is refused since of who asks. */
const OF_REGISTRY: Readonly<Record<string, ErrorStatus>> = {
  REG_STORE: 503,
  REG_ISSUER: 503,
  REG_TEAM: 403,
  REG_ROLE: 403,
  REG_PLAN: 409,
};

/** @returns 500 for what failed, and for a code of another program's table */
export function httpStatusOf({ code, kind }: Pick<CodedError, 'code' | 'kind'>): ErrorStatus {
  const own = HTTP_STATUS[code as CatalogueErrorCode] ?? OF_REGISTRY[code];
  if (own !== undefined) return own;
  if (!code.startsWith('REG_')) return 500;
  return kind === 'usage' ? 400 : kind === 'failed' ? 500 : 409;
}
