/**
 * What was counted of a service's day, as the verdict takes it: plain numbers that the judge adds up value by value,
 * and that SQL may count as well. Nothing in this room that reads them knows an engine.
 *
 * A value is present when it is on at least one side; all counts below are of present values.
 */
import type { Cause } from '../../contract/cause.ts';
import type { Example, SliceBy, ValueCounts } from './snapshot.ts';

/** The traffic of one view with one property. */
export interface SliceCounts extends ValueCounts {
  readonly view: string;
  readonly by: SliceBy;
  readonly value: string;
}

/** What brought a mismatch about, as far as it is known: a run, a pod, or neither. */
export interface IncidentOrigin {
  readonly run: string | null;
  readonly pod: string | null;
}

/** All mismatches of one view with one first cause and one origin, before those near in time are made one. */
export interface IncidentKey extends IncidentOrigin {
  readonly view: string;
  readonly cause: Cause;
  /** When the first and the last of them were served. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** The mismatches of one incident (incidents.ts says which keys are one). */
export interface IncidentCounts {
  readonly view: string;
  readonly cause: Cause;
  readonly runs: readonly string[];
  readonly pods: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
  /** Distinct entities, and distinct rows (an entity and its replayed row). */
  readonly entities: number;
  readonly rows: number;
  readonly values: number;
  readonly beyondPromise: number;
  /** The same of the values beyond the promise alone; no row: there is none. */
  readonly beyond: { readonly rows: number; readonly fromUs: number; readonly toUs: number };
  /** The sum of `harmOf` over the values beyond the promise. */
  readonly harm: number;
  readonly features: readonly HarmedFeature[];
  readonly slices: readonly { readonly by: SliceBy; readonly value: string; readonly mismatches: number }[];
  /** The two worst at least. */
  readonly examples: readonly (Example & { readonly feature: string })[];
}

interface HarmedFeature {
  /** Full name. */
  readonly name: string;
  readonly values: number;
  readonly beyondPromise: number;
  readonly harm: number;
}
