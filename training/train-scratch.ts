/**
 * The folder of one `plumb train` for what it needs meanwhile, and the sweeping of those that were killed.
 *
 *   {temp}/train.lock          held while folders are swept and made: a folder without its own lock is nobody's
 *   {temp}/train-XXXXXX/       lock.db, held while its process lives; spilled data, the features of a row group
 *
 * The locks are exclusive transactions on small SQLite files: the kernel frees them when their holder dies, and a
 * number of a process would lie in the next container.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from '../contract/std/private-file.ts';
import { makeFolder } from '../contract/std/folder.ts';

const PREFIX = 'train-';
const LOCK = 'lock.db';
/** Another train sweeps: it has that long to remove what a large one left. */
const SWEEP_TIMEOUT_MS = 60_000;

export interface TrainScratch {
  readonly folder: string;
  remove(): void;
}

/** Removes what killed processes have left in `temp`, then makes a folder of its own there. */
export function openTrainScratch(temp: string): TrainScratch {
  makeFolder(temp);
  const sweeping = lock(join(temp, 'train.lock'), SWEEP_TIMEOUT_MS);
  try {
    for (const name of readdirSync(temp)) if (name.startsWith(PREFIX)) sweep(join(temp, name));
    const folder = mkdtempSync(join(temp, PREFIX));
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
  let held: DatabaseSync | null = null;
  try {
    if (existsSync(file)) held = lock(file, 0);
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
