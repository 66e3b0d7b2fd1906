/** The lock on a folder of served values: only one ingest at a time may write there. */
import { join } from 'node:path';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import { monitorError } from '../errors.ts';

/**
 * Locks the folder, and creates it if it does not exist.
 *
 * @returns null when another ingest holds the lock
 * @throws  MON_SERVED when the folder cannot be written
 */
export function lockFolder(folder: string): FileLock | null {
  const file = join(folder, 'lock.db');
  try {
    makePrivateFile(file);
    return FileLock.tryTake(file);
  } catch (error) {
    const message = `${folder} cannot be written: ${(error as Error).message}`;
    throw monitorError('MON_SERVED', message, { file }, error);
  }
}
