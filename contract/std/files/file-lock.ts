/**
 * A lock that one process at a time holds, or several that share it: a transaction on a small SQLite file. The kernel
 * keeps it, so it is gone when its holder is, however that one died.
 *
 * Rejected: a file with a process id in it. It outlives a kill, and lies after a restart in a container, where every
 * program is process 1.
 */
import { DatabaseSync } from 'node:sqlite';

export class FileLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * @param file    made by SQLite where there is none; by `makePrivateFile` before, where not everybody may read it
   * @param waitMs  how long to wait, with all of the process, for one who holds it for a moment
   * @returns       null when another holder has it
   * @throws        the file cannot be opened or locked
   */
  static tryTake(file: string, waitMs = 0): FileLock | null {
    const database = new DatabaseSync(file, { timeout: waitMs });
    try {
      database.exec('BEGIN EXCLUSIVE');
      return new FileLock(database);
    } catch (error) {
      database.close();
      if (/locked|busy/i.test((error as Error).message)) return null;
      throw error;
    }
  }

  /**
   * Takes a part of the lock, which any number may have while nobody has the whole of it.
   * @returns null when one holder has it alone
   */
  static tryShare(file: string, waitMs = 0): FileLock | null {
    const database = new DatabaseSync(file, { timeout: waitMs });
    try {
      // A transaction that has read something.
      database.exec('BEGIN');
      database.prepare('SELECT count(*) FROM sqlite_master').get();
      return new FileLock(database);
    } catch (error) {
      database.close();
      if (/locked|busy/i.test((error as Error).message)) return null;
      throw error;
    }
  }

  release(): void {
    this.#database.close();
  }
}
