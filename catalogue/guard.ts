/**
 * What every request passes first: a Host that is served here, no page of another place, GET or HEAD but where
 * something is taken; and what every answer says to a browser. A page of another host can then neither read the
 * catalogue nor be it.
 */
import type { MiddlewareHandler } from 'hono';
import { catalogueError } from './errors.ts';

const OWN_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

/** Pages have their style as a file and no script at all. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** Reports have theirs in themselves. */
export const REPORT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** @param allowed  what a Host header may name beside loopback */
export function guard(allowed: readonly string[]): MiddlewareHandler {
  const hosts = new Set([...OWN_HOSTS, ...allowed.map((host) => host.toLowerCase())]);
  const isOwn = (host: string): boolean =>
    hosts.has(host.toLowerCase()) || hosts.has(host.replace(/:\d{0,5}$/, '').toLowerCase());
  return async (context, next) => {
    const { method } = context.req;
    const host = context.req.header('host') ?? '';
    const origin = context.req.header('origin');
    if (!isOwn(host)) {
      const what = `the host ${JSON.stringify(host.slice(0, 200))} is not served here`;
      throw catalogueError('CAT_HOST', what, { field: 'host' });
    }
    if (origin !== undefined && !isOwnOrigin(origin, host))
      throw catalogueError('CAT_ORIGIN', 'requests of pages of another place are refused', {
        field: 'origin',
      });
    // A page elsewhere that loads a picture or a script sends no Origin; a link to here is followed all the same.
    if (isOfElsewhere((name) => context.req.header(name)))
      throw catalogueError('CAT_ORIGIN', 'requests of pages of another place are refused', {
        field: 'sec-fetch-site',
      });
    if (method !== 'GET' && method !== 'HEAD' && !(method === 'POST' && isPostedTo(context.req.path)))
      throw catalogueError('CAT_METHOD', `${method} is not taken here`, { field: 'method' });
    await next();
    const { headers } = context.res;
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', PAGE_POLICY);
    headers.set('x-content-type-options', 'nosniff');
    // With `no-referrer` browsers say of our own forms that they come from nowhere.
    headers.set('referrer-policy', 'same-origin');
    headers.set('cross-origin-resource-policy', 'same-origin');
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  };
}

/** All else is only read. */
function isPostedTo(path: string): boolean {
  return path === '/logout' || path.startsWith('/api/registry/');
}

function isOwnOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** What browsers say of a request (Fetch Metadata); nobody else sends it. */
function isOfElsewhere(header: (name: string) => string | undefined): boolean {
  if (header('sec-fetch-site') !== 'cross-site') return false;
  return header('sec-fetch-mode') !== 'navigate' || header('sec-fetch-dest') !== 'document';
}
