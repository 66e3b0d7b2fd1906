/**
 * Which days and hours of which services were judged, with the verdict of each: what the index and the links between
 * pages are made of, and which hours alerts may be of.
 *
 * Verdicts are kept in `{reports}/index.json` beside the time and the size of the snapshot that they were read from, so
 * that a year of snapshots is not read again after each run. It may be removed at any time: what it lacks is read.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { spanText } from '../judged-span.ts';
import { readSnapshot, reportFile, snapshotFile } from '../verdict/snapshot-folder.ts';
import type { Verdict } from '../../contract/verdict.ts';
import type { Snapshot } from '../verdict/snapshot.ts';

export interface JudgedDate {
  readonly service: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Absent: the verdict is on the whole day. */
  readonly hour?: number;
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
const HOUR_SNAPSHOT = /^(\d{4}-\d\d-\d\d)T(\d\d)\.json$/;

type JudgedHour = Required<Pick<JudgedDate, 'date' | 'hour'>>;

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

/** @returns the hours of a service that were judged alone and have a snapshot, oldest first */
function hoursOf(reports: string, service: string): JudgedHour[] {
  return namesIn(join(reports, service))
    .toSorted()
    .flatMap((name) => {
      const [, date, hour] = HOUR_SNAPSHOT.exec(name) ?? [];
      return date === undefined ? [] : [{ date, hour: Number(hour) }];
    });
}

/**
 * @returns all days and hours of all services: services by name, then hours and days, newest first
 * @throws  the file system's error when the folder cannot be written
 */
export function judgedDates(reports: string): JudgedDate[] {
  const known = new KnownDates(reports);
  for (const service of namesIn(reports).toSorted()) {
    const days = datesOf(reports, service).map((date) => ({ date }));
    for (const span of [...days, ...hoursOf(reports, service)].toReversed()) known.find(service, span);
  }
  writeDurably(join(reports, KEPT), `${JSON.stringify(known.found)}\n`);
  return known.found.map(({ service, date, hour, verdict, sentence, provisional }) => {
    const span = hour === undefined ? { date } : { date, hour };
    const hasPage = existsSync(reportFile(reports, service, spanText(span)));
    return { service, ...span, verdict, sentence, provisional, hasPage };
  });
}

/** @returns the hours from a date on whose verdict is an alarm, or cannot be read, oldest first */
export function alarmedHours(reports: string, service: string, from: string): JudgedHour[] {
  const known = new KnownDates(reports);
  return hoursOf(reports, service).filter((hour) => {
    if (hour.date < from) return false;
    const { verdict = 'pass' } = known.find(service, hour) ?? {};
    return verdict === 'alarm' || verdict === null;
  });
}

/** What is known of snapshots, of before or read now. */
class KnownDates {
  readonly #reports: string;
  readonly #before: ReadonlyMap<string, KeptDate>;
  readonly found: KeptDate[] = [];

  constructor(reports: string) {
    this.#reports = reports;
    this.#before = new Map(keptDates(reports).map((kept) => [`${kept.service} ${spanText(kept)}`, kept]));
  }

  /** @returns null: the snapshot is gone */
  find(service: string, { date, hour }: Pick<JudgedDate, 'date' | 'hour'>): KeptDate | null {
    const span = hour === undefined ? { date } : { date, hour };
    const file = snapshotFile(this.#reports, service, spanText(span));
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return null;
    const { mtimeMs, size } = stat;
    const before = this.#before.get(`${service} ${spanText(span)}`);
    const isKnown = before !== undefined && before.mtimeMs === mtimeMs && before.size === size;
    const kept = isKnown ? before : { service, ...span, ...this.#read(service, span), mtimeMs, size };
    this.found.push(kept);
    return kept;
  }

  #read(service: string, span: Pick<JudgedDate, 'date' | 'hour'>) {
    let snapshot: Snapshot | null;
    try {
      snapshot = readSnapshot(this.#reports, service, spanText(span));
    } catch (error) {
      return { verdict: null, sentence: (error as Error).message, provisional: false };
    }
    const { verdict, sentence, provisional } = snapshot!;
    return { verdict, sentence, provisional };
  }
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
