/**
 * Which files the modules of a project may be: those in its folder, where links lead included. What lies elsewhere is
 * not there where the project is checked out next, and nobody who reads the project sees it. Packages may lie above it,
 * as those of a workspace do: they are asked for by a name.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { BundleFault } from './bundle-fault.ts';

const OUTSIDE =
  'which lies outside of the project: move it into the project, or make it a package that the project installs';

/** What the bundler read, by path. */
type ReadFiles = Readonly<
  Record<string, { readonly imports: readonly { readonly path: string; readonly original?: string }[] }>
>;

/** @returns whether a file that is there lies in the folder, once links are followed */
function isInProject(folder: string, file: string): boolean {
  const way = relative(realpathSync(folder), realpathSync(file));
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/**
 * @param first  the module that a definition names, relative to the folder
 * @returns      a fault for each import by a path, of it or of what it imports so, that leaves the project
 */
export function faultsOfPaths(folder: string, files: ReadFiles, first: string): BundleFault[] {
  const faults: BundleFault[] = [];
  const own = new Set([first]);
  for (const path of own) {
    for (const { path: to, original } of files[path]?.imports ?? []) {
      if (original === undefined || !/^[./]/.test(original)) continue;
      if (isInProject(folder, join(folder, to))) own.add(to);
      else
        faults.push(
          new BundleFault(
            `imports ${JSON.stringify(original)}, ${OUTSIDE}`,
            path,
            lineOf(join(folder, path), original),
          ),
        );
    }
  }
  return faults;
}

/** @returns of the module that a definition names; null: it may be that */
export function faultOfModule(folder: string, file: string): string | null {
  return isInProject(folder, file) ? null : OUTSIDE;
}

function lineOf(file: string, text: string): number {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(`'${text}'`) || line.includes(`"${text}"`)) + 1 || 1;
}
