/**
 * Runs that share a view's rows (`--shard i/n`): each writes its part, has a record of its own, and names the set that
 * it belongs to. To all who ask what a view's runs have achieved a set is one run, complete when each part is. Pure.
 */
import { MISFIT } from './run-record.ts';
import type { RunRecord, Shard } from './run-record.ts';

/** @returns `1/2` */
export function shardText({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * @param runs  of one or several views, in the order in which they are to stand
 * @returns     the same with one record in place of each set, where its first stood
 */
export function wholeRuns(runs: readonly RunRecord[]): RunRecord[] {
  const sets = new Map<string, RunRecord[]>();
  for (const run of runs) {
    if (run.shard === undefined) continue;
    const others = sets.get(run.shard.set);
    if (others === undefined) sets.set(run.shard.set, [run]);
    else others.push(run);
  }
  if (sets.size === 0) return [...runs];
  return runs.flatMap((run) => {
    if (run.shard === undefined) return [run];
    const parts = sets.get(run.shard.set)!;
    return parts[0] === run ? [wholeRun(parts)] : [];
  });
}

/**
 * @param runs  of one view, oldest first
 * @returns     the last run that was complete, or stream that has committed: it says up to when the view is; else null
 */
export function lastAchieved(runs: readonly RunRecord[]): RunRecord | null {
  const isAchieved = ({ state, kind, watermarkUs }: RunRecord): boolean =>
    state === 'complete' || (kind === 'stream' && watermarkUs > 0);
  return runs.findLast(isAchieved) ?? null;
}

/** @returns the parts of a set that are complete, by index */
export function completeParts(parts: readonly RunRecord[]): Map<number, RunRecord> {
  const complete = parts.filter(({ state }) => state === 'complete');
  return new Map(complete.map((run) => [run.shard!.index, run]));
}

function wholeRun(parts: readonly RunRecord[]): RunRecord {
  const complete = [...completeParts(parts).values()];
  const isComplete = complete.length === parts[0]!.shard!.count;
  const failed = parts.find(({ state }) => state === 'failed');
  const state = isComplete ? 'complete' : failed !== undefined && !isUnderWay(parts) ? 'failed' : 'running';
  const of = isComplete ? complete : parts;
  const sum = (name: 'written' | 'older' | 'equal' | 'conflict' | 'superseded'): number =>
    of.reduce((total, run) => total + run[name], 0);
  // What was read is the same of all, or stands in the record of the one that computed the history.
  const first = of.reduce((most, run) => (run.read > most.read ? run : most));
  const { shard, ...rest } = first;
  const { set, startedUs } = shard!;
  const others = of.reduce((total, run) => total + misfits(run), 0) - misfits(first);
  const { rejectReasons } = first;
  return {
    ...rest,
    runId: set,
    startedUs,
    finishedUs: state === 'running' ? null : of.reduce((last, run) => Math.max(last, run.finishedUs ?? 0), 0),
    historyRows: of.reduce((total, run) => total + run.historyRows, 0),
    written: sum('written'),
    older: sum('older'),
    equal: sum('equal'),
    conflict: sum('conflict'),
    superseded: sum('superseded'),
    rejected: first.rejected + others,
    counted: first.counted - others,
    rejectReasons: others === 0 ? rejectReasons : { ...rejectReasons, [MISFIT]: misfits(first) + others },
    resumed: of.reduce((total, run) => total + (run.resumed ?? 0), 0),
    state,
    error: state === 'failed' ? failed!.error : null,
  };
}

function misfits({ rejectReasons }: RunRecord): number {
  return rejectReasons[MISFIT] ?? 0;
}

function isUnderWay(parts: readonly RunRecord[]): boolean {
  return parts.some(({ state }) => state === 'running');
}
