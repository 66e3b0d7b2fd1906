/**
 * What a training set was made of, and how its features are distributed: written into the registry by `plumb train`,
 * read by `plumb training show` and by the monitor, which compares serving with it.
 */
import type { AsOfRule } from './as-of.ts';
import type { ColumnSketch } from './sketch.ts';

export interface TrainingManifest {
  readonly version: 1;
  /** `--name`, else the file's; several sets may have it. */
  readonly name: string;
  readonly madeUs: number;
  readonly service: string;
  readonly serviceVersion: number;
  /** The bundle in force, by its hash. */
  readonly bundle: string;
  /** By which way: the as-of rule of that mode, or what was answered. */
  readonly as: AsOfRule['mode'] | 'logged';
  /** Of a set of what was answered; absent otherwise. */
  readonly log?: TrainedLog;
  /** Of a set without the labels from before a feature was warm online; absent otherwise. */
  readonly cap?: WarmCap;
  readonly views: readonly TrainedView[];
  /** What computed it: the same on another processor may differ in the last bit. */
  readonly made: {
    readonly plumbline: string;
    readonly node: string;
    readonly v8: string;
    readonly duckdb: string;
    readonly processor: string;
  };
  readonly labels: {
    readonly file: string;
    /** Of the file's bytes, in hex. */
    readonly sha256: string;
    readonly rows: number;
    readonly rowsWithoutTime: number;
    readonly rowsWithNullKey: number;
    /** Their column of times. Sets of before do not say it. */
    readonly timeColumn?: string;
    /** `name=column` for inputs of on-demand views whose columns are called otherwise; absent: none is. */
    readonly input?: readonly string[];
  };
  /** With the SHA-256 of its bytes, in hex, and the zone that Parquet has of its times; sets of before say neither. */
  readonly out: {
    readonly file: string;
    readonly rows: number;
    readonly sha256?: string;
    readonly zone?: 'UTC';
  };
  /** In the order of the service. */
  readonly features: readonly TrainedFeature[];
}

/** Which labels `--cap-to-warm` has left out. */
export interface WarmCap {
  /** Labels of before are left out; those without a time are kept. Microseconds. */
  readonly sinceUs: number;
  /** The feature that was warm last, as `role__feature`. */
  readonly feature: string;
  readonly leftOut: number;
}

/** Which entry of a history a set was made at. */
export interface TrainedEntry {
  readonly commit: number;
  /** Its hash: a log that was put back from a copy has another entry of that number. Sets of before do not say it. */
  readonly entry?: string | null;
}

export interface TrainedView {
  readonly role: string;
  /** The view's id: `purchases`, `purchases@v2`. */
  readonly view: string;
  readonly definitionId: number;
  /** How far its history was complete; null: never computed, or a stored view, which always is. */
  readonly watermarkUs: number | null;
  /** The entry of its history that was read; null: there was none, or a stored view. */
  readonly commit: number | null;
  readonly entry?: TrainedEntry['entry'];
  /** The files of a stored view's source; absent for other views, in sets of before, and in those of the log. */
  readonly source?: TrainedSource;
}

/** What a source was like: where it is not the same any more, other rows may be in it. */
export type TrainedSource = TrainedFiles | TrainedTable;

interface TrainedTable {
  /** `delta 17`, `iceberg 00003-025264ff.metadata.json`. */
  readonly snapshot: string;
}

interface TrainedFiles {
  readonly files: number;
  readonly bytes: number;
  readonly newestMs: number;
}

interface TrainedFeature extends LabelCounts {
  /** As the service names it. */
  readonly name: string;
  /** The type as text, e.g. `int64`. */
  readonly type: string;
  /**
   * Of the values as the set holds them, fallbacks in place. Null where the definition keeps the feature's values out
   * of the log (`log: hmac`, `log: drop`): they stay out of the registry, too.
   */
  readonly sketch: ColumnSketch | null;
}

/** Labels by what they got of a feature; fallbacks stand in for missing and outsideTtl. */
export interface LabelCounts {
  readonly present: number;
  readonly nulls: number;
  readonly missing: number;
  readonly outsideTtl: number;
  /** Labels past the view's history watermark, or past what was ingested of the log: null. */
  readonly unjudged: number;
  /** Labels from before its source was complete for a whole window: their value covers less. 0: no start is known. */
  readonly notFull: number;
  /** Labels for which an on-demand function gave no values: fallbacks. Absent for other features. */
  readonly failed?: number;
  /** Of a set of what was answered; absent otherwise. */
  readonly log?: LogCounts;
}

/** Labels of which the log says something that no history does. */
interface LogCounts {
  /** A fallback stands in. */
  readonly unavailable: number;
  /** No vector was answered: null. */
  readonly noVector: number;
  /** Their vector is of a service version that did not have the feature, or had it in another type: null. */
  readonly lacking: number;
  /** The row that was answered cannot be decoded any more: null, though the model got a value. */
  readonly undecoded: number;
}

/** How the vectors of a set were found in the log. */
export interface TrainedLog {
  /** By the request's id, or by the service's keys and the label's time. */
  readonly by: 'request' | 'entity';
  /** How long before its label a vector was answered at the earliest; null: however long. */
  readonly withinUs: number | null;
  /** The bundle in force, by its hash; the set's own is the one that answered last. */
  readonly inForce: string;
  /** Whether the set has a status a feature. */
  readonly statuses: boolean;
  /** Features that the log has not and that were left out. */
  readonly withoutMasked: readonly string[];
  /** Labels that have a vector, and vectors of the same requests that no label took. */
  readonly labels: number;
  readonly others: number;
}
