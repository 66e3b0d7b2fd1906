/** Files that hold what not everybody on the machine may read: mode 0600 from their first byte on. */
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './folder.ts';

/** Makes an empty file and its folders (0700) where there are none; what is there is left as it is. */
export function makePrivateFile(file: string): void {
  makeFolder(dirname(file), 0o700);
  try {
    // Never opens one that exists: closing any descriptor of a file drops this process's locks on it (POSIX).
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
