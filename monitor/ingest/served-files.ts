/**
 * The ingested vector log on disk: which files there are, which of them count, and how a file is committed.
 *
 *   served/ ingest.json                        the state: what has been committed; replaced whole (one commit point)
 *           lock.db                            held by the one ingest that may write here
 *           hour=2026-11-21T10/00000017.parquet   records served in that hour (UTC), of batch 17
 *
 * A file counts when its batch number is at most the state's. Files of a later batch were never committed, and the next
 * ingest removes them. A batch writes to every hour of its records, so a record that was shipped late is still in the
 * folder of its hour. Files are written aside, synced and renamed; their mode is 0600, like the spool's.
 *
 * Written by monitor/ingest.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder, writeDurably } from '../../contract/std/files/durable-file.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

const HOUR_US = 3_600_000_000;

const STATE = 'ingest.json';
const HOUR = /^hour=(\d{4}-\d\d-\d\dT\d\d)$/;
const BATCH = /^(\d{8,})\.parquet$/;
const ASIDE = '.tmp';

/** The last hour is cached: records come nearly in order of time, so most are of the same hour as the one before. */
let hourNumber = -1;
let hourText = '';

/** @returns `2026-11-21T10`, the UTC hour of a time */
export function hourOf(us: number): string {
  const number = Math.floor(us / HOUR_US);
  if (number !== hourNumber) hourText = formatTimestamp(us).slice(0, 13);
  hourNumber = number;
  return hourText;
}

export function stateFile(served: string): string {
  return join(served, STATE);
}

/** @returns the text of the state; null when nothing was ever ingested here */
export function readStateText(served: string): string | null {
  try {
    return readFileSync(stateFile(served), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function batchFile(served: string, hour: string, batch: number): string {
  return join(served, `hour=${hour}`, `${String(batch).padStart(8, '0')}.parquet`);
}

interface ServedFile {
  readonly file: string;
  readonly hour: string;
  readonly batch: number;
}

/** @returns the files of all hours, committed or not, in order of hours and batches; empty when there is no folder */
export function servedFiles(served: string, within: (hour: string) => boolean = () => true): ServedFile[] {
  const files: ServedFile[] = [];
  for (const folder of namesIn(served)) {
    const hour = HOUR.exec(folder)?.[1];
    if (hour === undefined || !within(hour)) continue;
    for (const name of namesIn(join(served, folder))) {
      const batch = BATCH.exec(name)?.[1];
      if (batch !== undefined) files.push({ file: join(served, folder, name), hour, batch: Number(batch) });
    }
  }
  return files;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** What an ingest does to the disk, step by step, so that a test can end it between any two. */
export interface ServedDisk {
  /**
   * Makes the hour's folder.
   *
   * @returns where to write a file aside, where it does not count yet
   */
  aside(file: string): string;
  /** Moves a file that was written aside to its final name, durably. */
  publish(file: string): void;
  /** Commits by writing the state; durable when it returns. */
  writeState(served: string, text: string): void;
  /**
   * Removes what no commit names: files of batches after `committed`, and files left aside.
   *
   * @returns how many files it removed
   */
  removeUncommitted(served: string, committed: number): number;
}

export const SERVED_DISK: ServedDisk = {
  aside(file) {
    makeFolder(dirname(file), 0o700);
    return `${file}${ASIDE}`;
  },
  publish(file) {
    chmodSync(`${file}${ASIDE}`, 0o600);
    const fd = openSync(`${file}${ASIDE}`, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${file}${ASIDE}`, file);
    syncFolder(dirname(file));
    syncFolder(dirname(dirname(file)));
  },
  writeState(served, text) {
    writeDurably(stateFile(served), text);
  },
  removeUncommitted(served, committed) {
    let removed = 0;
    const remove = (file: string): void => {
      rmSync(file, { force: true });
      removed += 1;
    };
    for (const { file, batch } of servedFiles(served)) if (batch > committed) remove(file);
    for (const name of namesIn(served)) {
      if (name.endsWith(ASIDE)) remove(join(served, name));
      if (!HOUR.test(name)) continue;
      for (const file of namesIn(join(served, name))) {
        if (file.endsWith(ASIDE)) remove(join(served, name, file));
      }
    }
    return removed;
  },
};
