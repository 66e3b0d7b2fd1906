/** Where bundles are kept, where they come from, and whose signature they need: `bundles`. */
import { z } from 'zod';
import { publicKeyOf } from '../../contract/bundles/bundle-pointer.ts';
import { registryError } from '../../contract/errors.ts';
import { isLocalPath } from '../../contract/std/files/local-path.ts';
import { duration, flag, list, localPath } from './setting-values.ts';

/** A place from which bundles are taken. */
export type OriginPlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'online' };

/** How bundles travel; without `from` they do not: the folder is where they are published and read. */
export interface BundleTravel {
  /** Tried in this order. */
  readonly from: readonly OriginPlace[];
  /** Public halves, base64; one of them must have signed what comes over HTTP or the online store. */
  readonly keys: readonly string[];
  /** Whether what nobody signed is taken, too. */
  readonly unsigned: boolean;
  /** File in PEM of the key that `apply` signs with, absolute; null: it does not. */
  readonly signWith: string | null;
  /** File in PEM of the authorities that servers may be certified by; null: those of the machine. */
  readonly ca: string | null;
  /** How often a sidecar asks, give or take a fifth. */
  readonly everyUs: number;
}

export const BUNDLE_SETTINGS = z.strictObject({
  folder: localPath.default('.plumb/bundles'),
  from: list.default([]),
  keys: list.default([]),
  unsigned: flag.default(false),
  signWith: localPath.nullable().default(null),
  ca: localPath.nullable().default(null),
  every: duration.refine((us) => us >= 1_000_000, 'expected at least 1s').prefault('10s'),
});

/** The folder alone may be given. */
export const bundles = z.preprocess(
  (value) => (typeof value === 'string' ? { folder: value } : value),
  BUNDLE_SETTINGS,
);

/** @throws REG_SETTINGS */
export function bundleTravel(
  given: z.output<typeof BUNDLE_SETTINGS>,
  path: (text: string) => string,
): BundleTravel {
  const { unsigned, signWith, ca, every: everyUs } = given;
  const from = given.from.map((text) => placeOf(text, path));
  const { keys } = given;
  const wrong = keys.find((text) => publicKeyOf(text) === null);
  if (wrong !== undefined) {
    const expected = 'expected a public key as `plumb bundle key` prints it (32 bytes in base64)';
    throw fault('bundles.keys', `${expected}, got ${JSON.stringify(wrong.slice(0, 80))}`);
  }
  if (from.some(({ kind }) => kind !== 'folder') && keys.length === 0 && !unsigned && signWith === null) {
    const why =
      'a bundle brings code, and whoever may write to the online store or answers over HTTP could send one';
    throw fault('bundles.keys', `${why}: name the keys that sign bundles, or say \`unsigned: true\``);
  }
  const file = (text: string | null): string | null => (text === null ? null : path(text));
  return { from, keys, unsigned, signWith: file(signWith), ca: file(ca), everyUs };
}

function placeOf(text: string, path: (text: string) => string): OriginPlace {
  if (text === 'online') return { kind: 'online' };
  if (/^https?:\/\//i.test(text) && URL.canParse(text))
    return { kind: 'http', url: text.replace(/\/+$/, '') };
  if (isLocalPath(text)) return { kind: 'folder', folder: path(text) };
  throw fault('bundles.from', 'expected `online`, a URL with http:// or https://, or a folder');
}

function fault(field: string, message: string): Error {
  return registryError('REG_SETTINGS', `${field}: ${message}`, { field });
}
