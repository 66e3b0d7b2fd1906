/**
 * Removes files of a history that nobody reads any more.
 *
 *   joined with others       a day after that: a reader that began before it still has them in its list; never where a
 *                            training set was made at an entry that has them
 *   in no entry of the log   a day after they were found to be in none, once they are a day old: their run died before
 *                            it committed, or is about to; or the log was put back from a copy that is too old
 *   a base that is in no list a day after it left it
 *   retired                  never: what was served under their definition is replayed over them
 *
 * The caller holds the view's lease. The folder is listed before the log is read, so that what is committed in between
 * is seen to be.
 */
import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { FeatureView } from '../../contract/model.ts';
import { logFolder, readTable } from '../../project/delta/delta-log.ts';
import { baseFolder, baseLists, listedIn } from '../../project/history/history-base.ts';
import { historyFolder } from '../../project/history/history-folder.ts';
import { forgetFormer } from './base-list.ts';

const KEPT_MS = 86_400_000;
/** No file of ours is written at that time. */
const FOUND_MS = 0;

interface CleaningTime {
  /** By the project's clock, as the log has it. */
  readonly nowMs: number;
  /** By the clock of the file system. */
  readonly diskMs: number;
}

/**
 * @param trained  the entries that training sets were made at; asked for only where a file is to go
 * @returns        how many files were removed
 */
export async function cleanHistory(
  root: string,
  view: FeatureView,
  { nowMs, diskMs }: CleaningTime,
  trained: () => Promise<ReadonlySet<number>>,
): Promise<number> {
  const folder = historyFolder(root, view);
  const there = namesIn(folder).filter((name) => name.startsWith('day='));
  const paths = there.flatMap((day) =>
    namesIn(join(folder, day))
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => `${day}/${name}`),
  );
  const state = readTable(folder);
  const isOld = (file: string): boolean => changedMs(file) < diskMs - KEPT_MS;
  const uncommitted = paths.filter((path) => {
    const key = encodeURI(path);
    // Without a log nobody can tell what was committed: it may have been lost.
    if (state === null || state.files.has(key) || state.removed.has(key)) return false;
    const file = join(folder, path);
    return isOld(file) && wasFound(file);
  });
  const removed = paths.flatMap((path) => state?.removed.get(encodeURI(path)) ?? []);
  const due = removed.filter((file) => !file.retired && file.removedMs < nowMs - KEPT_MS);
  const commits = due.length === 0 ? [] : [...(await trained())];
  const unread = due.filter(
    (file) => !commits.some((commit) => file.version <= commit && commit < file.removedVersion),
  );
  const gone = [...uncommitted, ...unread.map((file) => decodeURI(file.path))];
  const log = logFolder(folder);
  const aside = namesIn(log).map((name) => join(log, name));
  const files = [
    ...gone.map((path) => join(folder, path)),
    ...aside.filter((file) => file.endsWith('.tmp') && isOld(file)),
  ];
  forgetFormer(root, view, diskMs);
  const [base, listed] = [baseFolder(root, view), new Set(baseLists(root, view).flatMap(listedIn))];
  for (const name of namesIn(base)) {
    const file = join(base, name);
    if (!name.endsWith('.json') && !listed.has(name) && isOld(file)) files.push(file);
  }
  for (const file of files) rmSync(file, { force: true });
  return files.length;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/**
 * Whether a file was found to be nobody's before; now it is. Its time of writing, which means nothing else, says so:
 * who has put back a wrong copy of the log has a day to see it.
 */
function wasFound(file: string): boolean {
  if (statSync(file).mtimeMs === FOUND_MS) return true;
  utimesSync(file, FOUND_MS, FOUND_MS);
  return false;
}

/** When a file came to its name or was written, whichever is later; one that is gone by now is not old. */
function changedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? Infinity;
}
