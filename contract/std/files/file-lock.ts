/**
 * A lock that one process at a time holds: an exclusive transaction on a small SQLite file. The kernel keeps it, so it
 * is gone when its holder is, however that one died.
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

  release(): void {
    this.#database.close();
  }
}
