/**
 * The folder of verdicts. All paths in it are made in this file.
 *
 *   {reports}/{service}/{date}.json       the snapshot
 *                       {date}.html       the report, drawn from the snapshot
 *                       {date}.parquet    every judged value
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
import { SNAPSHOT_VERSION } from './snapshot.ts';
import type { Snapshot, TrendPoint } from './snapshot.ts';

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

/** @throws MON_REPORTS */
export function writeSnapshot(reports: string, snapshot: Snapshot): void {
  write(snapshotFile(reports, snapshot.service, snapshot.date), `${JSON.stringify(snapshot, null, 1)}\n`);
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
 * @returns the verdicts before a date, oldest first, at most 30; skips, with a warning, one that cannot be read or is
 *          of another version
 */
export function readTrend(reports: string, service: string, date: string, logger: Logger): TrendPoint[] {
  const points: TrendPoint[] = [];
  for (const earlier of datesBefore(join(reports, service), date)) {
    try {
      const snapshot = readSnapshot(reports, service, earlier);
      if (snapshot === null) continue;
      points.push({
        date: earlier,
        verdict: snapshot.verdict,
        provisional: snapshot.provisional,
        exactMatch: Object.fromEntries(snapshot.features.map((f) => [f.name, f.exactMatch])),
        exactMatchWithinPromise: Object.fromEntries(
          snapshot.features.map((f) => [f.name, f.exactMatchWithinPromise]),
        ),
        interval: Object.fromEntries(snapshot.features.map((f) => [f.name, f.interval])),
      });
    } catch (error) {
      logger.warn(`the verdict of ${earlier} is left out of the trend: ${(error as Error).message}`);
    }
  }
  return points;
}

function datesBefore(folder: string, date: string): string[] {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch {
    return [];
  }
  return files
    .filter((file) => /^\d{4}-\d\d-\d\d\.json$/.test(file))
    .map((file) => file.slice(0, 10))
    .filter((earlier) => earlier < date)
    .toSorted()
    .slice(-TREND_DAYS);
}
