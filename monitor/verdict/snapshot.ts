/**
 * The verdict on one day and one service as JSON. The report is drawn from it alone, and later days read it for their
 * trends. Fields may be added but not changed.
 *
 * Values of features are written as by `contract/wire/online/json-value.ts`, hashed ones as `hmac:{hex}`; times are RFC
 * 3339 to the microsecond; shares and match rates are in [0, 1]; a rate over no rows is null.
 */
import type { BadRows } from '../../project/engine/duckdb/bad-rows.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import type { Cause } from '../causes/cause.ts';
import type { State } from '../causes/value-state.ts';
import type { Distributions } from '../statistics/distributions.ts';

export interface Snapshot {
  readonly version: 1;
  readonly project: string;
  /** The UTC day on which the vectors were served. */
  readonly date: string;
  readonly service: string;
  readonly verdict: Verdict;
  /** The reasons for the verdict, one sentence each, worst first. */
  readonly reasons: readonly string[];
  /** Whether rows may still arrive within the lateness allowance, so that the day will be judged again. */
  readonly provisional: boolean;
  /** When a provisional verdict will be settled; null: it is settled. */
  readonly settlesAt: string | null;
  readonly judgedAt: string;
  readonly bundle: string;
  readonly vectors: VectorCounts;
  readonly views: readonly ViewSnapshot[];
  readonly features: readonly FeatureSnapshot[];
  /** The materialization runs whose rows could be served on that day, in order of their start. */
  readonly runs: readonly RunSnapshot[];
  /** Earlier verdicts of this service, oldest first, at most 30 days, without this one. */
  readonly trend: readonly TrendPoint[];
}

export type Verdict = 'pass' | 'alert' | 'alarm' | 'not-enough-data';

export interface VectorCounts {
  /** Vectors (entity rows) of the day in the log, duplicates removed. */
  readonly read: number;
  /** Vectors with at least one judged feature. */
  readonly judged: number;
  /** Values whose due edge is later than the history's watermark. */
  readonly unjudged: number;
  /** Values served as UNAVAILABLE. */
  readonly unavailable: number;
  /** Values that the log does not hold: dropped, or hashed with an unknown secret. Absent: none. */
  readonly withheld?: number;
  readonly duplicates: number;
  /** Sequence numbers missing in the log. */
  readonly gaps: number;
  /** Starts of a sidecar that have no last record. */
  readonly openTails: number;
}

export interface ViewSnapshot {
  readonly view: string;
  readonly owner: string | null;
  readonly historyWatermark: string | null;
  /** The newest event time of the view's source that was known by the end of the day; null: none was known. */
  readonly newestSourceRow: string | null;
  /** Rows of the history that the replay left out. Absent: none. */
  readonly badRows?: BadRows;
  readonly freshnessUs: number;
  readonly delayUs: number;
  /** The smallest delay with which no vector of the day would have been behind its run; null: unknown. */
  readonly proposedDelayUs: number | null;
  readonly proposedDelayWhy: string | null;
}

export interface FeatureSnapshot {
  /** Full name: `view__feature` or `role__feature`. */
  readonly name: string;
  readonly view: string;
  /** The type as text, e.g. `int64`. */
  readonly type: string;
  readonly description: string | null;
  /** Number of values compared: neither unavailable nor unjudged. */
  readonly rows: number;
  readonly unjudged: number;
  readonly unavailable: number;
  /**
   * How many of `rows` were compared as HMACs: these are equal or not, and have no sizes, distributions or values.
   * Absent: none.
   */
  readonly hashed?: number;
  /**
   * Values that the log does not hold, by reason; the reason ends a sentence such as `8 values are ...`. Absent: none.
   */
  readonly withheld?: Readonly<Record<string, number>>;
  readonly exactMatch: number | null;
  readonly exactMatchWithinPromise: number | null;
  /** Null also when values differ of which only the HMACs are known. */
  readonly toleranceMatch: number | null;
  /**
   * The same three rates against what a store without faults could have served (as available); null without created
   * times.
   */
  readonly exactMatchAsAvailable: number | null;
  readonly states: readonly { readonly served: State; readonly replayed: State; readonly rows: number }[];
  /** Over rows with a finite number on both sides; null for other types, and when there are no such rows. */
  readonly meanDifference: number | null;
  readonly p99OfServedMinusReplayed: number | null;
  readonly p99OfAbsoluteDifference: number | null;
  /** Mismatches by cause; only causes that occurred. */
  readonly causes: Readonly<Partial<Record<Cause, number>>>;
  /** How many of these kept the promise. */
  readonly promisedCauses: Readonly<Partial<Record<Cause, number>>>;
  readonly distributions: Distributions | null;
  /** At most 20 examples for each cause. */
  readonly examples: readonly Example[];
}

/**
 * The reason of values withheld because their definition drops them, which is intended. Every other reason can be
 * fixed.
 */
export const DROPPED = 'dropped (log: drop)';

/** @returns how many values of a feature the log does not hold */
export function withheldOf({ withheld = {} }: Pick<FeatureSnapshot, 'withheld'>): number {
  return Object.values(withheld).reduce((total, count) => total + count, 0);
}

export interface Example {
  readonly requestId: string;
  readonly entities: Readonly<Record<string, string | null>>;
  readonly servedAt: string;
  readonly served: SideOfExample;
  readonly replayed: SideOfExample;
  readonly cause: Cause;
  readonly withinPromise: boolean;
  /** One sentence with the times that prove the cause. */
  readonly evidence: string;
}

export interface SideOfExample {
  readonly state: State;
  readonly value: Json;
  /** The times of the row; null when there is no row. */
  readonly eventTime: string | null;
  readonly createdTime: string | null;
}

export interface RunSnapshot {
  readonly runId: string;
  readonly view: string;
  readonly kind: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly watermark: string;
  readonly state: string;
}

export interface TrendPoint {
  readonly date: string;
  readonly verdict: Verdict;
  readonly provisional: boolean;
  /** Match rates by the feature's full name. */
  readonly exactMatch: Readonly<Record<string, number | null>>;
  readonly exactMatchWithinPromise: Readonly<Record<string, number | null>>;
}
