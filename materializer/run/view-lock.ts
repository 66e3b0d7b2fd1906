/** One run of a view at a time on this machine: a lock in the view's folder. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FeatureView } from '../../contract/model.ts';
import type { Shard } from '../../contract/run-record.ts';
import { shardText } from '../../contract/run-set.ts';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { materializerError } from '../errors.ts';

/** A dry run has the lock for the moment in which it looks at it: longer than that lasts by far. */
const LOOK_MS = 250;

type Locked = Pick<FeatureView, 'id' | 'name' | 'version'>;

/**
 * @param shard  null: the lock of the whole view
 * @throws MAT_BUSY when another run of the view holds it, MAT_HISTORY when the folder cannot be written
 */
export function lockView(work: string, view: Locked, shard: Shard | null = null): FileLock {
  const folder = lockFolder(work, view);
  let lock: FileLock | null;
  try {
    makeFolder(folder);
    lock = FileLock.tryTake(lockFile(folder, shard), LOOK_MS);
  } catch (error) {
    const message = `cannot write the history in ${folder}: ${(error as Error).message}`;
    throw materializerError('MAT_HISTORY', message, { field: 'history' }, error);
  }
  if (lock === null) throw busy(folder, view, shard);
  return lock;
}

/**
 * Shares the lock of a view with the other processes of its stream.
 * @returns  the lock, and whether no other process of this machine had a part of it
 * @throws MAT_BUSY when a run of the view holds it alone, MAT_HISTORY when the folder cannot be written
 */
export function shareView(
  work: string,
  view: Locked,
): { readonly lock: FileLock; readonly isFirst: boolean } {
  const folder = lockFolder(work, view);
  try {
    makeFolder(folder);
    const alone = FileLock.tryTake(lockFile(folder));
    alone?.release();
    const lock = FileLock.tryShare(lockFile(folder), LOOK_MS);
    if (lock !== null) return { lock, isFirst: alone !== null };
  } catch (error) {
    const message = `cannot write the history in ${folder}: ${(error as Error).message}`;
    throw materializerError('MAT_HISTORY', message, { field: 'history' }, error);
  }
  throw busy(folder, view);
}

/** Makes nothing, and holds nothing that a run would not wait for. @throws MAT_BUSY when a run of the view holds it */
export function refuseLocked(work: string, view: Locked): void {
  const folder = lockFolder(work, view);
  if (!existsSync(lockFile(folder))) return;
  const lock = FileLock.tryTake(lockFile(folder), LOOK_MS);
  if (lock === null) throw busy(folder, view);
  lock.release();
}

/** The view's folder, where the histories lie on this machine. */
function lockFolder(work: string, { name, version }: Locked): string {
  return join(work, name, `v${version}`);
}

function lockFile(folder: string, shard: Shard | null = null): string {
  return join(folder, shard === null ? '_run.lock' : `_run.${shard.index}of${shard.count}.lock`);
}

function busy(folder: string, { id }: Locked, shard: Shard | null = null): Error {
  const which = shard === null ? id : `shard ${shardText(shard)} of ${id}`;
  return materializerError('MAT_BUSY', `another run of ${which} is under way in ${folder}`);
}
