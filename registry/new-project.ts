/** `plumb init`: a new project that runs as it is, from the template in this package. */
import { cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { registryError } from './errors.ts';
import { CodedError } from './std/coded-error.ts';

/** examples/ lies beside registry/ in the checkout and above dist/registry/ in the package, with the same content. */
const TEMPLATE = resolve(
  import.meta.dirname,
  import.meta.url.endsWith('.ts') ? '../examples/quickstart' : '../../examples/quickstart',
);

/** A command that answers in a new project once it is materialized. */
export const FIRST_QUESTION = 'get --service rank_v1 --entity driver_id=1001';

/**
 * Copies the quickstart; nothing that exists is overwritten. What programs write there (`.plumb/`) is kept out of git.
 *
 * @returns  the files written, relative to the folder
 * @throws   REG_FOLDER when the folder is not empty, REG_STORE when it cannot be written
 */
export function initProject(folder: string): string[] {
  const root = resolve(folder);
  try {
    if (existsSync(root) && (!statSync(root).isDirectory() || readdirSync(root).length > 0)) {
      throw registryError('REG_FOLDER', `${root} is not an empty folder`, {
        help: 'Name a folder that does not exist yet: `plumb init my-project`.',
      });
    }
    mkdirSync(root, { recursive: true });
    for (const name of readdirSync(TEMPLATE)) {
      // A project made from a checkout's example that somebody has run gets none of its stores.
      if (name !== '.plumb') cpSync(join(TEMPLATE, name), join(root, name), { recursive: true });
    }
    // Not in the template: npm leaves files of this name out of packages.
    writeFileSync(join(root, '.gitignore'), '.plumb/\n');
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw registryError(
      'REG_STORE',
      `cannot write the project to ${root}: ${(error as Error).message}`,
      {},
      error,
    );
  }
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}
