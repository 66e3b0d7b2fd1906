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
import type { FeatureView } from '../../contract/model.ts';
import type { TrainedEntry } from '../../contract/training-manifest.ts';
import { entryHash, logFolder, readTable } from '../../project/delta/delta-log.ts';
import { baseLists, listedBases, ownList } from '../../project/history/history-base.ts';
import { baseFolder, historyFolder } from '../../project/history/history-folder.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { foundLongAgo } from './unnamed-files.ts';

const KEPT_MS = 86_400_000;
/** Traffic of a definition that is replaced is replayed for days after it. */
const FORMER_KEPT_MS = 30 * 86_400_000;

interface CleaningTime {
  /** By the project's clock, as the log has it. */
  readonly nowMs: number;
  /** By the clock of the folder. */
  readonly diskMs: number;
}

/**
 * @param trained  the entries that training sets were made at; asked for only where a file is to go
 * @returns        how many files were removed
 */
export async function cleanHistory(
  root: Folder,
  view: FeatureView,
  { nowMs, diskMs }: CleaningTime,
  trained: () => Promise<readonly TrainedEntry[]>,
): Promise<number> {
  const folder = historyFolder(root, view);
  const paths = await rowFiles(folder);
  const state = await readTable(folder);
  // Without a log nobody can tell what was committed: it may have been lost.
  const unnamed = paths.filter((path) => {
    const key = encodeURI(path);
    return state !== null && !state.files.has(key) && !state.removed.has(key);
  });
  const removed = paths.flatMap((path) => state?.removed.get(encodeURI(path)) ?? []);
  const due = removed.filter((file) => !file.retired && file.removedMs < nowMs - KEPT_MS);
  const isLost = async ({ commit, entry = null }: TrainedEntry): Promise<boolean> =>
    entry !== null && entry !== (await entryHash(folder, commit));
  const all = due.length === 0 ? [] : await trained();
  const sets = await Promise.all(all.map(async (set) => ({ ...set, isLost: await isLost(set) })));
  // What a set of a log that is lost has read of this one nobody can tell: files of before it are taken to be.
  const unread = due.filter(
    (file) =>
      !sets.some((set) => file.version <= set.commit && (set.isLost || set.commit < file.removedVersion)),
  );
  await forgetFormer(root, view, diskMs);
  const log = logFolder(folder);
  const bases = baseFolder(root, view);
  const nobodys: readonly Place[] = [
    ...unnamed.map((name) => ({ folder, name })),
    ...(await unlistedBases(root, view)).map((name) => ({ folder: bases, name })),
  ];
  const named = new Map(nobodys.map((place) => [pathBelow(root, place), place]));
  const long = await foundLongAgo(folder, [...named.keys()], diskMs);
  const asides = (await log.names()).filter((name) => name.endsWith('.tmp'));
  const old = await oldOnes(
    [...[...long].map((path) => named.get(path)!), ...asides.map((name) => ({ folder: log, name }))],
    diskMs,
  );
  const files = [...unread.map((file): Place => ({ folder, name: decodeURI(file.path) })), ...old];
  for (const file of files) await file.folder.remove(file.name);
  return files.length;
}

interface Place {
  readonly folder: Folder;
  readonly name: string;
}

function pathBelow(root: Folder, { folder, name }: Place): string {
  return folder.fileOf(name).slice(root.path.length + 1);
}

async function oldOnes(places: readonly Place[], diskMs: number): Promise<Place[]> {
  const old: Place[] = [];
  for (const place of places)
    if ((await place.folder.changedMs(place.name)) < diskMs - KEPT_MS) old.push(place);
  return old;
}

/** @returns paths below the history's folder */
async function rowFiles(folder: Folder): Promise<string[]> {
  const paths: string[] = [];
  for (const day of await folder.names()) {
    if (!day.startsWith('day=')) continue;
    const names = await folder.below(day).names();
    paths.push(...names.filter((name) => name.endsWith('.parquet')).map((name) => `${day}/${name}`));
  }
  return paths;
}

/** @returns their names */
async function unlistedBases(root: Folder, view: FeatureView): Promise<string[]> {
  const names = await baseFolder(root, view).names();
  const listed = await listedBases(root, view);
  return names.filter((name) => !name.endsWith('.json') && !listed.has(name));
}

/** Forgets the lists of definitions that are not the view's any more and have had no new base for long. */
async function forgetFormer(root: Folder, view: FeatureView, diskMs: number): Promise<void> {
  const folder = baseFolder(root, view);
  for (const list of await baseLists(root, view)) {
    if (list === ownList(view) || (await folder.changedMs(list)) >= diskMs - FORMER_KEPT_MS) continue;
    await folder.remove(list);
  }
}
