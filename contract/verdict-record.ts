/**
 * A day's verdict on a service as the registry keeps it: less than the monitor's snapshot, and by feature and view, so
 * that the catalogue shows a feature over all services and days. Written by the monitor, read by the catalogue.
 *
 * Times are RFC 3339, dates YYYY-MM-DD in UTC, shares in [0, 1].
 */
import type { Cause } from './cause.ts';
import type { SmallSketch } from './small-sketch.ts';
import type { Verdict } from './verdict.ts';

/** How a feature's match is judged. */
export type MatchLevel = 'ok' | 'alert' | 'alarm' | 'too-few';

/** All that the registry keeps of one day and service. */
export interface VerdictRecord {
  readonly day: DayRecord;
  readonly features: readonly FeatureRecord[];
  readonly views: readonly ViewRecord[];
  readonly incidents: readonly IncidentRecord[];
  /** What was served that day, in small; features whose values stay out of the log have none. */
  readonly sketches: readonly SketchRecord[];
}

export interface DayRecord {
  readonly date: string;
  readonly service: string;
  readonly verdict: Verdict;
  /** In a person's words: what is wrong, since when, how much, whose, which model. */
  readonly sentence: string;
  /** Whether the day will be judged again. */
  readonly provisional: boolean;
  readonly judgedAt: string;
  /** Vectors in the log, and those with a judged feature. */
  readonly read: number;
  readonly judged: number;
  /** What changed against the newest earlier verdict; null: there is none. */
  readonly broke: {
    readonly date: string;
    readonly new: readonly ChangedCause[];
    readonly worse: readonly ChangedCause[];
    readonly gone: readonly ChangedCause[];
  } | null;
}

interface ChangedCause {
  readonly view: string;
  readonly cause: Cause;
  /** Values beyond the promise on the day, and on the day before. */
  readonly beyondPromise: number;
  readonly before: number;
}

/** Counts of values of a feature in a service, and how they matched. */
export interface FeatureRecord {
  readonly date: string;
  readonly service: string;
  /** As the service names it: `view__feature`, or `role__feature`. */
  readonly name: string;
  /** The id of its view, and its name there. */
  readonly view: string;
  readonly feature: string;
  readonly level: MatchLevel;
  readonly provisional: boolean;
  /** Vectors of which it is known what was served and what was due; of these those with a value, and with null. */
  readonly rows: number;
  readonly answered: number;
  readonly nulls: number;
  readonly unavailable: number;
  readonly unjudged: number;
  /** A value on at least one side: exact + withinPromise + beyondPromise. */
  readonly present: number;
  readonly exact: number;
  readonly withinPromise: number;
  readonly beyondPromise: number;
  /** Of the match within the promise, over rows; null: no row was judged. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Only causes that occurred. */
  readonly causes: Readonly<
    Partial<Record<Cause, { readonly values: number; readonly beyondPromise: number }>>
  >;
  /** How far the day's values are from those of the newest training set; null: there is none to compare with. */
  readonly drift: DriftRecord | null;
}

interface DriftRecord {
  /** Kolmogorov and Smirnov's distance of numbers, the largest difference of a share of texts. */
  readonly distance: number;
  readonly level: string;
}

/** What of a day's records can be added up: over services, over features. */
export type DaySums = Pick<
  FeatureRecord,
  | 'date'
  | 'level'
  | 'provisional'
  | 'rows'
  | 'answered'
  | 'nulls'
  | 'present'
  | 'exact'
  | 'withinPromise'
  | 'beyondPromise'
  | 'interval'
>;

/** How old a view's data was when it was served, and whether it was there. */
export interface ViewRecord {
  readonly date: string;
  readonly service: string;
  readonly role: string;
  readonly view: string;
  /** The promise; 0 for what is computed on demand. */
  readonly freshnessUs: number;
  /** The greatest age of its data when a vector was served; null: not known. */
  readonly ageUs: number | null;
  /** Hours in which vectors were served, and those in which its data was older than promised. */
  readonly hours: number;
  readonly hoursBeyond: number;
  readonly vectors: number;
  readonly unavailable: number;
}

export interface IncidentRecord {
  /** Its lasting name: day, service, view, cause, and which of these: `2026-11-28.churn.clicks.late-arrival.1`. */
  readonly id: string;
  readonly date: string;
  readonly service: string;
  readonly view: string;
  readonly cause: Cause;
  readonly level: MatchLevel;
  readonly harm: number;
  readonly beyondPromise: number;
  readonly values: number;
  readonly rows: number;
  readonly entities: number;
  readonly runs: readonly string[];
  readonly pods: readonly string[];
  readonly features: readonly string[];
  readonly models: readonly string[];
  readonly owners: readonly string[];
  readonly from: string;
  readonly to: string;
  /** The part of the traffic that holds nearly all of it; null: none does. */
  readonly slice: { readonly by: string; readonly value: string } | null;
  /** Shows more, or mends it; empty: there is none. */
  readonly command: string;
  readonly examples: readonly ExampleRecord[];
}

/** A row to look at. Values are as the vector log may hold them: those that are kept out of it are not here. */
export interface ExampleRecord {
  readonly feature: string;
  readonly requestId: string;
  readonly entities: Readonly<Record<string, string | null>>;
  readonly servedAt: string;
  readonly served: string;
  readonly replayed: string;
  readonly evidence: string;
}

export interface SketchRecord {
  readonly date: string;
  readonly service: string;
  readonly name: string;
  readonly view: string;
  readonly feature: string;
  readonly type: string;
  readonly sketch: SmallSketch;
}
