/**
 * The folder of verdicts. All paths in it are made in this file.
 *
 *   {reports}/{service}/{date}.json       the snapshot
 *                       {date}.html       the report, drawn from the snapshot
 *                       {date}.parquet    every mismatch
 *                       {date}.sketches.json   what was served, in small: later days are compared with it
 *
 * Judging a day again replaces all of them: a settled verdict replaces the provisional one.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { monitorError } from '../errors.ts';
import { earlierDay } from './earlier-day.ts';
import type { EarlierDay } from './earlier-day.ts';
import { faultsOf } from './faults.ts';
import { SNAPSHOT_VERSION } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

const TREND_DAYS = 30;

export function snapshotFile(reports: string, service: string, date: string): string {
  return join(reports, service, `${date}.json`);
}

export function reportFile(reports: string, service: string, date: string): string {
  return join(reports, service, `${date}.html`);
}

export function judgedValuesFile(reports: string, service: string, date: string): string {
  return join(reports, service, `${date}.parquet`);
}

export function sketchesFile(reports: string, service: string, date: string): string {
  return join(reports, service, `${date}.sketches.json`);
}

/**
 * Replaces the verdict on the day, and keeps what earlier ones on it found at fault.
 *
 * @returns what was written
 * @throws  MON_REPORTS
 */
export function writeSnapshot(reports: string, snapshot: Snapshot): Snapshot {
  const { service, date } = snapshot;
  const earlierFaults = faultsBefore(reports, service, date);
  const content = earlierFaults === null ? snapshot : { ...snapshot, earlierFaults };
  write(snapshotFile(reports, service, date), `${JSON.stringify(content, null, 1)}\n`);
  return content;
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
export function writeReport(reports: string, { service, date }: Snapshot, html: string): void {
  write(reportFile(reports, service, date), html);
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
 * @returns the verdict of a day; null when the day was not judged
 * @throws  MON_SNAPSHOT when the file is none, or of another version of this program
 */
export function readSnapshot(reports: string, service: string, date: string): Snapshot | null {
  const file = snapshotFile(reports, service, date);
  try {
    const snapshot = JSON.parse(readRegularText(file)) as Partial<Snapshot> | null;
    if (snapshot?.version === SNAPSHOT_VERSION) return snapshot as Snapshot;
    const found = snapshot?.version === undefined ? 'none' : `of version ${snapshot.version}`;
    throw new Error(`it should be a snapshot of version ${SNAPSHOT_VERSION}, and is ${found}`);
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
