/**
 * What a run leaves out, in words: rows that were refused and events that came too late, how many may be, and what to
 * set so that they count. Pure.
 */
import type { FeatureView } from '../../contract/model.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { materializerError } from '../errors.ts';
import type { LostValues } from '../history/history-append.ts';
import type { Judgement } from '../history/refused-events.ts';

const HOUR_US = 3_600_000_000;

/** @throws MAT_REJECTED when a larger share of what was judged had to be rejected than the project allows */
export function checkRejected(
  maxRejectedShare: number,
  view: string,
  found: Pick<Judgement, 'judged' | 'rejected' | 'reasons' | 'rejectFile'>,
): void {
  const { judged, rejected, rejectFile } = found;
  if (rejected <= maxRejectedShare * judged) return;
  throw materializerError(
    'MAT_REJECTED',
    `${rejected} of ${judged} rows of ${view} were rejected (${reasonsText(found.reasons)}), and ` +
      `materialize.maxRejectedShare allows ${maxRejectedShare * 100} %${seeText(rejectFile)}`,
    rejectFile === null ? {} : { file: rejectFile },
  );
}

/** @throws MAT_TOO_LATE when a larger share of the new events came too late than the project allows */
export function checkLate(
  maxLateShare: number,
  view: Pick<FeatureView, 'id' | 'latenessUs'>,
  found: Pick<Judgement, 'judged' | 'lateEvents' | 'latenessNeededUs' | 'lateFile'>,
): void {
  const { judged, lateEvents, lateFile } = found;
  if (lateEvents <= maxLateShare * judged) return;
  throw materializerError(
    'MAT_TOO_LATE',
    `${lateSentence(view, found)}, and materialize.maxLateShare allows ${maxLateShare * 100} %${seeText(lateFile)}`,
    lateFile === null ? {} : { file: lateFile, field: 'lateness' },
  );
}

/** @returns one sentence for each kind of row that the run leaves out */
export function leftOutWarnings(
  view: Pick<FeatureView, 'id' | 'latenessUs'>,
  found: Pick<
    Judgement,
    'judged' | 'rejected' | 'reasons' | 'rejectFile' | 'lateEvents' | 'latenessNeededUs' | 'lateFile'
  >,
): string[] {
  const { judged, rejected, reasons, rejectFile, lateEvents, lateFile } = found;
  const warnings: string[] = [];
  if (rejected > 0) {
    const rows = `${rejected} of ${judged} new rows ${rejected === 1 ? 'is' : 'are'} rejected`;
    warnings.push(`${view.id}: ${rows} (${reasonsText(reasons)})${seeText(rejectFile)}`);
  }
  if (lateEvents > 0) warnings.push(`${lateSentence(view, found)}${seeText(lateFile)}`);
  return warnings;
}

/** @returns one sentence for each feature that is null where its value cannot be held */
export function lostWarnings(view: string, lost: readonly LostValues[]): string[] {
  return lost.map(({ feature, edges, entity }) => {
    const where = `${edges} ${edges === 1 ? 'row' : 'rows'}, first of ${entity}`;
    return `${view}: ${feature} is null in ${where}: its value there does not fit its type`;
  });
}

/** A dry run keeps no file. */
function seeText(file: string | null): string {
  return file === null ? '' : `: see ${file}`;
}

function lateSentence(
  { id, latenessUs }: Pick<FeatureView, 'id' | 'latenessUs'>,
  { judged, lateEvents, latenessNeededUs }: Pick<Judgement, 'judged' | 'lateEvents' | 'latenessNeededUs'>,
): string {
  const events = `${lateEvents} of ${judged} new events of ${id} came later than its lateness of`;
  return (
    `${events} ${formatDuration(latenessUs)} and ${lateEvents === 1 ? 'is' : 'are'} left out; ` +
    `lateness: ${allowanceText(latenessNeededUs!)} would take ${lateEvents === 1 ? 'it' : 'them'}`
  );
}

/** Whole hours, rounded up: an allowance that somebody would write into a definition. */
export function allowanceText(us: number): string {
  return formatDuration(Math.ceil(us / HOUR_US) * HOUR_US);
}

/** @returns `4 user_id is null, 2 price is NaN or infinite` */
export function reasonsText(reasons: ReadonlyMap<string, number>): string {
  return [...reasons].map(([reason, rows]) => `${rows} ${reason}`).join(', ');
}
