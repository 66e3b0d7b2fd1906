/**
 * The locks of a spool: one writer a folder, and one shipper. An exclusive transaction on a small SQLite file, so the kernel holds it
 * and it is gone when the process is, however it died; a file with a process id in it would outlive a kill and lie
 * after a restart in a container, where every sidecar is process 1.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from '../../contract/std/private-file.ts';
import { logError } from './errors.ts';

const LOCK_FILE = 'lock.db';
export const SHIP_LOCK_FILE = 'ship-lock.db';

export class SpoolLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @throws LOG_LOCKED when another writer (shipper) holds it, LOG_FOLDER when the file cannot be opened */
  static take(folder: string, name = LOCK_FILE): SpoolLock {
    const file = join(folder, name);
    let database: DatabaseSync | null = null;
    try {
      makePrivateFile(file);
      database = new DatabaseSync(file, { timeout: 0 });
      database.exec('BEGIN EXCLUSIVE');
      return new SpoolLock(database);
    } catch (error) {
      database?.close();
      if (/locked|busy/i.test((error as Error).message)) {
        const does = name === LOCK_FILE ? 'another sidecar already writes' : 'another process already ships';
        throw logError('LOG_LOCKED', `${does} the spool in ${folder}`, {}, error);
      }
      throw logError(
        'LOG_FOLDER',
        `cannot lock the spool in ${folder}: ${(error as Error).message}`,
        { file },
        error,
      );
    }
  }

  release(): void {
    this.#database.close();
  }
}
