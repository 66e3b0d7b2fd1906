/** What brought a mismatch about, by its cause: the run of a row, the pod that answered, or neither. Pure. */
import type { Cause } from '../../contract/cause.ts';
import { missedBy } from '../causes/explain.ts';
import type { AskedRow, RowFacts } from '../causes/facts.ts';
import type { IncidentOrigin } from '../verdict/judged-view.ts';

/** The row that serving missed should have come sooner: with the run that failed over it, or else with its own. */
const DUE: ReadonlySet<Cause> = new Set(['cache age', 'materialization lag']);
/** It came with its run, and was lost since, or could not come sooner. */
const BROUGHT: ReadonlySet<Cause> = new Set(['missing online', 'late arrival', 'rewritten history']);
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

/** Whether the run of a cause is one that was at work when the row came online: it need not have written it. */
export function isRunAtWork(cause: Cause): boolean {
  return WRITTEN.has(cause);
}

/** @param pod  that answered */
export function originOf(row: RowFacts, cause: Cause, pod: string): IncidentOrigin {
  if (OF_POD.has(cause)) return { run: null, pod };
  if (WRITTEN.has(cause)) return { run: row.writer?.runId ?? null, pod: null };
  if (!DUE.has(cause) && !BROUGHT.has(cause)) return { run: null, pod: null };
  const missed = missedBy(row, cause);
  const failed = DUE.has(cause) ? missed?.failed : null;
  return { run: failed?.runId ?? runOf(missed), pod: null };
}

function runOf(missed: AskedRow | null): string | null {
  return missed?.run?.runId ?? missed?.times.runId ?? null;
}
