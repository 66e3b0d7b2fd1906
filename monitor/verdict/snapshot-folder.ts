/**
 * The folder of verdicts. All paths in it are made in this file.
 *
 *   {reports}/{service}/{date}.json       the snapshot
 *                       {date}.html       the report, drawn from the snapshot
 *                       {date}.parquet    the judged rows: those that differ, and a sample of the others
 *                       {date}.sketches.json   what was served, in small: later days are compared with it
 *                       {date}T{hour}.…        the same of one hour, without sketches
 *
 * Judging a day again replaces all of its files: a settled verdict replaces the provisional one. Hours and days do not
 * replace each other; hours are kept for 31 days, and for as long as an alert may be of one. A span, as these functions
 * take it, is the text of a day or an hour (judged-span.ts).
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { removeAsides, writeDurably } from '../../contract/std/files/durable-file.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { DAY_US, dayOf, parseTimestamp } from '../../contract/std/timestamp.ts';
import { monitorError } from '../errors.ts';
import { spanText } from '../judged-span.ts';
import { earlierDay } from './earlier-day.ts';
import type { EarlierDay } from './earlier-day.ts';
import { faultsOf } from './faults.ts';
import { requireWhole } from '../snapshot-shape.ts';
import { boundedSnapshot, snapshotText } from './snapshot-bounds.ts';
import { SNAPSHOT_VERSION } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

const TREND_DAYS = 30;
/** Judged days, days of which an hour alone was judged among them. */
const ALERT_DAYS = 30;
const HOURS_DAYS = 31;
const SNAPSHOT_FILE = /^(\d{4}-\d\d-\d\d)(T\d\d)?\.json$/;
const HOUR_FILE = /^\d{4}-\d\d-\d\dT\d\d\.(json|html|parquet)$/;

export function snapshotFile(reports: string, service: string, span: string): string {
  return join(reports, service, `${span}.json`);
}

export function reportFile(reports: string, service: string, span: string): string {
  return join(reports, service, `${span}.html`);
}

export function judgedRowsFile(reports: string, service: string, span: string): string {
  return join(reports, service, `${span}.parquet`);
}

export function sketchesFile(reports: string, service: string, date: string): string {
  return join(reports, service, `${date}.sketches.json`);
}

/**
 * Replaces the verdict on the day or hour, and keeps what earlier ones on the day found at fault.
 *
 * @returns what was written
 * @throws  MON_REPORTS
 */
export function writeSnapshot(reports: string, snapshot: Snapshot): Snapshot {
  const { service, date, hour } = snapshot;
  const earlierFaults = hour === undefined ? faultsBefore(reports, service, date) : null;
  const bounded = boundedSnapshot(earlierFaults === null ? snapshot : { ...snapshot, earlierFaults });
  write(snapshotFile(reports, service, spanText(snapshot)), bounded.text);
  removeOldHours(reports, service, date);
  removeAsides(join(reports, service), Date.now());
  return bounded.snapshot;
}

/**
 * Replaces a verdict by what was added to it, as it is.
 *
 * @throws MON_REPORTS
 */
export function amendSnapshot(reports: string, snapshot: Snapshot): void {
  write(snapshotFile(reports, snapshot.service, spanText(snapshot)), snapshotText(snapshot));
}

function removeOldHours(reports: string, service: string, date: string): void {
  const oldestKept = dayOf(Number(parseTimestamp(date)) - HOURS_DAYS * DAY_US);
  const oldestAlert = oldestAlertDay(reports, service);
  const oldest = oldestAlert < oldestKept ? oldestAlert : oldestKept;
  for (const name of namesIn(join(reports, service))) {
    if (HOUR_FILE.test(name) && name < oldest) rmSync(join(reports, service, name), { force: true });
  }
}

/** @returns null: the day was not judged before, or what was written then cannot be read */
function faultsBefore(reports: string, service: string, date: string): Snapshot['earlierFaults'] | null {
  let before: Snapshot | null;
  try {
    before = readSnapshot(reports, service, date);
  } catch {
    return null;
  }
  if (before === null) return null;
  const { earlierFaults: kept } = before;
  // What a settled verdict found that no earlier one had is not known earlier by being found again.
  const isLate = kept !== undefined && !before.provisional;
  const all = [...(kept ?? []), ...(isLate ? [] : faultsOf(before))];
  const known = new Map(all.map(({ view, cause }) => [JSON.stringify([view, cause]), { view, cause }]));
  return [...known.values()];
}

/** @throws MON_REPORTS */
export function writeReport(reports: string, snapshot: Snapshot, html: string): void {
  write(reportFile(reports, snapshot.service, spanText(snapshot)), html);
}

function write(file: string, text: string): void {
  try {
    writeDurably(file, text);
  } catch (error) {
    const why = (error as Error).message;
    throw monitorError('MON_REPORTS', `${file} cannot be written: ${why}`, { file }, error);
  }
}

/**
 * @returns the verdict on a day or an hour; null when it was not judged
 * @throws  MON_SNAPSHOT when the file is none, or of another version of this program
 */
export function readSnapshot(reports: string, service: string, span: string): Snapshot | null {
  const file = snapshotFile(reports, service, span);
  try {
    const snapshot = JSON.parse(readRegularText(file)) as Partial<Snapshot> | null;
    if (snapshot?.version !== SNAPSHOT_VERSION) {
      const found = snapshot?.version === undefined ? 'none' : `of version ${snapshot.version}`;
      throw new Error(`it should be a snapshot of version ${SNAPSHOT_VERSION}, and is ${found}`);
    }
    requireWhole(snapshot);
    return snapshot as Snapshot;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const why = (error as Error).message;
    throw monitorError('MON_SNAPSHOT', `${file} cannot be read: ${why}`, { file }, error);
  }
}

/**
 * @returns what later days ask of the verdicts before a date, oldest first, at most 30; skips, with a warning, one that
 *          cannot be read or is of another version
 */
export function readEarlier(reports: string, service: string, date: string, logger: Logger): EarlierDay[] {
  const dates = judgedDates(reports, service).filter((earlier) => earlier < date);
  return dates.slice(-TREND_DAYS).flatMap((earlier) => {
    try {
      const snapshot = readSnapshot(reports, service, earlier);
      return snapshot === null ? [] : [earlierDay(snapshot, earlier)];
    } catch (error) {
      logger.warn(`the verdict of ${earlier} is left out of the trend: ${(error as Error).message}`);
      return [];
    }
  });
}

/** @returns the first of the judged days that alerts may be of; empty: they may be of all */
export function oldestAlertDay(reports: string, service: string): string {
  const dates = namesIn(join(reports, service)).flatMap((name) => SNAPSHOT_FILE.exec(name)?.[1] ?? []);
  return [...new Set(dates)].at(-ALERT_DAYS) ?? '';
}

/** @returns the services of which there is a verdict, in order of their names */
export function judgedServices(reports: string): string[] {
  return namesIn(reports).filter((service) => judgedDates(reports, service).length > 0);
}

/** @returns the days of which there is a verdict, oldest first */
export function judgedDates(reports: string, service: string): string[] {
  return namesIn(join(reports, service))
    .filter((file) => /^\d{4}-\d\d-\d\d\.json$/.test(file))
    .map((file) => file.slice(0, 10));
}

/** What lies in a folder, in order; nothing where there is no such folder. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
