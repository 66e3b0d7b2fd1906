/** What `plumb explain` finds, as plain data: `--json` prints it as it is. Times are RFC 3339; null: there is none. */
import type { Json } from '../../contract/std/canonical-json.ts';
import type { Cause } from '../../contract/cause.ts';

/** One vector: an entity row of a served request; or an entity at a time, when nobody was served. */
export interface ExplainedVector {
  /** null: no request was asked for. */
  readonly request: ExplainedRequest | null;
  readonly service: string;
  readonly entities: Readonly<Record<string, string | null>>;
  /** When it was served, or the time that was asked for. */
  readonly at: string;
  readonly bundle: string;
  readonly views: readonly ExplainedView[];
  /** Each on-demand view that was computed, after those that it uses. */
  readonly computed: readonly ExplainedComputed[];
}

export interface ExplainedComputed {
  readonly role: string;
  readonly view: string;
  /** PRESENT or UNAVAILABLE; null: the archive does not tell, or no request was asked for. */
  readonly status: string | null;
  /** What the request brought for it, by name; those that the definitions mark as private are left out. */
  readonly inputs: Readonly<Record<string, Json>>;
  /** What it was computed of beside these: roles of the service, and other on-demand views. */
  readonly uses: readonly string[];
  /** What its function says now: a sentence. */
  readonly again: string;
  readonly features: readonly ExplainedFeature[];
}

interface ExplainedRequest {
  readonly requestId: string;
  readonly row: number;
  /** Rows of the request. */
  readonly rows: number;
  /** Requests of the log with its id: those that have no such row or feature, or of no known service, are not shown. */
  readonly requests: number;
  readonly pod: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly surface: string;
  readonly serviceVersion: number;
  /** Whether the log has the bytes of its answer, and the served values were held against them. */
  readonly isAnswerLogged: boolean;
}

export interface ExplainedView {
  readonly role: string;
  readonly view: string;
  /** What the sidecar had; null: no request was asked for. */
  readonly served: ExplainedRow | null;
  /** Sentences: which rows count, and which of them the rule takes. */
  readonly rule: readonly string[];
  readonly history: readonly HistoryRow[];
  readonly runs: readonly ExplainedRun[];
  readonly features: readonly ExplainedFeature[];
  /** Sentences on what no record tells. */
  readonly unknown: readonly string[];
}

interface ExplainedRow {
  readonly status: string;
  readonly source: string;
  readonly fetchedAt: string | null;
  readonly watermark: string | null;
  readonly eventTime: string | null;
  readonly createdTime: string | null;
  readonly writtenTime: string | null;
  readonly definitionId: string | null;
}

export interface HistoryRow {
  readonly eventTime: string;
  readonly createdTime: string | null;
  readonly runId: string | null;
  readonly definitionId: string;
  /** A tombstone: from here on the entity has no row. */
  readonly deleted: boolean;
  /** of the served times: the row that was served had other values */
  readonly is: readonly ('served' | 'of the served times' | 'as trained' | 'as available')[];
  /** By the feature's name; those that the definitions mark as private are left out. */
  readonly values: Readonly<Record<string, Json>>;
}

export interface ExplainedRun {
  readonly runId: string;
  readonly kind: string;
  readonly state: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Up to where the view was complete once it had ended; null: it did not complete. */
  readonly watermark: string | null;
  /** Rows or events of the source, in the whole run. */
  readonly read: number;
  readonly counted: number;
  readonly late: number;
  readonly rejected: number;
  readonly error: string | null;
  readonly is: readonly ('brought the row as trained' | 'brought the served row')[];
}

export interface ExplainedFeature {
  readonly name: string;
  readonly type: string;
  /** Why its values are not shown; null: they are. */
  readonly withheld: string | null;
  /** null: no request was asked for. */
  readonly served: Side | null;
  readonly trained: Side;
  /** null: the history has no created times. */
  readonly available: Side | null;
  /** Whether the model received what it would be trained on; null: that cannot be said. */
  readonly same: boolean | null;
  readonly cause: Cause | null;
  readonly evidence: string | null;
  readonly withinPromise: boolean | null;
}

export interface Side {
  /** `undecoded`: there was a row, and it cannot be read. `unknown`: the history has other keys than then. */
  readonly state: string;
  readonly value: Json;
}
