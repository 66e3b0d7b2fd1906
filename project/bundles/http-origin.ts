/**
 * Bundles over HTTP, as `plumb ui` serves them (catalogue/bundles.ts):
 *
 *   GET {url}/current   the pointer, with an ETag; asked with If-None-Match, so that an unchanged one costs a 304
 *   GET {url}/{hash}    a bundle, which never changes
 */
import { CallError, httpCall, shownServer } from '../connections/http-call.ts';
import type { HttpAnswer } from '../connections/http-call.ts';
import { MAX_BUNDLE_BYTES } from './bundle-origin.ts';
import type { BundleOrigin } from './bundle-origin.ts';

const POINTER_LIMIT_MS = 5_000;
const CONTENT_LIMIT_MS = 30_000;

/** Whoever serves bundles may ask who takes them (docs/access.md); the settings name the server. */
function login(): Record<string, string> {
  const token = process.env['PLUMB_TOKEN'] ?? '';
  return token === '' ? {} : { authorization: `Bearer ${token.trim()}` };
}

export function httpOrigin(url: string, ca: string | null): BundleOrigin {
  let known: { readonly etag: string; readonly text: string } | null = null;
  const get = (path: string, limitMs: number, more = {}): Promise<HttpAnswer> => {
    const headers = { ...login(), ...more };
    return httpCall({
      method: 'GET',
      url: `${url}/${path}`,
      headers,
      limitMs,
      ca,
      maxBytes: MAX_BUNDLE_BYTES,
    });
  };
  return {
    name: shownServer(url),
    needsSignature: true,
    async pointer() {
      const headers = known === null ? {} : { 'if-none-match': known.etag };
      const answer = await get('current', POINTER_LIMIT_MS, headers);
      if (answer.status === 304 && known !== null) return known.text;
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw refused(answer);
      const { etag } = answer.headers;
      known = etag === undefined ? null : { etag, text: answer.text };
      return answer.text;
    },
    async content({ hash }) {
      const answer = await get(hash, CONTENT_LIMIT_MS);
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw refused(answer);
      return answer.text;
    },
    publish: null,
    close() {},
  };
}

function refused({ status }: HttpAnswer): Error {
  const why = status === 401 ? ': it asks for a token, and PLUMB_TOKEN holds none that it takes' : '';
  return new CallError(`it answers ${status}${why}`, { pass: true, haveArrived: true });
}
