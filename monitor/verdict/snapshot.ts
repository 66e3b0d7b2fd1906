/**
 * The verdict on one day, or an hour of it, and one service as JSON. The report is drawn from it alone, and later
 * days read it for their trends and for what broke since. Fields may be added but not changed.
 *
 * Values of features are written as by `contract/wire/online/json-value.ts`, hashed ones as `hmac:{hex}`; times are RFC
 * 3339 to the microsecond; shares and match rates are in [0, 1]; a rate over no values is null.
 */
import type { BadRows } from '../../project/engine/duckdb/bad-rows.ts';
import type { Consumer } from '../../contract/model.ts';
import type { Verdict } from '../../contract/verdict.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import type { Cause } from '../../contract/cause.ts';
import type { Deploy } from '../day/deploys.ts';
import type { DriftReferences } from '../drift/drift-references.ts';
import type { FeatureDrift } from '../drift/feature-drift.ts';
import type { HealthCheck } from '../health/health-check.ts';
import type { State } from '../causes/value-state.ts';
import type { LooksLike } from '../likeness/likeness.ts';
import type { RunSnapshot } from './runs-of-day.ts';
import type { Distributions } from '../statistics/distributions.ts';
import type { ToldWhatIf } from '../whatif/told-what-if.ts';

export const SNAPSHOT_VERSION = 2;

export interface Snapshot {
  readonly version: typeof SNAPSHOT_VERSION;
  readonly project: string;
  /** The UTC day on which the vectors were served. */
  readonly date: string;
  /** 0 to 23: the verdict is on that hour alone, always provisional, and on its own. Absent: on the whole day. */
  readonly hour?: number;
  readonly service: string;
  readonly verdict: Verdict;
  /** The verdict in one sentence: what is wrong, since when, how much, whose, which model. */
  readonly sentence: string;
  /** What made the verdict, worst first; empty for a pass. */
  readonly findings: readonly Finding[];
  /** What a reader must know although it changes no verdict: gaps, open tails, vectors left out, values withheld. */
  readonly notes: readonly string[];
  /** Whether rows may still arrive within the lateness allowance, so that the day will be judged again. */
  readonly provisional: boolean;
  /** When a provisional verdict will be settled; null: it is settled. */
  readonly settlesAt: string | null;
  readonly judgedAt: string;
  readonly bundle: string;
  /** The owner of the service, and the models that it feeds with theirs. */
  readonly owner: string | null;
  readonly consumers: readonly Consumer[];
  readonly vectors: VectorCounts;
  /** Mismatches with one cause and origin, the greatest harm first. */
  readonly incidents: readonly Incident[];
  readonly slices: readonly Slice[];
  /** One entry for each role of the service. */
  readonly views: readonly ViewSnapshot[];
  /** One entry for each on-demand view of the service. Absent: it has none. */
  readonly computed?: readonly ComputedViewSnapshot[];
  readonly features: readonly FeatureSnapshot[];
  /** What drift was measured against. Absent: of a day judged before drift was measured, and of an hour. */
  readonly drift?: DriftReferences;
  /** As it was at the end of the day, by run records and this verdict. Absent: of a day from before it was told. */
  readonly health?: readonly HealthCheck[];
  /** The materialization runs whose rows could be served on that day, in order of their start. */
  readonly runs: readonly RunSnapshot[];
  /** The bundles and service versions that answered that day, in the order of their first vector. */
  readonly deploys: readonly Deploy[];
  /** Vectors of the day's log that could not be judged, by reason: the reason ends `8 vectors ...`. */
  readonly leftOut: readonly { readonly what: string; readonly vectors: number }[];
  /** Files that the archive should have of the day and has not, or that cannot be read. Absent: none. */
  readonly lostFiles?: readonly LostFiles[];
  /** null: there is no earlier verdict. */
  readonly brokeSince: BrokeSince | null;
  /** What verdicts on this day found at fault before it was settled; absent when this is the first one. */
  readonly earlierFaults?: readonly { readonly view: string; readonly cause: string }[];
  /** Earlier verdicts of this service, oldest first, at most 30 days, without this one. */
  readonly trend: readonly TrendPoint[];
  /** Absent: it was not asked for since the day was judged. */
  readonly whatIf?: ToldWhatIf;
  /** What was left out of this snapshot to keep its size. Absent: nothing. */
  readonly truncated?: readonly string[];
}

/**
 * Files of an hour that are not there or cannot be read, with the vectors of all services in them; null: how many is
 * not known.
 */
export interface LostFiles {
  readonly hour: number;
  readonly files: number;
  readonly vectors: number | null;
  /** The paths, in the folder of the archive, of those that are there. Absent: none is. */
  readonly damaged?: readonly string[];
}

export interface Finding {
  readonly verdict: Exclude<Verdict, 'pass'>;
  readonly text: string;
  /** The id of the view and the full name of the feature that it is about; null: it is about neither. */
  readonly view: string | null;
  readonly feature: string | null;
  /** A lasting name, such as `source stopped`; null: its causes name it. */
  readonly cause: string | null;
  /** The first causes that made it, the greatest first; a cause of few values is not among them. Absent: not told. */
  readonly causes?: readonly Cause[];
}

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

/**
 * Mismatches of one view that have one first cause and come from one run, one pod, or neither. Those less than two
 * schedules apart are one incident.
 */
export interface Incident {
  readonly view: string;
  readonly cause: Cause;
  /** The worst level of the features in which it broke the promise, and of the findings on its view that it made. */
  readonly level: Exclude<Level, 'too-few'>;
  /** The runs that brought, or failed to bring, what serving missed, or that wrote what differs. */
  readonly runs: readonly string[];
  readonly pods: readonly string[];
  /** Distinct rows: an entity and its replayed row. */
  readonly rows: number;
  readonly values: number;
  readonly beyondPromise: number;
  /** Over the values beyond the promise: how far each is off, 1 at most; 1 also where there is no size. */
  readonly harm: number;
  readonly entities: number;
  /** Full names of those with values beyond the promise, the most harmed first. */
  readonly features: readonly string[];
  readonly services: readonly string[];
  readonly models: readonly string[];
  readonly owners: readonly string[];
  /** When the first and the last of its values were served. */
  readonly from: string;
  readonly to: string;
  /** The same of its values beyond the promise alone; absent in snapshots from before it was counted. */
  readonly beyond?: { readonly rows: number; readonly from: string; readonly to: string };
  /** Where it came about, when one slice of the traffic holds nearly all of it. */
  readonly slice?: Pick<Slice, 'by' | 'value'>;
  /** A command that shows more, or mends it; empty: there is none, as for what is computed on demand. */
  readonly command: string;
  /** Two rows to look at. */
  readonly examples: readonly (Example & { readonly feature: string })[];
}

/** Counts of present values. */
export interface ValueCounts {
  readonly values: number;
  readonly mismatches: number;
  readonly beyondPromise: number;
}

export const SLICES = [
  'hour',
  'pod',
  'bundle',
  'serviceVersion',
  'surface',
  'source',
  'entityIsNew',
] as const;
export type SliceBy = (typeof SLICES)[number];

/** One part of the traffic; `entityIsNew` is `new` or `known`. */
export interface Slice extends ValueCounts {
  readonly by: SliceBy;
  readonly value: string;
}

/** How many rows that were served were what the history holds of them (the answers of causes/). */
export interface FidelityCounts {
  readonly true: number;
  readonly restamped: number;
  readonly foreign: number;
  readonly altered: number;
  readonly missingInHistory: number;
  readonly notKept: number;
  /** Foreign, but whose row it is is not known. */
  readonly unknown: number;
}

export interface ViewSnapshot {
  readonly role: string;
  readonly view: string;
  readonly owner: string | null;
  readonly historyWatermark: string | null;
  /** The newest event time of the view's source that was known by the end of the day; null: none was known. */
  readonly newestSourceRow: string | null;
  /** Rows of the history that the replay left out. Absent: none. */
  readonly badRows?: BadRows;
  readonly freshnessUs: number;
  readonly delayUs: number;
  /** The delay within which half of the day's edges were online; null: unknown. */
  readonly proposedDelayUs: number | null;
  readonly proposedDelayWhy: string | null;
  /** null: not asked. */
  readonly fidelity: FidelityCounts | null;
  /** How many entities were answered with another one's row. Absent: none, or not asked. */
  readonly foreignEntities?: number;
  /** How many logged answers differ from the rows logged with them. Absent: none, or not asked. */
  readonly alteredAnswers?: number;
  /** The hours 0 to 23 in which vectors were served. */
  readonly hours: readonly HourOfView[];
  readonly availability: Availability;
}

/** An on-demand view: no run writes rows of it. */
export interface ComputedViewSnapshot {
  readonly role: string;
  readonly view: string;
  readonly owner: string | null;
  /** Vectors for which its function ran again over what was logged, and for how many it gave another output. */
  readonly asked: number;
  readonly differing: number;
  /** How many logged answers have other values than were logged with them. Absent: none. */
  readonly alteredAnswers?: number;
  readonly hours: readonly HourOfView[];
  readonly availability: Availability;
}

export interface HourOfView extends ValueCounts {
  readonly hour: number;
  readonly unavailable: number;
  /** How old the view's data online was at most; null: unknown. */
  readonly dataAgeUs: number | null;
}

export interface Availability {
  /** Vectors asked for the view, and how many of these were served as UNAVAILABLE. */
  readonly vectors: number;
  readonly unavailable: number;
  /** Minutes in which vectors were served, and over these the sum of the shares that were available. */
  readonly minutes: number;
  readonly availableMinutes: number;
}

/** How a feature's match, or a view's availability, is judged. */
export type Level = 'ok' | 'alert' | 'alarm' | 'too-few';

/** The distinct rows (an entity and its replayed row) of a feature's present values, each counted once. */
export interface RowShares {
  readonly rowsJudged: number;
  /** Over these rows the sum of the shares of their vectors that were exact or within the promise. */
  readonly rowsWithinPromise: number;
  /** The same of those whose first cause is unexplained or a foreign row. */
  readonly rowsUnexplained: number;
}

export interface FeatureSnapshot extends RowShares {
  /** Full name: `view__feature` or `role__feature`. */
  readonly name: string;
  readonly view: string;
  /** The type as text, e.g. `int64`. */
  readonly type: string;
  readonly description: string | null;
  /** Vectors: the six counts below added up, each counting what no one before it counts. */
  readonly rows: number;
  /** Values that the log does not hold. */
  readonly dropped: number;
  /** Values in rows that cannot be decoded. */
  readonly undecoded: number;
  readonly unavailable: number;
  readonly unjudged: number;
  /** Missing, withheld or null on both sides, also where a fallback stands in. */
  readonly bothAbsent: number;
  /** A value on at least one side: exact + withinPromise + beyondPromise. All rates are of these. */
  readonly present: number;
  readonly exact: number;
  readonly withinPromise: number;
  readonly beyondPromise: number;
  /**
   * How many of the compared values (bothAbsent and present) were compared as HMACs: these are equal or not, and have
   * no sizes, distributions or values. Absent: none.
   */
  readonly hashed?: number;
  /**
   * The dropped values by reason; the reason ends a sentence such as `8 values are ...`. Absent: none.
   */
  readonly withheld?: Readonly<Record<string, number>>;
  readonly exactMatch: number | null;
  readonly exactMatchWithinPromise: number | null;
  /** Wilson's 95 % interval of the match within the promise over these rows, each with its share of right values. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly level: Level;
  /** Over the values beyond the promise: how far each is off, 1 at most; 1 also where there is no size. */
  readonly harm: number;
  /** Null also when values differ of which only the HMACs are known. */
  readonly toleranceMatch: number | null;
  /** Exact match with what a store without faults could have served; null without created times. */
  readonly availableMatch: number | null;
  readonly states: readonly { readonly served: State; readonly replayed: State; readonly rows: number }[];
  /** Over rows with a finite number on both sides; null for other types, and when there are no such rows. */
  readonly meanDifference: number | null;
  /** The mean of 2 |served - replayed| / (|served| + |replayed|). */
  readonly symmetricRelativeError: number | null;
  readonly p99OfServedMinusReplayed: number | null;
  readonly p99OfAbsoluteDifference: number | null;
  /** The mismatches of present values, each under its first cause; only causes that occurred. */
  readonly causes: Readonly<Partial<Record<Cause, CauseCounts>>>;
  /** Causes that stood beside the first one. */
  readonly also: Readonly<Partial<Record<Cause, number>>>;
  /** What the unexplained values look like, the best first; no proof. Absent: nothing that is shown. */
  readonly looksLike?: readonly LooksLike[];
  readonly distributions: Distributions | null;
  /** Moves neither the verdict nor an exit code. Absent: of an hour, or the feature's values stay out of the log. */
  readonly drift?: FeatureDrift;
  readonly examples: readonly Example[];
}

export interface CauseCounts {
  readonly values: number;
  readonly beyondPromise: number;
}

/**
 * The reason of values withheld because their definition drops them, which is intended. Every other reason but the next
 * can be fixed.
 */
export const DROPPED = 'dropped (log: drop)';
/** The same of values computed on demand: their function cannot run again. As intended. */
export const HASHED_INPUTS = 'computed of values of which the log has only HMACs';

export interface Example {
  readonly requestId: string;
  /** Which entity row of the request. */
  readonly row: number;
  readonly entities: Readonly<Record<string, string | null>>;
  readonly pod: string;
  readonly servedAt: string;
  /** Where the sidecar had the row from: none, cache, store, stale; `computed`: a function gave the value. */
  readonly source: string;
  readonly served: SideOfExample;
  readonly replayed: SideOfExample;
  /** The cause that it counts under, then those beside it. */
  readonly causes: readonly [Cause, ...Cause[]];
  readonly withinPromise: boolean;
  /** How far the value is off, 1 at most; 0 within the promise. */
  readonly harm: number;
  /** One sentence with the times that prove the cause. */
  readonly evidence: string;
}

export interface SideOfExample {
  readonly state: State;
  readonly value: Json;
  /** How many characters or elements the value has, where it is cut. Absent: all are shown. */
  readonly length?: number;
  /** The times of the row; null when there is no row. */
  readonly eventTime: string | null;
  readonly createdTime: string | null;
}

/** What changed against the newest earlier verdict, a settled one where there is one. */
export interface BrokeSince {
  readonly date: string;
  readonly new: readonly ViewCause[];
  readonly worse: readonly ViewCause[];
  readonly gone: readonly ViewCause[];
}

export interface ViewCause {
  readonly view: string;
  readonly cause: Cause;
  /** Values beyond the promise now and then. */
  readonly beyondPromise: number;
  readonly before: number;
}

export interface TrendPoint {
  readonly date: string;
  readonly verdict: Verdict;
  readonly provisional: boolean;
  /** Match rates of values present, by the feature's full name. */
  readonly exactMatch: Readonly<Record<string, number | null>>;
  readonly exactMatchWithinPromise: Readonly<Record<string, number | null>>;
  /** The interval of the rate within the promise over rows. */
  readonly interval: Readonly<Record<string, readonly [low: number, high: number] | null>>;
}
