/** The catalogue's table of errors. Documented in docs/errors.md. */
import { errorsOf } from '../contract/std/coded-error.ts';
import type { ErrorEntry } from '../contract/std/coded-error.ts';

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
    message: 'The catalogue is only read: it takes GET and HEAD.',
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
    message: 'Access is on, and the request brings no token, or one that is not taken.',
    help: 'Send `Authorization: Bearer TOKEN`; an admin makes a token with `plumb token create`.',
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

const HTTP_STATUS: Readonly<Record<CatalogueErrorCode, number>> = {
  CAT_ROUTE: 404,
  CAT_UNKNOWN: 404,
  CAT_METHOD: 405,
  CAT_HOST: 403,
  CAT_ORIGIN: 403,
  CAT_LOGIN: 401,
  CAT_PROXY: 401,
  CAT_ROLE: 403,
  CAT_PORT: 500,
  CAT_NOT_APPLIED: 503,
  CAT_INTERNAL: 500,
};

/** @returns 500 for a code of another program's table, but for the registry that is away */
export function httpStatusOf(code: string): number {
  // The database of the registry is away: nothing is wrong with the request or the page.
  if (code === 'REG_STORE') return 503;
  return HTTP_STATUS[code as CatalogueErrorCode] ?? 500;
}
