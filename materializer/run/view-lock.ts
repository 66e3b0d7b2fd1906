/** One run of a view at a time: a lock in the view's history folder. */
import { join } from 'node:path';
import { historyFolder } from '../../project/history/history-folder.ts';
import type { FeatureView } from '../../contract/model.ts';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { materializerError } from '../errors.ts';

/**
 * @throws MAT_BUSY when another run of the view holds it, MAT_HISTORY when the folder cannot be written
 */
export function lockView(historyRoot: string, view: Pick<FeatureView, 'id' | 'name' | 'version'>): FileLock {
  const folder = historyFolder(historyRoot, view);
  let lock: FileLock | null;
  try {
    makeFolder(folder);
    lock = FileLock.tryTake(join(folder, '_run.lock'));
  } catch (error) {
    const message = `cannot write the history in ${folder}: ${(error as Error).message}`;
    throw materializerError('MAT_HISTORY', message, { field: 'history' }, error);
  }
  if (lock === null)
    throw materializerError('MAT_BUSY', `another run of ${view.id} is under way in ${folder}`);
  return lock;
}
