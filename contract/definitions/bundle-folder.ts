/**
 * A folder of bundles: one immutable file for each, named by its short hash, and the file `current`, the pointer that
 * says which is in force. A reader sees the old bundle or the new one, whole. `apply` publishes into it; what is taken
 * from elsewhere (project/bundles) is kept in it, and every program loads bundles from it alone.
 */
import { join } from 'node:path';
import { readRegularText } from '../std/files/regular-file.ts';
import { canonicalJson } from '../std/canonical-json.ts';
import type { Json } from '../std/canonical-json.ts';
import { writeDurably } from '../std/files/durable-file.ts';
import { bundleFromJson, bundleHash, bundleToJson, isOfThisFormat } from './definition-json.ts';
import { registryError } from '../errors.ts';
import type { Bundle } from '../model.ts';
import { pointerFromText, pointerText, sha256Of } from '../bundles/bundle-pointer.ts';
import type { BundlePointer, NamedBundle } from '../bundles/bundle-pointer.ts';

const HASH = /^[0-9a-f]{16}$/;
const CURRENT = 'current';

/** @returns the bundle with its hash, after it was written and made the current one; no registry recorded it */
export function publishBundle(folder: string, content: Omit<Bundle, 'hash'>): Bundle {
  const named = writeBundle(folder, canonicalJson(bundleToJson(content)));
  const unknown = { registry: '', sequence: 0, revision: 0, staged: null, signature: null };
  writePointer(folder, { project: content.project, ...named, ...unknown });
  return { ...content, hash: named.name };
}

/**
 * @param text  of a bundle, canonical
 * @throws REG_STORE
 */
export function writeBundle(folder: string, text: string): NamedBundle {
  const name = bundleHash(text);
  write(folder, `${name}.json`, text);
  return { hash: sha256Of(text), name };
}

/** Puts bundles in force, which are in the folder. @throws REG_STORE */
export function writePointer(folder: string, pointer: BundlePointer): void {
  write(folder, CURRENT, pointerText(pointer));
}

function write(folder: string, file: string, text: string): void {
  try {
    writeDurably(join(folder, file), text);
  } catch (error) {
    const message = `cannot publish the bundle in ${folder}: ${(error as Error).message}`;
    throw registryError('REG_STORE', message, {}, error);
  }
}

/** @throws REG_NOT_APPLIED when nothing was ever published, REG_BUNDLE when the file is not what its name says */
export function loadCurrentBundle(folder: string): Bundle {
  return loadBundle(folder, inForce(folder).name);
}

/**
 * What is to be computed and kept fresh: the bundle in force, and while another one is staged the views of both. A view
 * of both has the same rows in both; what it says beside them is as the one in force has it.
 *
 * @throws as loadCurrentBundle
 */
export function loadWorkingBundle(folder: string): Bundle {
  const { name, staged } = inForce(folder);
  const bundle = loadBundle(folder, name);
  if (staged === null) return bundle;
  const next = loadBundle(folder, staged.name);
  return {
    project: bundle.project,
    hash: bundle.hash,
    entities: new Map([...next.entities, ...bundle.entities]),
    views: new Map([...next.views, ...bundle.views]),
    onDemand: new Map([...next.onDemand, ...bundle.onDemand]),
    services: new Map([...next.services, ...bundle.services]),
    // Those of the staged one went on from those of the other.
    schemas: new Map([...bundle.schemas, ...next.schemas]),
  };
}

function inForce(folder: string): BundlePointer {
  const pointer = readPointer(folder);
  if (pointer === null) throw registryError('REG_NOT_APPLIED', `no bundle is published in ${folder}`);
  return pointer;
}

/** @returns the short hash of the bundle in force, or null when there is none */
export function currentHash(folder: string): string | null {
  return readPointer(folder)?.name ?? null;
}

/**
 * @returns null when nothing was ever published
 * @throws  REG_BUNDLE when what is there cannot be read
 */
export function readPointer(folder: string): BundlePointer | null {
  const file = join(folder, CURRENT);
  try {
    return pointerFromText(readRegularText(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const message = `cannot read ${file}: ${(error as Error).message}`;
    throw registryError('REG_BUNDLE', message, {}, error);
  }
}

/** @returns the bytes of a bundle as text; null when it is not there */
export function bundleText(folder: string, name: string): string | null {
  try {
    return readRegularText(join(folder, `${name}.json`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
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
    return bundleOfText(readRegularText(file), hash);
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

/**
 * @param hash  the short one that it must have
 * @throws TypeError, REG_BUNDLE
 */
export function bundleOfText(text: string, hash: string): Bundle {
  const json = JSON.parse(text) as Json;
  // As it was written it is canonical.
  if (bundleHash(text) === hash) return bundleFromJson(json, hash);
  // A file that was cut or damaged is reported as such, not by the first field that no longer fits.
  const other = bundleHash(canonicalJson(json));
  if (isOfThisFormat(json) && other !== hash) throw new TypeError(`its content has the hash ${other}`);
  return bundleFromJson(json);
}
