/**
 * Bundles on their way to sidecars, under /bundles. The routes give what the folder of bundles has, as it is: who
 * takes a bundle checks its SHA-256 and the pointer's signature.
 *
 *   GET /bundles/current   the pointer, with an ETag: 304 where If-None-Match has it
 *   GET /bundles/{hash}    a bundle that the pointer names, by its SHA-256; it never changes
 */
import type { Hono } from 'hono';
import { bundlesOf, pointerText, sha256Of } from '../contract/bundles/bundle-pointer.ts';
import { bundleText, readPointer } from '../contract/definitions/bundle-folder.ts';
import { catalogueError } from './errors.ts';

const FOREVER = 'public, max-age=31536000, immutable';
const JSON_TYPE = 'application/json; charset=utf-8';

/** @param folder  of bundles */
export function addBundles(app: Hono, folder: string): void {
  app.get('/bundles/current', (context) => {
    const pointer = readPointer(folder);
    if (pointer === null) throw notThere('nothing is applied yet');
    const text = pointerText(pointer);
    const etag = `"${sha256Of(text)}"`;
    const headers = { etag, 'cache-control': 'no-cache', 'content-type': JSON_TYPE };
    if (context.req.header('if-none-match') === etag) return context.body(null, 304, headers);
    return context.body(text, 200, headers);
  });
  app.get('/bundles/:hash', (context) => {
    const pointer = readPointer(folder);
    const asked = context.req.param('hash');
    const found = pointer === null ? undefined : bundlesOf(pointer).find(({ hash }) => hash === asked);
    const text = found === undefined ? null : bundleText(folder, found.name);
    if (text === null) throw notThere('no bundle in force, and none that is staged, has that SHA-256');
    return context.body(text, 200, { 'cache-control': FOREVER, 'content-type': JSON_TYPE });
  });
}

function notThere(message: string): Error {
  return catalogueError('CAT_ROUTE', message, { help: '/bundles/current says which bundle is in force.' });
}
