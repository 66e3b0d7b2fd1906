/**
 * One ingest at a time may write a folder: an exclusive transaction on a small SQLite file, held by the kernel and gone
 * with the process, however it dies (as the spool's lock, and for its reasons).
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { monitorError } from '../errors.ts';
import { makeFolder } from '../../contract/std/folder.ts';

export class FolderLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Makes the folder where there is none.
   *
   * @returns null when another ingest holds it
   * @throws  MON_SERVED when it cannot be written
   */
  static tryTake(folder: string): FolderLock | null {
    const file = join(folder, 'lock.db');
    let database: DatabaseSync | null = null;
    try {
      makeFolder(folder, 0o700);
      makeFile(file);
      database = new DatabaseSync(file, { timeout: 0 });
      database.exec('BEGIN EXCLUSIVE');
      return new FolderLock(database);
    } catch (error) {
      database?.close();
      const { message } = error as Error;
      if (/locked|busy/i.test(message)) return null;
      throw monitorError('MON_SERVED', `${folder} cannot be written: ${message}`, { file }, error);
    }
  }

  release(): void {
    this.#database.close();
  }
}

/** Never opens it once it exists: closing any descriptor of a file drops this process's locks on it (POSIX). */
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
