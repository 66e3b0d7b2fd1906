/**
 * Removes files of a history that nobody reads any more.
 *
 *   joined with others       a day after that: a reader that began before it still has them in its list; never where a
 *                            training set was made at an entry that has them
 *   in no entry of the log   a day after they were found to be in none: their run died before it committed, or is about
 *                            to; or the log was put back from a copy that is too old. Found means this time: one that
 *                            was named meanwhile has its day again
 *   a base that is in no list a day after it was found to be, since a reader may just have found it there
 *   retired                  never: what was served under their definition is replayed over them
 *
 * The caller holds the view's lease. The folder is listed before the log is read, so that what is committed in between
 * is seen to be.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { FeatureView } from '../../contract/model.ts';
import type { TrainedEntry } from '../../contract/training-manifest.ts';
import { entryHash, logFolder, readTable } from '../../project/delta/delta-log.ts';
import { baseFolder, baseLists, listedIn, ownList } from '../../project/history/history-base.ts';
import { historyFolder } from '../../project/history/history-folder.ts';
import { foundLongAgo } from './unnamed-files.ts';

const KEPT_MS = 86_400_000;
/** Traffic of a definition that is replaced is replayed for days after it. */
const FORMER_KEPT_MS = 30 * 86_400_000;

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
  trained: () => Promise<readonly TrainedEntry[]>,
): Promise<number> {
  const folder = historyFolder(root, view);
  const paths = rowFiles(folder);
  const state = readTable(folder);
  const isOld = (file: string): boolean => changedMs(file) < diskMs - KEPT_MS;
  // Without a log nobody can tell what was committed: it may have been lost.
  const unnamed = paths.filter((path) => {
    const key = encodeURI(path);
    return state !== null && !state.files.has(key) && !state.removed.has(key);
  });
  const removed = paths.flatMap((path) => state?.removed.get(encodeURI(path)) ?? []);
  const due = removed.filter((file) => !file.retired && file.removedMs < nowMs - KEPT_MS);
  const isLost = ({ commit, entry = null }: TrainedEntry): boolean =>
    entry !== null && entry !== entryHash(folder, commit);
  const all = due.length === 0 ? [] : await trained();
  const sets = all.map((set) => ({ ...set, isLost: isLost(set) }));
  // What a set of a log that is lost has read of this one nobody can tell: files of before it are taken to be.
  const unread = due.filter(
    (file) =>
      !sets.some((set) => file.version <= set.commit && (set.isLost || set.commit < file.removedVersion)),
  );
  forgetFormer(root, view, diskMs);
  const nobodys = [...unnamed.map((path) => join(folder, path)), ...unlistedBases(root, view)];
  const named = new Map(nobodys.map((file) => [relative(root, file), file]));
  const long = foundLongAgo(folder, [...named.keys()], diskMs);
  const log = logFolder(folder);
  const aside = namesIn(log).map((name) => join(log, name));
  const files = [
    ...unread.map((file) => join(folder, decodeURI(file.path))),
    ...[...long].map((path) => named.get(path)!).filter(isOld),
    ...aside.filter((file) => file.endsWith('.tmp') && isOld(file)),
  ];
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

/** @returns paths below the history's folder */
function rowFiles(folder: string): string[] {
  const days = namesIn(folder).filter((name) => name.startsWith('day='));
  return days.flatMap((day) =>
    namesIn(join(folder, day))
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => `${day}/${name}`),
  );
}

function unlistedBases(root: string, view: FeatureView): string[] {
  const [folder, listed] = [baseFolder(root, view), new Set(baseLists(root, view).flatMap(listedIn))];
  const names = namesIn(folder).filter((name) => !name.endsWith('.json') && !listed.has(name));
  return names.map((name) => join(folder, name));
}

/** Forgets the lists of definitions that are not the view's any more and have had no new base for long. */
function forgetFormer(root: string, view: FeatureView, diskMs: number): void {
  const own = ownList(root, view);
  for (const list of baseLists(root, view))
    if (list !== own && statSync(list).mtimeMs < diskMs - FORMER_KEPT_MS) rmSync(list);
}

/** When a file came to its name or was written, whichever is later; one that is gone by now is not old. */
function changedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? Infinity;
}
