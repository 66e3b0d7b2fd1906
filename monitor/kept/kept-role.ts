/** What a role of a service gives to the verdict, once it is judged: counts that add up over roles, and no more. */
import type { RoleIncident } from '../tally/incident-tally.ts';
import type { FidelityCounts } from '../verdict/snapshot.ts';
import type { SliceCounts } from '../verdict/judged-view.ts';
import type { RoleTally } from '../tally/role-tally.ts';
import type { CountedDay } from '../verdict/verdict.ts';

export interface KeptRole {
  /** Whether a vector of the day has a row of the role. */
  readonly hasRows: boolean;
  readonly features: CountedDay['features'];
  readonly fidelity: FidelityCounts;
  readonly counts: ReturnType<RoleTally['counts']>;
  readonly slices: readonly SliceCounts[];
  readonly incidents: readonly RoleIncident[];
}
