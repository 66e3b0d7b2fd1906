/**
 * Draws the pages of the folder of reports: of a day, with links to the day before and after it, and the index of all.
 *
 *   {reports}/index.html            all services and days
 *             {service}/{date}.html  a day; its neighbours are drawn again when it is new, so that they link to it
 *                       {date}T{hour}.html  an hour that was judged alone; it leads to the index only
 *
 * Each file is written aside and renamed: a reader never sees half a page, and what a crash left out is drawn by the
 * next run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../contract/std/logger.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { monitorError } from '../errors.ts';
import { readSnapshot, reportFile, writeReport } from '../verdict/snapshot-folder.ts';
import type { Snapshot } from '../verdict/snapshot.ts';
import type { Neighbours } from './html/headline.ts';
import { renderIndex } from './html/index-page.ts';
import { renderReport } from './html/report.ts';
import { datesOf, judgedDates } from './judged-days.ts';

/**
 * Draws a day's page, and those of the days beside it; or an hour's.
 *
 * @throws MON_REPORTS when a page cannot be written
 */
export function drawDay(reports: string, snapshot: Snapshot, logger: Logger): void {
  const { service, date, hour } = snapshot;
  if (hour !== undefined) {
    writeReport(reports, snapshot, renderReport(snapshot, { previous: null, next: null }));
    return;
  }
  const dates = datesOf(reports, service).filter(
    (one) => one === date || existsSync(reportFile(reports, service, one)),
  );
  writeReport(reports, snapshot, renderReport(snapshot, neighboursOf(dates, date)));
  const { previous, next } = neighboursOf(dates, date);
  for (const beside of [previous, next]) {
    if (beside !== null) redraw(reports, service, beside, { dates, logger });
  }
}

function redraw(
  reports: string,
  service: string,
  date: string,
  { dates, logger }: { readonly dates: readonly string[]; readonly logger: Logger },
): void {
  let snapshot: Snapshot | null;
  let page: string;
  try {
    snapshot = readSnapshot(reports, service, date);
    if (snapshot === null) return;
    page = renderReport(snapshot, neighboursOf(dates, date));
  } catch (error) {
    logger.warn(`the page of ${date} is not drawn again: ${(error as Error).message}`);
    return;
  }
  writeReport(reports, snapshot, page);
}

function neighboursOf(dates: readonly string[], date: string): Neighbours {
  const previous = dates.findLast((one) => one < date) ?? null;
  const next = dates.find((one) => one > date) ?? null;
  return { previous, next };
}

function indexFile(reports: string): string {
  return join(reports, 'index.html');
}

/**
 * Draws the index anew, from the snapshots that are there.
 *
 * @throws MON_REPORTS when it cannot be written
 */
export function drawIndex(reports: string, project: string): void {
  const file = indexFile(reports);
  try {
    writeDurably(file, renderIndex(project, judgedDates(reports)));
  } catch (error) {
    throw monitorError(
      'MON_REPORTS',
      `${file} cannot be written: ${(error as Error).message}`,
      { file },
      error,
    );
  }
}
