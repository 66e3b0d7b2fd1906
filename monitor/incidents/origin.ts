/** What brought a mismatch about, by its cause: the run of a row, the pod that answered, or neither. Pure. */
import type { AskedRow, RowFacts } from '../causes/facts.ts';
import type { Cause } from '../causes/cause.ts';
import type { IncidentOrigin } from '../verdict/judged-view.ts';

/** The oldest row that serving missed should have come with a run. */
const MISSED: ReadonlySet<Cause> = new Set(['cache age', 'materialization lag', 'missing online']);
/** The row that training joins came with a run, too late. */
const CAME_LATER: ReadonlySet<Cause> = new Set(['late arrival', 'rewritten history']);
/** The served row is a wrong one: the run that wrote it, if one was at work then. */
const WRITTEN: ReadonlySet<Cause> = new Set([
  'foreign row',
  'null or default substituted',
  'precision / type',
  'changed in place',
  'missing in history',
  'unexplained',
]);
const OF_POD: ReadonlySet<Cause> = new Set(['clock skew', 'answer altered']);

/** @param pod  that answered */
export function originOf(row: RowFacts, cause: Cause, pod: string): IncidentOrigin {
  if (OF_POD.has(cause)) return { run: null, pod };
  if (MISSED.has(cause)) return { run: runOf(row.missed ?? row.missedReplayed), pod: null };
  if (WRITTEN.has(cause)) return { run: row.writer?.runId ?? null, pod: null };
  if (!CAME_LATER.has(cause)) return { run: null, pod: null };
  return { run: row.missedReplayed?.run?.runId ?? row.replayed?.runId ?? null, pod: null };
}

/** A run that failed over the row is to blame, and not the one that brought it afterwards. */
function runOf(missed: AskedRow | null): string | null {
  return missed?.failed?.runId ?? missed?.run?.runId ?? missed?.times.runId ?? null;
}
