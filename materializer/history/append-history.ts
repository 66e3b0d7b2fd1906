/**
 * Brings the history of an aggregated view up to date: computes what it lacks, refuses a run that leaves too much out,
 * and appends. Nothing is visible to a reader before the append.
 *
 * Called by materialize.ts, one run of a view at a time.
 */
import { seenHistory } from '../../project/history/history-place.ts';
import { checkLeftOut, warnLeftOut, warnLost } from '../run/left-out.ts';
import { NO_ROWS, recordedCounts } from '../run/row-counts.ts';
import type { AppendedHistory } from '../run/run-record.ts';
import type { ViewRun } from '../run/view-run.ts';
import { prepareHistory } from './compute.ts';
import type { PreparedHistory } from './compute.ts';

/** @returns nothing new where another run of the same set has done it. @throws as `appendHistory` */
export async function broughtUpToDate(run: ViewRun): Promise<AppendedHistory> {
  const { shard, settings, view, range } = run;
  if (shard === null || shard.set === run.runId) return appendHistory(run);
  const mark = (await seenHistory(settings, view))?.lastMark() ?? null;
  if (mark?.runId !== shard.set) return appendHistory(run);
  return { ...recordedCounts(NO_ROWS), historyRows: 0, fromUs: range.fromUs };
}

/** @throws MAT_REJECTED, MAT_TOO_LATE, and what `prepareHistory` and its `publish` throw; nothing is appended then */
async function appendHistory(run: ViewRun): Promise<AppendedHistory> {
  const prepared = await prepareHistory(run);
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
