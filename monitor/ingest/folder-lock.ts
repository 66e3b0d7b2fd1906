/** One ingest at a time writes a folder of served values. */
import { join } from 'node:path';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import { monitorError } from '../errors.ts';

/**
 * Makes the folder where there is none.
 *
 * @returns null when another ingest holds it
 * @throws  MON_SERVED when it cannot be written
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
