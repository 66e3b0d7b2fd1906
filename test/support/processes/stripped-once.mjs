/**
 * Loads TypeScript as Node does, but strips the types of each state of a file once, keeps what V8 compiled, and takes
 * packages of many modules joined, as the package has them (scripts/joined-packages.mjs): half of the processor time
 * that a test file's process takes before its first test. Preloaded by these processes (vitest.config.ts); plain
 * JavaScript, since nothing strips what strips others.
 *
 *   .cache/loaded/stripped/HASH.js   what Node's own stripTypeScriptTypes makes of a text with that hash
 *   .cache/loaded/joined/KEY/        the joined packages
 *   .cache/loaded/compiled/          Node's compile cache, also of the commands that tests start
 *
 * build-plumb-setup.ts joins the packages, and removes what is old.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { enableCompileCache, registerHooks, stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { JOINED, joinedKey } from '../../../scripts/joined-packages.mjs';

const ROOT = join(import.meta.dirname, '../../..');
const STRIPPED = join(ROOT, '.cache/loaded/stripped');
const COMPILED = join(ROOT, '.cache/loaded/compiled');
const JOINED_FOLDER = join(ROOT, '.cache/loaded/joined', joinedKey());
const OURS = `${pathToFileURL(ROOT).href}/`;
const PACKAGES = `${OURS}node_modules/`;

mkdirSync(STRIPPED, { recursive: true });
enableCompileCache(COMPILED);
process.env['NODE_COMPILE_CACHE'] = COMPILED;

const isJoined = existsSync(JOINED_FOLDER);
const isOurs = (url) => url !== undefined && url.startsWith(OURS) && !url.startsWith(PACKAGES);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const file = isJoined && isOurs(context.parentURL) ? JOINED[specifier] : undefined;
    const isAskedSo = file?.endsWith('.cjs') === context.conditions.includes('require');
    if (file === undefined || !isAskedSo) return nextResolve(specifier, context);
    return { url: pathToFileURL(join(JOINED_FOLDER, file)).href, shortCircuit: true };
  },
  load(url, context, nextLoad) {
    if (!isOurs(url) || !url.endsWith('.ts')) return nextLoad(url, context);
    const source = strippedOnce(readFileSync(fileURLToPath(url), 'utf8'));
    return { format: 'module', source, shortCircuit: true };
  },
});

function strippedOnce(text) {
  const hash = createHash('sha1').update(process.version).update(text).digest('hex');
  const file = join(STRIPPED, `${hash}.js`);
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const stripped = stripTypeScriptTypes(text);
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, stripped);
    renameSync(unfinished, file);
    return stripped;
  }
}
