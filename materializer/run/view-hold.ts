/** A view that is held for writing: its lock, and its lease. */
import type { FeatureView } from '../../contract/model.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { ViewLease } from './view-lease.ts';
import { lockView } from './view-lock.ts';

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
  const lock = lockView(historyRoot, view);
  try {
    const lease = await ViewLease.take(database, view);
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
