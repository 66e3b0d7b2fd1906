/**
 * What commands that only look at the registry read of it: from its database, or over HTTP from `plumb ui`
 * (registry/remote/).
 */
import type { CatalogueReads } from './catalogue-reads.ts';
import type { RegistryDatabase } from './registry-database.ts';
import type { RolloutTable } from './rollout-table.ts';

export interface RegistryReads extends Pick<
  RegistryDatabase,
  'id' | 'lastApplied' | 'applied' | 'applies' | 'allowances' | 'runs' | 'runParts'
> {
  readonly rollouts: Pick<RolloutTable, 'all' | 'underWay'>;
  readonly reads: Pick<CatalogueReads, 'lastAchieved'>;
}
