/**
 * Definitions after validation, as every program uses them. Made by registry/definitions/, carried by the bundle.
 *
 * Durations and times are microseconds. `null` stands for "not given" here, so that every object of a kind has one
 * shape. Names that stand online and in the history are a view's `id`: `purchases`, or `purchases@v2`.
 */
import type { StreamSource } from './stream-source.ts';
import type { KeyType, Value, ValueType } from './value-type.ts';

export interface JoinKey {
  readonly name: string;
  readonly type: KeyType;
}

/** What a feature describes. Join keys stand in byte order of their names, the order of a composite id. */
export interface Entity {
  readonly name: string;
  readonly joinKeys: readonly JoinKey[];
  readonly description: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  /** How entity ids stand in the vector log. */
  readonly log: LogPolicy;
}

export type LogPolicy = 'raw' | 'hmac' | 'drop';

export type SourceTableFormat = 'delta' | 'iceberg';

/** What messages call a table. */
export const TABLE_NAMES: Readonly<Record<SourceTableFormat, string>> = {
  delta: 'a Delta table',
  iceberg: 'an Iceberg table',
};

/** Where rows or raw events come from: Parquet files, a table of another maker, or a stream. */
export interface Source {
  readonly name: string;
  /**
   * A path or glob, relative to the project's folder, or `s3://bucket/path`; of a table its folder, of a stream the
   * folder of its archive, a Delta table.
   */
  readonly path: string;
  /** Absent: Parquet files. */
  readonly table?: SourceTableFormat;
  readonly eventTime: string;
  /** The column that says when a row became known. null: each run reads the source in full. */
  readonly createdTime: string | null;
  /**
   * A row whose event time lies further ahead of its created time (without one: of the run) is a bad row, written by a
   * wrong clock. null: there is no such limit, and early rows wait until they are due.
   */
  readonly maxAheadUs: number | null;
  /** Absent: the rows lie in files. Of a stream the created time is `_appended`, a column of its archive. */
  readonly stream?: StreamSource;
}

export const AGGREGATE_FUNCTIONS = [
  'count',
  'countDistinct',
  'approxCountDistinct',
  'sum',
  'avg',
  'min',
  'max',
  'first',
  'last',
  'lastN',
  'stddev',
  'mostFrequent',
  'approxPercentile',
  'duration',
] as const;
export type AggregateFunction = (typeof AGGREGATE_FUNCTIONS)[number];

/** The largest n of lastN: each row of its view holds so many values. */
export const NEWEST_MAX = 1_000;

export interface Aggregation {
  readonly function: AggregateFunction;
  /** The source's column that is aggregated; null for `count()` and `duration()`, which look at events alone. */
  readonly column: string | null;
  /** The type of that column in the model; null without a column. */
  readonly columnType: ValueType | null;
  /** null: a session, or lifetime: all events before the edge. */
  readonly windowUs: number | null;
  /** The gap that ends a session: over the events since the last one before the edge. null: no session. */
  readonly sessionUs: number | null;
  /** Decimal places kept when floats are summed in fixed point. */
  readonly scale: number;
  /** n of lastN; 0 otherwise. */
  readonly n: number;
  /** Of approxPercentile, in (0, 1); 0 otherwise. */
  readonly percentile: number;
}

/** That a definition will go. */
export interface Deprecation {
  /** A date or a time as RFC 3339 text: from when on it is not to be relied on. */
  readonly date: string;
  /** What to use in its place; null: nothing is named. */
  readonly successor: string | null;
}

export interface FeatureChecks {
  readonly min: number | null;
  readonly max: number | null;
  /** The largest share of nulls that a run may write, in [0, 1]. */
  readonly maxNullShare: number | null;
}

export interface Feature {
  readonly name: string;
  /** The source's column that a stored feature reads; null: that of its own name. */
  readonly column: string | null;
  readonly type: ValueType;
  /** The fallback that stands in for MISSING, OUTSIDE_TTL and UNAVAILABLE; null: null does. */
  readonly missing: Value;
  /** null: only equal values match within tolerance. */
  readonly tolerance: number | null;
  readonly log: LogPolicy;
  readonly checks: FeatureChecks | null;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly examples: readonly Value[];
  readonly normalization: { readonly mean: number; readonly stddev: number } | null;
  /** Absent: it stays. */
  readonly deprecated?: Deprecation;
  /** Null unless the view is aggregated. */
  readonly aggregation: Aggregation | null;
}

interface SelectedColumn {
  readonly name: string;
  /** Its text as the definition has it. */
  readonly expression: string;
}

/**
 * stored: rows computed elsewhere, whose history is their source; snapshot: the same from a source that is a whole
 * snapshot each time (`absent: delete`), so that an entity that it lacks has no row from the run on that finds so;
 * aggregated: rows computed here from raw events.
 */
type ViewKind = 'stored' | 'snapshot' | 'aggregated';

export interface FeatureView {
  /** The name online and in the history: `name`, or `name@v2` from the second version on. */
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly kind: ViewKind;
  readonly entity: string;
  readonly source: Source;
  /** Which of the source's rows count, as an expression over its columns; null: all do. */
  readonly where: string | null;
  /** Columns that are computed of a row and stand beside the source's own, in the order given. */
  readonly select: readonly SelectedColumn[];
  readonly features: readonly Feature[];
  /** xxHash32 of the canonical schema and logic. */
  readonly definitionId: number;
  /** null: rows never grow too old. Always so in aggregated views. */
  readonly ttlUs: number | null;
  /** Aggregated views only; 0 in others. */
  readonly hopUs: number;
  /** A row of event time e is visible from e + delay. */
  readonly delayUs: number;
  readonly scheduleUs: number | null;
  /** What a run takes as the view's watermark: its cut-off, or the newest event of the source by then. */
  readonly watermark: 'cutoff' | 'events';
  /** With watermark `events`: how far it stays behind the newest event, as older ones may still come. Otherwise 0. */
  readonly outOfOrderUs: number;
  /** The promised greatest age of the view's online watermark. */
  readonly freshnessUs: number;
  /** The age past which there is an alarm. */
  readonly freshnessAlertUs: number;
  /** A source whose newest event is older than this has stopped: an alarm. */
  readonly sourceFreshnessUs: number;
  /** Events and rows that come in later than this after their event time are counted, not applied. */
  readonly latenessUs: number;
  /** The time from which the source is complete; a window is full one window later. null: not stated. */
  readonly startUs: number | null;
  readonly owner: string | null;
  readonly team: string | null;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly deprecated: Deprecation | null;
}

/** Whether its rows are in a history of its own. That of a stored view is its source. */
export function hasHistory({ kind }: Pick<FeatureView, 'kind'>): boolean {
  return kind !== 'stored';
}

/** A value that a request brings for the functions of on-demand views. */
export interface RequestInput {
  readonly name: string;
  readonly type: ValueType;
  /** A request may leave it out, or send null; the function then gets null. */
  readonly optional: boolean;
  /**
   * A timestamp that nobody sends: the served time online, the label's time in training, in the replay the logged one.
   */
  readonly requestTime: boolean;
  /** How it stands in the vector log. */
  readonly log: LogPolicy;
}

/** What an on-demand view takes of another view: of a row, or of what another on-demand view computes. */
export interface UsedView {
  /** The view's name, or the role that the on-demand view gives it. */
  readonly role: string;
  /** The id of a feature view or of an on-demand view. */
  readonly view: string;
  /** For each join key of the view's entity, in its order: the request's key that gives it. Of on-demand views none. */
  readonly requestKeys: readonly string[];
  readonly features: readonly UsedFeature[];
}

interface UsedFeature {
  readonly feature: string;
  /** What the function's argument calls it: its own name, or `role__name`. */
  readonly argument: string;
}

/** The function of an on-demand view, as every program runs it. */
export interface OnDemandCode {
  /** SHA-256 over its syntax trees, 64 hex digits: comments, blanks and positions do not count. */
  readonly hash: string;
  /** An expression of JavaScript that gives the function; strict, and free of anything but the language itself. */
  readonly script: string;
  /** Of the script of a module, as JSON without the sources; null: the script stands as it was written. */
  readonly sourceMap: string | null;
  /** Why its module is run anew for each call: `\`cache\` may change (distance.ts:4)`; null: it is run once. */
  readonly anew: string | null;
  /**
   * The hash of each file of the project that it is made of, by its path there, cut to 12 digits; those of packages are
   * not among them. Null: of an inline function, and in bundles of before.
   */
  readonly files: Readonly<Record<string, string>> | null;
  /** Where it was written, relative to the project, and the line on which it begins there. */
  readonly file: string;
  readonly line: number;
}

/** Features that one function computes when they are asked for, from the request's values and from other features. */
export interface OnDemandView {
  /** `trip`, or `trip@v2` from the second version on. No feature view has the same. */
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly inputs: readonly RequestInput[];
  readonly uses: readonly UsedView[];
  /** Without column and aggregation; their log policy is the strictest of what the view takes unless they state one. */
  readonly features: readonly Feature[];
  readonly code: OnDemandCode;
  /** Why it is not known to be cheap, after "it": `has a loop (distance.ts:4)`; null: it is. */
  readonly costly: string | null;
  /** Whether it runs in a process of its own with a deadline: it is costly, and `isolate: false` is not given. */
  readonly isolated: boolean;
  /** What an int64 and a timestamp are to the function: numbers, where none is past 2^53 - 1, or always bigints. */
  readonly int64: 'number' | 'bigint';
  /** On which engine an apply tried it (on-demand/engine.ts); absent in bundles of before. */
  readonly engine?: string;
  /** What an apply tries it with, each row in the order of its arguments; not in a bundle that was read. */
  readonly samples: readonly (readonly Value[])[];
  /** xxHash32 of its schema and row logic, the code's hash included. */
  readonly definitionId: number;
  readonly owner: string | null;
  readonly team: string | null;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly deprecated: Deprecation | null;
}

/** One feature in a service: which view gives it, for which entity, and what the model calls it. */
export interface ServiceFeature {
  /**
   * `view__feature`, or `role__feature` where the view is used in a role; of an on-demand view also what the service
   * calls it.
   */
  readonly fullName: string;
  /** The id of a feature view or of an on-demand view. */
  readonly view: string;
  /** The view's name, or the role's: what stands before `__` and names the view's row in the log. */
  readonly role: string;
  readonly feature: string;
}

/** A view as a service uses it: once for each role. */
export interface ServiceView {
  readonly role: string;
  readonly view: string;
  /** For each join key of the view's entity, in its order: the request's key that gives it. */
  readonly requestKeys: readonly string[];
}

/** An on-demand view as a service uses it: once. */
export interface ServiceOnDemand {
  /** The view's name: what names it in the log. No role of the service's views is the same. */
  readonly role: string;
  readonly view: string;
  /** For each of the view's `uses` the role in the service that gives it: of `views`, or of `onDemand` before it. */
  readonly uses: readonly string[];
}

export interface Consumer {
  readonly model: string;
  readonly owner: string;
}

export interface FeatureService {
  readonly name: string;
  /** Assigned when applied: 1, and one more with each change of what is served. 0 before it was ever applied. */
  readonly version: number;
  /** In the order that the model takes them. */
  readonly features: readonly ServiceFeature[];
  /** In order of first use; after those of which it lists features those that only on-demand views use. */
  readonly views: readonly ServiceView[];
  /** Each after those that it uses; those included of which the service lists no feature. */
  readonly onDemand: readonly ServiceOnDemand[];
  /** The keys a request gives, in order of first use, with their types. */
  readonly requestKeys: readonly JoinKey[];
  /** What its on-demand views take of a request beside the keys. An input with the name of a key is that key. */
  readonly inputs: readonly RequestInput[];
  readonly consumers: readonly Consumer[];
  readonly tensor: 'float32' | 'float64';
  readonly description: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  /** Absent: it stays. */
  readonly deprecated?: Deprecation;
}

/** What the values of a row are under one definition id: enough to decode them. Every view has it. */
export interface RowFields {
  readonly definitionId: number;
  readonly features: readonly { readonly name: string; readonly type: ValueType }[];
}

/**
 * The schema of a view's rows under one definition id: enough to read a row that an older definition wrote, and to tell
 * whose row it is.
 */
export interface RowSchema extends RowFields {
  readonly entity: string;
  /** In the order in which their values stand in the row's key. */
  readonly joinKeys: readonly JoinKey[];
}

/** The project's definitions, whole and valid; every program works with one of these. */
export interface Definitions {
  readonly entities: ReadonlyMap<string, Entity>;
  /** By id. */
  readonly views: ReadonlyMap<string, FeatureView>;
  /** By id. */
  readonly onDemand: ReadonlyMap<string, OnDemandView>;
  readonly services: ReadonlyMap<string, FeatureService>;
}

/** Definitions as applied: immutable and named by the hash of their content. */
export interface Bundle extends Definitions {
  readonly project: string;
  /** 16 hex digits of xxHash64 over the canonical JSON. */
  readonly hash: string;
  /** For each view id every schema it ever had, in the order applied; the last is the current one. */
  readonly schemas: ReadonlyMap<string, readonly RowSchema[]>;
}
