/** What a run counts of the rows or events that are new to it, and how two counts go together. Pure. */
import type { RunRecord } from '../../contract/run-record.ts';

export interface RowCounts {
  /** New rows that `where` does not exclude: of these rejected, too late, not due yet. */
  readonly read: number;
  /** New rows that it excludes. */
  readonly excluded: number;
  readonly rejected: number;
  /** Among the rejected: deletions that take back no event. The event may come yet, so that they fail no run. */
  readonly idle: number;
  /** reason -> rows, most frequent first */
  readonly reasons: ReadonlyMap<string, number>;
  readonly lateEvents: number;
  /** The smallest lateness that would have taken them all; null when there are none. */
  readonly latenessNeededUs: number | null;
  /** Rows past what is due: a later run counts them. */
  readonly waiting: number;
  /** Of the rows that are not rejected: the newest event time that is due, the newest created time; null: no row. */
  readonly newestEventUs: number | null;
  readonly newestCreatedUs: number | null;
  /** The snapshot of a table that was read; null: the source is files. */
  readonly snapshot: string | null;
  /** The file of rejected rows, or null: there are none, or they are not kept. */
  readonly rejectFile: string | null;
  /** The file of those that are too late, likewise. */
  readonly lateFile: string | null;
}

/** How the counts stand in a run's record. */
export type RecordedCounts = Pick<
  RunRecord,
  | 'newestEventUs'
  | 'newestCreatedUs'
  | 'snapshot'
  | 'read'
  | 'counted'
  | 'excluded'
  | 'waiting'
  | 'rejected'
  | 'rejectReasons'
  | 'lateEvents'
  | 'latenessNeededUs'
>;

export const NO_ROWS: RowCounts = {
  read: 0,
  excluded: 0,
  rejected: 0,
  idle: 0,
  reasons: new Map(),
  lateEvents: 0,
  latenessNeededUs: null,
  waiting: 0,
  newestEventUs: null,
  newestCreatedUs: null,
  snapshot: null,
  rejectFile: null,
  lateFile: null,
};

export function recordedCounts(counts: RowCounts): RecordedCounts {
  const { read, excluded, rejected, reasons, lateEvents, waiting } = counts;
  return {
    newestEventUs: counts.newestEventUs,
    newestCreatedUs: counts.newestCreatedUs,
    snapshot: counts.snapshot,
    read,
    counted: read - rejected - lateEvents - waiting,
    excluded,
    waiting,
    rejected,
    rejectReasons: Object.fromEntries(reasons),
    lateEvents,
    latenessNeededUs: counts.latenessNeededUs,
  };
}

/** Adds up the reasons of two kinds of rows. */
export function addReasons(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a };
  for (const [reason, rows] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + rows;
  return sum;
}

/** @returns the later of two times that may be unknown */
export function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
