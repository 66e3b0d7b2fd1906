/** Selects the materialization runs that a snapshot names: those whose rows could be served on its day. Pure. */
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';

export interface RunSnapshot {
  readonly runId: string;
  readonly view: string;
  readonly kind: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly watermark: string;
  readonly state: string;
}

/**
 * For each view, the runs that were at work on the day, and the last one that ended before it.
 *
 * @param runsOfViews  one list per view, each in order of time
 * @returns            all of them, in the order of their start
 */
export function runsOfDay(
  runsOfViews: readonly (readonly RunRecord[])[],
  fromUs: number,
  toUs: number,
): RunSnapshot[] {
  const runs = runsOfViews.flatMap((ofView) => {
    const before = ofView.filter(({ finishedUs }) => finishedUs !== null && finishedUs < fromUs);
    const atWork = ofView.filter(
      ({ startedUs, finishedUs }) => (finishedUs === null || finishedUs >= fromUs) && startedUs < toUs,
    );
    return [...before.slice(-1), ...atWork];
  });
  return runs.map(snapshotOf).toSorted(byStart);
}

function snapshotOf(run: RunRecord): RunSnapshot {
  return {
    runId: run.runId,
    view: run.view,
    kind: run.kind,
    startedAt: formatTimestamp(run.startedUs),
    finishedAt: run.finishedUs === null ? null : formatTimestamp(run.finishedUs),
    watermark: formatTimestamp(run.watermarkUs),
    state: run.state,
  };
}

function byStart(a: RunSnapshot, b: RunSnapshot): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0;
}
