/**
 * Brings the history of a view that has one up to date: makes what it lacks, of an aggregated view from events, of a
 * snapshot view from the rows of its source; refuses a run that leaves too much out, and appends. Nothing is visible to
 * a reader before the append.
 *
 * Called by materialize.ts, one run of a view at a time.
 */
import { seenHistory } from '../project/history/history-place.ts';
import { checkLeftOut, warnLeftOut, warnLost } from './run/left-out.ts';
import { NO_ROWS, recordedCounts } from './run/row-counts.ts';
import type { AppendedHistory } from './run/run-record.ts';
import type { ViewRun } from './run/view-run.ts';
import { prepareHistory } from './history/compute.ts';
import type { PreparedHistory } from './history/compute.ts';
import { prepareSnapshot } from './snapshot/snapshot-rows.ts';

/** @returns nothing new where another run of the same set has done it. @throws as `appendHistory` */
export async function broughtUpToDate(run: ViewRun): Promise<AppendedHistory> {
  const { shard, settings, view, range } = run;
  if (shard === null || shard.set === run.runId) return appendHistory(run);
  const mark = (await seenHistory(settings, view))?.lastMark() ?? null;
  if (mark?.runId !== shard.set) return appendHistory(run);
  return { ...recordedCounts(NO_ROWS), historyRows: 0, fromUs: range.fromUs };
}

/** @throws as `prepareSnapshot` and `prepareHistory` */
export async function prepareRows(run: ViewRun): Promise<PreparedHistory> {
  return run.view.kind === 'snapshot' ? await prepareSnapshot(run) : await prepareHistory(run);
}

/** @throws MAT_REJECTED, MAT_TOO_LATE, and what `prepareRows` and its `publish` throw; nothing is appended then */
async function appendHistory(run: ViewRun): Promise<AppendedHistory> {
  const prepared = await prepareRows(run);
  try {
    checkLeftOut(run, prepared.counts);
    await run.clock.runLasted(run.startedUs);
    const { historyRows, fromUs } = await prepared.publish(run.clock.nowUs());
    warnAbout(run, prepared);
    return { ...recordedCounts(prepared.counts), historyRows, fromUs };
  } catch (error) {
    await prepared.discard();
    throw error;
  }
}

/** Warns of what the rows leave out, and where their values are not what one might expect. */
export function warnAbout(run: ViewRun, { counts, lost }: Pick<PreparedHistory, 'counts' | 'lost'>): void {
  warnLeftOut(run, counts);
  for (const warning of counts.warnings) run.logger.warn(`${run.view.id}: ${warning}`);
  warnLost(run, lost);
}
