/** What a materialization run did: written by the materializer, read by `show`, the gates and the monitor. */

export type RunKind = 'ordinary' | 'backfill' | 'stream';
export type RunState = 'running' | 'complete' | 'failed';

export interface RunRecord {
  readonly runId: string;
  /** The view's id: `purchases`, `purchases@v2`. */
  readonly view: string;
  readonly kind: RunKind;
  readonly definitionId: number;
  /** Where the computed or read range begins (exclusive), or null: from the beginning. */
  readonly fromUs: number | null;
  /** The cut-off: rows and events with event and created time up to and including it were read. */
  readonly toUs: number;
  /** The edge (stored view: the cut-off) up to which the view is complete once the run has finished. */
  readonly watermarkUs: number;
  /** Rows appended to the history; 0 for a stored view. */
  readonly historyRows: number;
  /** Outcomes of the guarded writes online. */
  readonly written: number;
  readonly older: number;
  readonly equal: number;
  readonly conflict: number;
  readonly superseded: number;
  readonly rejected: number;
  /** Events past the lateness allowance: counted, not applied. */
  readonly lateEvents: number;
  readonly startedUs: number;
  readonly finishedUs: number | null;
  readonly state: RunState;
  readonly error: string | null;
}
