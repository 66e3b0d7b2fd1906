/**
 * What a run leaves out, in words: rows that were refused, events that came too late, values that cannot be held; how
 * many of them may be, and what to set so that they count. Pure, but for the logger of `warnLeftOut`.
 */
import type { FeatureView } from '../../contract/model.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { materializerError } from '../errors.ts';
import type { RowCounts } from './row-counts.ts';
import type { ViewRun } from './view-run.ts';

const HOUR_US = 3_600_000_000;

/** A feature that is null at edges where its value cannot be held. */
export interface LostValues {
  readonly feature: string;
  readonly edges: number;
  /** One of those it happened to, such as `customer_id=12`. */
  readonly entity: string;
}

/** A view, and the largest shares of its new rows that may be left out. */
interface Limited extends Pick<ViewRun, 'view'> {
  readonly settings: {
    readonly materialize: Pick<ViewRun['settings']['materialize'], 'maxRejectedShare' | 'maxLateShare'>;
  };
}

/**
 * @throws MAT_REJECTED, MAT_TOO_LATE when a larger share of the new rows had to be rejected, or came too late, than the
 *         project allows
 */
export function checkLeftOut({ view, settings }: Limited, counts: RowCounts): void {
  const { maxRejectedShare, maxLateShare } = settings.materialize;
  const { read, rejected, idle, rejectFile, lateEvents, lateFile } = counts;
  if (rejected - idle > maxRejectedShare * read) {
    throw materializerError(
      'MAT_REJECTED',
      `${rejected} of ${read} rows of ${view.id} were rejected (${reasonsText(counts.reasons)}), and ` +
        `materialize.maxRejectedShare allows ${maxRejectedShare * 100} %${seeText(rejectFile)}`,
      rejectFile === null ? {} : { file: rejectFile },
    );
  }
  if (lateEvents > maxLateShare * read) {
    throw materializerError(
      'MAT_TOO_LATE',
      `${lateSentence(view, counts)}, and materialize.maxLateShare allows ${maxLateShare * 100} %${seeText(lateFile)}`,
      lateFile === null ? {} : { file: lateFile, field: 'lateness' },
    );
  }
}

/** Warns with one sentence for each kind of row that the run leaves out. */
export function warnLeftOut({ view, logger }: Pick<ViewRun, 'view' | 'logger'>, counts: RowCounts): void {
  const { read, rejected, reasons, rejectFile, lateEvents, lateFile } = counts;
  if (rejected > 0) {
    const rows = `${rejected} of ${read} new rows ${rejected === 1 ? 'is' : 'are'} rejected`;
    logger.warn(`${view.id}: ${rows} (${reasonsText(reasons)})${seeText(rejectFile)}`);
  }
  if (lateEvents > 0) logger.warn(`${lateSentence(view, counts)}${seeText(lateFile)}`);
}

/** Warns with one sentence for each feature that is null where its value cannot be held. */
export function warnLost(
  { view, logger }: Pick<ViewRun, 'view' | 'logger'>,
  lost: readonly LostValues[],
): void {
  for (const { feature, edges, entity } of lost) {
    const where = `${edges} ${edges === 1 ? 'row' : 'rows'}, first of ${entity}`;
    logger.warn(`${view.id}: ${feature} is null in ${where}: its value there does not fit its type`);
  }
}

/** A dry run keeps no file. */
function seeText(file: string | null): string {
  return file === null ? '' : `: see ${file}`;
}

function lateSentence(
  { id, latenessUs }: Pick<FeatureView, 'id' | 'latenessUs'>,
  { read, lateEvents, latenessNeededUs }: Pick<RowCounts, 'read' | 'lateEvents' | 'latenessNeededUs'>,
): string {
  const events = `${lateEvents} of ${read} new events of ${id} came later than its lateness of`;
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
