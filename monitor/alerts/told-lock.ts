/**
 * One run at a time tells receivers: each works out what they do not know yet from what they were told, so that two at
 * once would tell it twice, and the slower one would forget what the other has told.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';

const PAUSE_MS = 50;

/**
 * @param waitMs  how long another run may take over its own messages
 * @throws Error  when it takes longer, or the folder cannot be written: nothing is done then
 */
export async function withToldLock<T>(reports: string, waitMs: number, tell: () => Promise<T>): Promise<T> {
  const file = join(reports, 'told.lock');
  makePrivateFile(file);
  const endMs = performance.now() + waitMs;
  let lock: FileLock | null;
  while ((lock = FileLock.tryTake(file)) === null) {
    if (performance.now() >= endMs) throw new Error('another run has been telling receivers all the while');
    await pause(PAUSE_MS);
  }
  try {
    return await tell();
  } finally {
    lock.release();
  }
}
