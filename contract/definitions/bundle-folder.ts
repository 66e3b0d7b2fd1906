/**
 * Where bundles are published: a folder with one immutable file for each bundle, named by its hash, and the file
 * `current`, which holds the hash of the bundle in force. A reader sees the old bundle or the new one, whole.
 */
import { join } from 'node:path';
import { readRegularText } from '../std/files/regular-file.ts';
import { canonicalJson } from '../std/canonical-json.ts';
import type { Json } from '../std/canonical-json.ts';
import { writeDurably } from '../std/files/durable-file.ts';
import { bundleFromJson, bundleHash, bundleToJson, isOfThisFormat } from './definition-json.ts';
import { registryError } from '../errors.ts';
import type { Bundle } from '../model.ts';

const HASH = /^[0-9a-f]{16}$/;

/** @returns the bundle with its hash, after it was written and made the current one */
export function publishBundle(folder: string, content: Omit<Bundle, 'hash'>): Bundle {
  const text = canonicalJson(bundleToJson(content));
  const hash = bundleHash(text);
  try {
    writeDurably(join(folder, `${hash}.json`), text);
    writeDurably(join(folder, 'current'), `${hash}\n`);
  } catch (error) {
    throw registryError(
      'REG_STORE',
      `cannot publish the bundle in ${folder}: ${(error as Error).message}`,
      {},
      error,
    );
  }
  return { ...content, hash };
}

/** @throws REG_NOT_APPLIED when nothing was ever published, REG_BUNDLE when the file is not what its name says */
export function loadCurrentBundle(folder: string): Bundle {
  const hash = currentHash(folder);
  if (hash === null) throw registryError('REG_NOT_APPLIED', `no bundle is published in ${folder}`);
  return loadBundle(folder, hash);
}

/** @returns the hash of the bundle in force, or null when there is none */
export function currentHash(folder: string): string | null {
  try {
    return readRegularText(join(folder, 'current')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw registryError(
      'REG_BUNDLE',
      `cannot read ${join(folder, 'current')}: ${(error as Error).message}`,
      {},
      error,
    );
  }
}

/**
 * Loads the bundle of a given hash, e.g. the one that a logged vector names.
 *
 * @throws  REG_BUNDLE, also when `hash` is no hash: a hostile text never becomes a path
 */
export function loadBundle(folder: string, hash: string): Bundle {
  if (!HASH.test(hash)) {
    const got = JSON.stringify(hash.slice(0, 40));
    throw registryError('REG_BUNDLE', `a bundle is named by 16 hex digits, not by ${got}`);
  }
  const file = join(folder, `${hash}.json`);
  try {
    const json = JSON.parse(readRegularText(file)) as Json;
    // A file that was cut or damaged is reported as such, not by the first field that no longer fits.
    const other = bundleHash(canonicalJson(json));
    if (isOfThisFormat(json) && other !== hash) throw new TypeError(`its content has the hash ${other}`);
    return bundleFromJson(json);
  } catch (error) {
    const { message } = error as Error;
    const isOther = (error as { readonly code?: string }).code === 'REG_BUNDLE';
    throw registryError(
      'REG_BUNDLE',
      isOther ? `${file}: ${message}` : `${file} is no valid bundle: ${message}`,
      { file },
      error,
    );
  }
}
