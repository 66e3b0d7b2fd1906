/**
 * The routes by which bundles travel over HTTP; `plumb ui` has them below `/bundles`. They give what the folder of
 * bundles has, as it is: who takes a bundle checks its SHA-256 and the pointer's signature.
 *
 *   GET /current   the pointer, with an ETag: 304 where If-None-Match has it
 *   GET /{hash}    a bundle that the pointer names, by its SHA-256; it never changes
 */
import { Hono } from 'hono';
import { bundlesOf, pointerText, sha256Of } from '../../contract/bundles/bundle-pointer.ts';
import { bundleText, readPointer } from '../../contract/definitions/bundle-folder.ts';

const FOREVER = 'public, max-age=31536000, immutable';

/** @param folder  of bundles */
export function bundleRoutes(folder: string): Hono {
  const routes = new Hono();
  routes.get('/current', (c) => {
    const pointer = readPointer(folder);
    if (pointer === null) return c.json(notThere('nothing is applied yet'), 404);
    const text = pointerText(pointer);
    const etag = `"${sha256Of(text)}"`;
    c.header('etag', etag);
    c.header('cache-control', 'no-cache');
    if (c.req.header('if-none-match') === etag) return c.body(null, 304);
    return c.body(text, 200, { 'content-type': 'application/json' });
  });
  routes.get('/:hash', (c) => {
    const pointer = readPointer(folder);
    const asked = c.req.param('hash');
    const found = pointer === null ? undefined : bundlesOf(pointer).find(({ hash }) => hash === asked);
    const text = found === undefined ? null : bundleText(folder, found.name);
    if (text === null)
      return c.json(notThere('no bundle in force, and none that is staged, has that SHA-256'), 404);
    return c.body(text, 200, { 'content-type': 'application/json', 'cache-control': FOREVER });
  });
  return routes;
}

function notThere(message: string): object {
  return { error: { code: 'REG_NOT_APPLIED', message } };
}
