/**
 * The folder of one command for what it needs meanwhile, and the sweeping of those that were killed; of a training:
 *
 *   {temp}/plumb-train/sweep.lock               held while folders are swept and made
 *   {temp}/plumb-train/train-XXXXXX/            spilled data, the features of a row group
 *   {temp}/plumb-train/train-XXXXXX/plumb.lock  held while its process lives
 *
 * `temp` may be a folder that others use too. Only what lies in `plumb-train` is ever removed, and of that only a
 * folder that holds our lock. A process that is killed before it has its lock leaves an empty folder.
 *
 * The locks are exclusive transactions on small SQLite files: the kernel frees them when their holder dies. A process
 * number in a file would mean another process in the next container.
 */
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from '../contract/std/files/private-file.ts';
import { makeFolder } from '../contract/std/files/folder.ts';

const SWEEP_LOCK = 'sweep.lock';
const LOCK = 'plumb.lock';
/** While another one sweeps: so long it may take to remove what a large one left. */
const SWEEP_TIMEOUT_MS = 60_000;

interface ScratchFolder {
  readonly folder: string;
  remove(): void;
}

/** Removes what killed processes of the command have left in `temp`, then makes a folder of its own there. */
export function openScratchFolder(temp: string, command: 'train' | 'monitor' | 'materialize'): ScratchFolder {
  const home = join(temp, `plumb-${command}`);
  const prefix = `${command}-`;
  makeFolder(home);
  const sweeping = lock(join(home, SWEEP_LOCK), SWEEP_TIMEOUT_MS);
  try {
    for (const entry of readdirSync(home, { withFileTypes: true })) {
      // A link is no folder here, whatever it leads to.
      if (entry.isDirectory() && entry.name.startsWith(prefix)) sweep(join(home, entry.name));
    }
    const folder = mkdtempSync(join(home, prefix));
    const own = lock(join(folder, LOCK), 0);
    return {
      folder,
      remove() {
        rmSync(folder, { recursive: true, force: true });
        own.close();
      },
    };
  } finally {
    sweeping.close();
  }
}

function sweep(folder: string): void {
  const file = join(folder, LOCK);
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return;
  let held: DatabaseSync | null = null;
  try {
    held = lock(file, 0);
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Its process lives, or the folder is another user's: it is left as it is.
  } finally {
    held?.close();
  }
}

/** @throws when somebody else holds it for longer than the timeout */
function lock(file: string, timeout: number): DatabaseSync {
  makePrivateFile(file);
  const database = new DatabaseSync(file, { timeout });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
