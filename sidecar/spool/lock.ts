/** The locks of a spool: one process writes it, and one ships it. */
import { join } from 'node:path';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import { logError } from './errors.ts';

const WRITE_LOCK_FILE = 'lock.db';
const SHIP_LOCK_FILE = 'ship-lock.db';

/** @throws LOG_LOCKED when another sidecar holds it, LOG_FOLDER when its file cannot be opened */
export function lockForWriting(folder: string): FileLock {
  return take(folder, WRITE_LOCK_FILE, 'another sidecar already writes');
}

/** @throws LOG_LOCKED when another shipper holds it, LOG_FOLDER when its file cannot be opened */
export function lockForShipping(folder: string): FileLock {
  return take(folder, SHIP_LOCK_FILE, 'another process already ships');
}

function take(folder: string, name: string, heldBy: string): FileLock {
  const file = join(folder, name);
  let lock: FileLock | null;
  try {
    makePrivateFile(file);
    lock = FileLock.tryTake(file);
  } catch (error) {
    const message = `cannot lock the spool in ${folder}: ${(error as Error).message}`;
    throw logError('LOG_FOLDER', message, { file }, error);
  }
  if (lock === null) throw logError('LOG_LOCKED', `${heldBy} the spool in ${folder}`);
  return lock;
}
