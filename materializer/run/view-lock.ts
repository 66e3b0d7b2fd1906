/**
 * One run of a view at a time: an exclusive transaction on a small SQLite file in the view's history folder. The
 * kernel frees it when its holder dies, so nobody ever has to remove a stale lock.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { historyFolder } from '../../project/engine/duckdb/history.ts';
import type { FeatureView } from '../../contract/model.ts';
import { materializerError } from '../errors.ts';
import { makeFolder } from '../../contract/std/folder.ts';

/**
 * @returns  what frees the lock
 * @throws MAT_BUSY when another run of the view holds it, MAT_HISTORY when the folder cannot be written
 */
export function lockView(
  historyRoot: string,
  view: Pick<FeatureView, 'id' | 'name' | 'version'>,
): () => void {
  const folder = historyFolder(historyRoot, view);
  const database = openLockFile(folder);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw materializerError(
      'MAT_BUSY',
      `another run of ${view.id} is under way in ${folder}: ${(error as Error).message}`,
      {},
      error,
    );
  }
  return () => database.close();
}

function openLockFile(folder: string): DatabaseSync {
  try {
    makeFolder(folder);
    return new DatabaseSync(join(folder, '_run.lock'), { timeout: 0 });
  } catch (error) {
    throw materializerError(
      'MAT_HISTORY',
      `cannot write the history in ${folder}: ${(error as Error).message}`,
      { field: 'history' },
      error,
    );
  }
}
