/** The runs of a view at a time: those that ended just before and after it, and those that brought the rows. Pure. */
import { hasHistory } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { RowFacts } from '../causes/facts.ts';
import type { EntityRow } from './entity-rows.ts';
import type { ExplainedRun } from './explanation.ts';

/** Ids of the runs that brought the row as trained and the served one; null: not known. */
interface Writers {
  readonly trained: string | null;
  readonly served: string | null;
}

/**
 * The served row bears the time at which it was written, and that tells its run. Of a row of a stored view without
 * created times nobody knows when it was there to be read, so no run is named for it.
 *
 * @param rows  the entity's rows
 */
export function writersOf(
  rows: readonly Pick<EntityRow, 'eventUs' | 'createdUs' | 'runId'>[],
  {
    view,
    served,
    writer,
    missedReplayed,
    replayed,
  }: Pick<RowFacts, 'view' | 'served' | 'writer' | 'missedReplayed' | 'replayed'>,
): Writers {
  const own = rows.find((row) => row.eventUs === served?.eventUs && row.createdUs === served.createdUs);
  const servedBy = writer?.runId ?? own?.runId ?? null;
  const isServed =
    served !== null && replayed?.eventUs === served.eventUs && replayed.createdUs === served.createdUs;
  if (isServed) return { trained: servedBy, served: servedBy };
  const isDated = hasHistory(view) || (replayed !== null && replayed.createdUs !== null);
  const missedRun = isDated ? missedReplayed?.run?.runId : undefined;
  return { trained: missedRun ?? replayed?.runId ?? null, served: servedBy };
}

const BEFORE = 2;
const AFTER = 2;

/**
 * @param runs  of one view, in the order of their start
 * @returns     in the order of their start
 */
export function runsAround(runs: readonly RunRecord[], atUs: number, writers: Writers): ExplainedRun[] {
  const endUs = ({ finishedUs, startedUs }: RunRecord): number => finishedUs ?? startedUs;
  const before = runs.filter((run) => endUs(run) <= atUs).slice(-BEFORE);
  const after = runs.filter((run) => endUs(run) > atUs).slice(0, AFTER);
  const named = new Set([...before, ...after].map(({ runId }) => runId));
  for (const id of [writers.trained, writers.served]) if (id !== null) named.add(id);
  return runs.filter(({ runId }) => named.has(runId)).map((run) => explained(run, writers));
}

function explained(run: RunRecord, writers: Writers): ExplainedRun {
  const is: ExplainedRun['is'][number][] = [];
  if (run.runId === writers.trained) is.push('brought the row as trained');
  if (run.runId === writers.served) is.push('brought the served row');
  return {
    runId: run.runId,
    kind: run.kind,
    state: run.state,
    startedAt: formatTimestamp(run.startedUs),
    finishedAt: run.finishedUs === null ? null : formatTimestamp(run.finishedUs),
    watermark: run.state === 'complete' ? formatTimestamp(run.watermarkUs) : null,
    read: run.read,
    counted: run.counted,
    late: run.lateEvents,
    rejected: run.rejected,
    error: run.error,
    is,
  };
}
