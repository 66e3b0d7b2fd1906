/**
 * Makes folders. Never `mkdir` with `recursive`: where a file system makes none under a folder that exists (as in
 * /proc) and says ENOENT, Node 22 asks again without end.
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it that are missing.
 *
 * @param mode  of each folder that is made, less the umask
 * @returns     whether any was made
 * @throws      the file system's error, also where something other than a folder lies at the path
 */
export function makeFolder(path: string, mode = 0o777): boolean {
  const missing: string[] = [];
  let folder = resolve(path);
  while (!isFolder(folder)) {
    missing.push(folder);
    if (folder === dirname(folder)) break;
    folder = dirname(folder);
  }
  let made = false;
  for (const each of missing.toReversed()) made = makeOne(each, mode) || made;
  return made;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    // What may not be looked at is met again by mkdir, whose error names the path.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** @returns false where another process has made it meanwhile */
function makeOne(folder: string, mode: number): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && isFolder(folder)) return false;
    if (code !== 'ENOENT') throw error;
    // "no such file or directory" alone would send its reader to look for what is missing: nothing is.
    const message = `no folder can be made in ${dirname(folder)} (ENOENT, mkdir '${folder}')`;
    throw Object.assign(new Error(message, { cause: error }), { code, syscall: 'mkdir', path: folder });
  }
}
