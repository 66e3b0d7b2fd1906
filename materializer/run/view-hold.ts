/** A view, or a part of its rows, that is held for writing: its lock, and its lease. */
import type { FeatureView } from '../../contract/model.ts';
import type { Shard } from '../../contract/run-record.ts';
import { shardText } from '../../contract/run-set.ts';
import type { FileLock } from '../../contract/std/files/file-lock.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { ViewLease } from './view-lease.ts';
import type { ViewMember } from './view-lease.ts';
import { lockView, shareView } from './view-lock.ts';

export interface ViewHold {
  readonly lease: ViewLease;
  release(): Promise<void>;
}

/** @throws MAT_BUSY when another run of the view is under way, here or elsewhere; MAT_HISTORY */
export async function holdView(
  historyRoot: string,
  database: RegistryDatabase,
  view: FeatureView,
): Promise<ViewHold> {
  return hold(database, { id: view.id, lock: lockView(historyRoot, view) });
}

/**
 * Shares a view with the other processes of its stream.
 * @throws MAT_BUSY when a run of the view is under way, or a stream of another source; MAT_HISTORY
 */
export async function shareHold(
  historyRoot: string,
  database: RegistryDatabase,
  { view, ...member }: ViewMember & { readonly view: FeatureView },
): Promise<ViewHold> {
  const { lock, isFirst } = shareView(historyRoot, view);
  return keep(lock, () => ViewLease.join(database, view, { ...member, isFirst }));
}

/** @throws MAT_BUSY when another run writes this part of the view's rows; MAT_HISTORY */
export async function holdShard(
  historyRoot: string,
  database: RegistryDatabase,
  { view, shard }: { readonly view: FeatureView; readonly shard: Shard },
): Promise<ViewHold> {
  return hold(database, { id: leaseOfShard(view.id, shard), lock: lockView(historyRoot, view, shard) });
}

/** @returns whether a run holds a part of a view's rows, as far as the registry knows */
export async function isShardHeld(
  database: RegistryDatabase,
  { view, shard }: { readonly view: string; readonly shard: Shard },
): Promise<boolean> {
  return ((await database.leases.find(leaseOfShard(view, shard)))?.untilMs ?? 0) > Date.now();
}

function leaseOfShard(view: string, shard: Shard): string {
  return `${view} ${shardText(shard)}`;
}

async function hold(
  database: RegistryDatabase,
  { id, lock }: { readonly id: string; readonly lock: FileLock },
): Promise<ViewHold> {
  return keep(lock, () => ViewLease.take(database, { id }));
}

async function keep(lock: FileLock, take: () => Promise<ViewLease>): Promise<ViewHold> {
  try {
    const lease = await take();
    return {
      lease,
      async release() {
        await lease.release();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
