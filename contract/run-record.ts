/** What a materialization run did: written by the materializer, read by `show`, the gates and the monitor. */
import { formatTimestamp } from './std/timestamp.ts';

export type RunKind = 'ordinary' | 'backfill' | 'stream';
type RunState = 'running' | 'complete' | 'failed';

/** A part of a view's rows: `index` of `count`, from 1 on. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export interface ShardOfSet extends Shard {
  /** The id of the run that began the set, when it did, and whether it ignored the bookmark: the others do the same. */
  readonly set: string;
  readonly startedUs: number;
  readonly full: boolean;
}

/** Rows of a partition that a process had online and that never became history: another one made them again. */
export interface TakeOver {
  readonly partition: number;
  /** Created times of such rows lie after the one, up to and including the other. */
  readonly fromUs: number;
  readonly toUs: number;
}

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
  /** What computed it. */
  readonly engine: 'duckdb' | 'stream';
  /** The bundle that the run was of. */
  readonly bundle: string;
  /**
   * Events created up to and including this time count however late they came: the cut-off of the view's first run, or
   * of its last full one. Null in a stored view, and when the source has no created times.
   */
  readonly horizonUs: number | null;
  /** The lateness allowance that the run judged by. */
  readonly latenessUs: number;
  /** The TTL of rows, which set the expiry of their keys; null: they never expire. */
  readonly ttlUs: number | null;
  /** The snapshot of the table that the run has read; absent or null: its source is no table. */
  readonly snapshot?: string | null;
  /** The newest event time up to the cut-off, and the newest created time, of all runs so far; null: none seen. */
  readonly newestEventUs: number | null;
  readonly newestCreatedUs: number | null;
  /** Rows or events of the source that were new to the run: counted + too late + rejected + waiting. */
  readonly read: number;
  readonly counted: number;
  /** Rows that the view's `where` excludes; they are new to the run too, and nothing else of them is checked. */
  readonly excluded: number;
  /** Events that are not due yet: their time is past the last edge (stored view: the cut-off). */
  readonly waiting: number;
  /** Rows appended to the history; 0 for a stored view. */
  readonly historyRows: number;
  /** Outcomes of the guarded writes online. */
  readonly written: number;
  readonly older: number;
  readonly equal: number;
  readonly conflict: number;
  readonly superseded: number;
  /** Rows that a run before had brought online, which came to no end; absent in records of before: 0. */
  readonly resumed?: number;
  readonly rejected: number;
  /** Why, and how many rows each, most frequent first. */
  readonly rejectReasons: Readonly<Record<string, number>>;
  /** Events past the lateness allowance: kept beside the rejects, not applied. */
  readonly lateEvents: number;
  /** The smallest allowance that would have taken them all; null: there were none. */
  readonly latenessNeededUs: number | null;
  /** Of a stream, tiles that were made again of their events, since one was taken back; absent: 0. */
  readonly remadeTiles?: number;
  /** Of a stream that took partitions over from a process that died or hung, or whose state was lost; absent: none. */
  readonly takeOvers?: readonly TakeOver[];
  /** Of a run that writes a part of the view's rows; absent: it writes all of them. */
  readonly shard?: ShardOfSet;
  readonly startedUs: number;
  readonly finishedUs: number | null;
  readonly state: RunState;
  readonly error: string | null;
}

/** Why a row is rejected that turns out not to fit when it is made: of runs that share rows each counts its own. */
export const MISFIT = 'it does not fit its definition';

/** A record as commands give it: times in RFC 3339. */
export function runToJson(run: RunRecord): object {
  const {
    fromUs,
    toUs,
    watermarkUs,
    horizonUs,
    newestEventUs,
    newestCreatedUs,
    startedUs,
    finishedUs,
    ...rest
  } = run;
  return {
    ...rest,
    from: timeText(fromUs),
    to: timeText(toUs),
    watermark: timeText(watermarkUs),
    horizon: timeText(horizonUs),
    newestEventTime: timeText(newestEventUs),
    newestCreatedTime: timeText(newestCreatedUs),
    startedAt: timeText(startedUs),
    finishedAt: timeText(finishedUs),
  };
}

function timeText(us: number | null | undefined): string | null {
  return us === null || us === undefined ? null : formatTimestamp(us);
}
