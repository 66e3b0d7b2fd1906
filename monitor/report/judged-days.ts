/**
 * Which days of which services were judged, with the verdict of each: what the index and the links between pages are
 * made of.
 *
 * Verdicts are kept in `{reports}/index.json` beside the time and the size of the snapshot that they were read from, so
 * that a year of snapshots is not read again after each run. It may be removed at any time: what it lacks is read.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { readSnapshot, reportFile, snapshotFile } from '../verdict/snapshot-folder.ts';
import type { Snapshot, Verdict } from '../verdict/snapshot.ts';

export interface JudgedDate {
  readonly service: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** null: the snapshot cannot be read; `sentence` says why. */
  readonly verdict: Verdict | null;
  readonly sentence: string;
  readonly provisional: boolean;
  /** Whether its page is there. */
  readonly hasPage: boolean;
}

/** What of a date stands in its snapshot. */
interface KeptDate extends Omit<JudgedDate, 'hasPage'> {
  /** Of the snapshot that it was read from. */
  readonly mtimeMs: number;
  readonly size: number;
}

const KEPT = 'index.json';
const SNAPSHOT = /^(\d{4}-\d\d-\d\d)\.json$/;

/** @returns the services that have a snapshot, by name */
export function servicesOf(reports: string): string[] {
  return namesIn(reports)
    .filter((name) => datesOf(reports, name).length > 0)
    .toSorted();
}

/** @returns the dates of a service that have a snapshot, oldest first */
export function datesOf(reports: string, service: string): string[] {
  return namesIn(join(reports, service))
    .flatMap((name) => SNAPSHOT.exec(name)?.[1] ?? [])
    .toSorted();
}

/**
 * @returns all days of all services: services by name, days newest first
 * @throws  the file system's error when the folder cannot be written
 */
export function judgedDates(reports: string): JudgedDate[] {
  const known = new Map(keptDates(reports).map((kept) => [`${kept.service} ${kept.date}`, kept]));
  const kept: KeptDate[] = [];
  for (const service of servicesOf(reports)) {
    for (const date of datesOf(reports, service).toReversed()) {
      const stat = statSync(snapshotFile(reports, service, date), { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const { mtimeMs, size } = stat;
      const before = known.get(`${service} ${date}`);
      const isKnown = before !== undefined && before.mtimeMs === mtimeMs && before.size === size;
      kept.push(isKnown ? before : { ...readDate(reports, service, date), mtimeMs, size });
    }
  }
  writeDurably(join(reports, KEPT), `${JSON.stringify(kept)}\n`);
  return kept.map(({ service, date, verdict, sentence, provisional }) => {
    const hasPage = existsSync(reportFile(reports, service, date));
    return { service, date, verdict, sentence, provisional, hasPage };
  });
}

function readDate(reports: string, service: string, date: string): Omit<JudgedDate, 'hasPage'> {
  let snapshot: Snapshot | null;
  try {
    snapshot = readSnapshot(reports, service, date);
  } catch (error) {
    return { service, date, verdict: null, sentence: (error as Error).message, provisional: false };
  }
  const { verdict, sentence, provisional } = snapshot!;
  return { service, date, verdict, sentence, provisional };
}

function keptDates(reports: string): KeptDate[] {
  try {
    const kept: unknown = JSON.parse(readRegularText(join(reports, KEPT)));
    return Array.isArray(kept) ? kept.filter(isKeptDate) : [];
  } catch {
    return []; // There is none, or it is damaged: every snapshot is read.
  }
}

function isKeptDate(kept: Partial<KeptDate> | null): kept is KeptDate {
  return (
    typeof kept?.service === 'string' && typeof kept.date === 'string' && typeof kept.sentence === 'string'
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // A file beside the services' folders, or nothing yet.
  }
}
