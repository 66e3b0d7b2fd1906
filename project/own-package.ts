/**
 * The package that this program is of, and the name under which definition files import it. npm's `plumbline` is
 * somebody else's: a project depends on `"plumbline": "npm:plumbline-serving@..."`.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

/** What definition files import. */
export const IMPORT_NAME = 'plumbline';

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface OwnPackage {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  /** Run from its sources, not from dist/. */
  readonly isCheckout: boolean;
}

export const OWN_PACKAGE: OwnPackage = ownPackage();

function ownPackage(): OwnPackage {
  const isCheckout = import.meta.url.endsWith('.ts');
  const folder = resolve(import.meta.dirname, isCheckout ? '..' : '../..');
  const { name, version } = manifestOf(folder)!;
  return { name: name!, version: version!, folder, isCheckout };
}

/** What the image of a sidecar leaves out, beside more: deploy/image/Dockerfile. */
const NOT_IN_SIDECAR = ['@duckdb/node-api', 'esbuild'];

/** @returns whether this is the image of a sidecar, which can serve, and neither compile nor compute */
export function isSidecarImage(): boolean {
  const { resolve: find } = createRequire(import.meta.url);
  const lacks = (name: string): boolean => {
    try {
      return find(name) === '';
    } catch {
      return true;
    }
  };
  return NOT_IN_SIDECAR.every(lacks);
}

/**
 * @param from  a project's folder
 * @returns     what stands in its package.json for Plumbline: as this program itself was installed
 */
export function dependencyOn(from: string): string {
  const { folder, isCheckout, name, version } = OWN_PACKAGE;
  if (isCheckout) return `file:${relative(from, folder)}`;
  const host = dirname(dirname(folder));
  const spec = manifestOf(host)?.dependencies?.[basename(folder)];
  const file = spec?.startsWith('file:') === true ? resolve(host, spec.slice('file:'.length)) : null;
  return file === null ? `npm:${name}@^${version}` : `file:${relative(from, file)}`;
}

/** @returns whether `npx plumb` in that folder runs this program */
export function isReachedFrom(folder: string): boolean {
  for (const above of foldersUpFrom(folder)) {
    const bin = join(above, 'node_modules', '.bin', 'plumb');
    if (existsSync(bin)) return realpathSync(bin).startsWith(realpathSync(OWN_PACKAGE.folder) + sep);
  }
  return false;
}

/** @returns another package in a project's node_modules that has the name which definition files import; null: none */
export function foreignPackage(project: string): (Manifest & { readonly folder: string }) | null {
  for (const above of foldersUpFrom(project)) {
    const folder = join(above, 'node_modules', IMPORT_NAME);
    const manifest = manifestOf(folder);
    if (manifest !== null) return manifest.name === OWN_PACKAGE.name ? null : { ...manifest, folder };
  }
  return null;
}

function* foldersUpFrom(folder: string): Iterable<string> {
  let at = resolve(folder);
  for (;;) {
    yield at;
    if (dirname(at) === at) return;
    at = dirname(at);
  }
}

function manifestOf(folder: string): Manifest | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return null;
  }
}
