/**
 * Finds the files of the archive that count: those in their places, and what the state names besides, which is the
 * present hour's and what a killed process has not moved. Whoever judges a day reads these; a reader that takes all
 * files of a folder sees the same rows, but for the present hour's.
 */
import { isObject } from '../../contract/std/files/local-path.ts';
import type { Folder } from '../storage/folder.ts';
import type { ArchiveState } from './archive-state.ts';
import { OPEN, hourOfPath, isVersionFolder, isViews } from './archive-layout.ts';

export interface ArchivedFile {
  /** Of its service's version or its view's, relative to the folder of served values: `churn/v3.0`. */
  readonly folder: string;
  /** `2026-11-21T10` */
  readonly hour: string;
  /** The path that it is read by. */
  readonly file: string;
  /** Its own path in the archive, by which people know it: what is read may be a link to it. */
  readonly path: string;
  /** Whether it stands where it stays, so that no ingest takes it away or joins it to others. */
  readonly isInPlace: boolean;
}

/** Files that the state names and that are not there. */
interface FilesNotThere {
  /** `2026-11-21T10` */
  readonly hour: string;
  readonly files: number;
}

export interface ArchivedFiles {
  /** In the order of folders, hours and names. */
  readonly files: readonly ArchivedFile[];
  /** In the order of hours. */
  readonly lost: readonly FilesNotThere[];
}

/**
 * An ingest that commits meanwhile makes the answer wrong: whoever may meet one takes `pinnedFiles`.
 *
 * @param states  of all ingests that write to the folder
 */
export async function archivedFiles(
  served: Folder,
  states: readonly ArchiveState[],
  within: (hour: string) => boolean,
): Promise<ArchivedFiles> {
  const files = new Map<string, string>();
  for (const path of await hourFolders(served, within))
    for (const name of path.names)
      files.set(`${path.folder}/${name}`, served.fileOf(`${path.folder}/${name}`));
  for (const state of states) await addUnmoved(served, state, within, files);
  const lost = lostInPlace(states, within, [...files.keys()]);
  for (const { open, moving } of states) {
    const from = new Map([...moving].map(([source, to]) => [to, source]));
    for (const file of [...open.values()].flat()) {
      const hour = hourOfPath(file)!;
      if (!within(hour)) continue;
      const path = await whereIs(served, from.get(file), file);
      if (path === undefined) lost.set(hour, (lost.get(hour) ?? 0) + 1);
      else files.set(file.slice(file.indexOf('/') + 1), path);
    }
  }
  const found = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    files: found.map(([path, file]) => ({
      folder: path.slice(0, path.indexOf('/date=')),
      hour: hourOfPath(path)!,
      file,
      path: file,
      isInPlace: file === served.fileOf(path),
    })),
    lost: [...lost].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([hour, count]) => ({ hour, files: count })),
  };
}

/** What the last commit moves and a process that was killed has not. */
async function addUnmoved(
  served: Folder,
  { moving, open }: ArchiveState,
  within: (hour: string) => boolean,
  files: Map<string, string>,
): Promise<void> {
  const isOpen = new Set([...open.values()].flat());
  for (const [from, to] of moving) {
    if (isOpen.has(to) || files.has(to) || !within(hourOfPath(to)!)) continue;
    const path = await whereIs(served, from, to);
    if (path !== undefined) files.set(to, path);
  }
}

/** Looks where a file moves to after where it comes from: one that moves meanwhile is met at one of the two. */
async function whereIs(served: Folder, from: string | undefined, to: string): Promise<string | undefined> {
  for (const name of [from, to])
    if (name !== undefined && (await served.has(name))) return served.fileOf(name);
  return undefined;
}

interface HourFolder {
  readonly folder: string;
  /** Of its Parquet files. */
  readonly names: readonly string[];
}

/** So many folders are listed at a time: in object storage each takes a call. */
const LISTED_AT_ONCE = 16;

async function hourFolders(served: Folder, within: (hour: string) => boolean): Promise<HourFolder[]> {
  const found: HourFolder[] = [];
  for (const { folder, day } of await archiveFolders(served)) {
    const paths = (await served.below(folder).names()).map((name) => `${folder}/${name}`);
    const wanted = paths.filter((path) => {
      const hour = hourOfPath(path);
      return hour !== null && hour.startsWith(day) && within(hour);
    });
    for (let at = 0; at < wanted.length; at += LISTED_AT_ONCE)
      found.push(
        ...(await Promise.all(wanted.slice(at, at + LISTED_AT_ONCE).map((path) => filesOf(served, path)))),
      );
  }
  return found;
}

async function filesOf(served: Folder, folder: string): Promise<HourFolder> {
  const names = await served.below(folder).names();
  return { folder, names: names.filter((name) => name.endsWith('.parquet')) };
}

/** @returns by hour how many files of those that have their places are not there */
function lostInPlace(
  states: readonly ArchiveState[],
  within: (hour: string) => boolean,
  paths: readonly string[],
): Map<string, number> {
  const lost = new Map<string, number>();
  // What one ingest has removed, another one may still count.
  const keptFrom = states.map((state) => state.keptFrom).reduce((a, b) => (a > b ? a : b), '');
  for (const [hour, { files }] of states.flatMap(({ hours }) => [...hours])) {
    if (within(hour) && hour >= keptFrom) lost.set(hour, (lost.get(hour) ?? 0) + files);
  }
  for (const path of paths) {
    const hour = hourOfPath(path)!;
    lost.set(hour, (lost.get(hour) ?? 0) - 1);
  }
  return new Map([...lost].filter(([, files]) => files > 0));
}

/**
 * A state in object storage cannot be put back from an older copy, and each folder takes a call: there only the newest
 * day of each service and view is looked at.
 *
 * @returns of each ingest, by what its files have in their names, such as `-1of2`, the number of its newest batch
 */
export async function archivedBatches(served: Folder): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  const within = isObject(served.path) ? await newestDays(served) : (): boolean => true;
  const tops = [served, served.below(OPEN)];
  const folders = await Promise.all(tops.map((top) => hourFolders(top, within)));
  for (const name of folders.flat().flatMap(({ names }) => names)) {
    const [, batch, tag = ''] = /^(\d+)(-\d+of\d+)?(?:-(?:\d+|joined))?\.parquet$/.exec(name) ?? [];
    if (batch !== undefined) newest.set(tag, Math.max(newest.get(tag) ?? 0, Number(batch)));
  }
  return newest;
}

async function newestDays(served: Folder): Promise<(hour: string) => boolean> {
  const days = new Map(
    (await archiveFolders(served)).map(({ folder, day }) => [folder.replace(/date=.*$/, ''), day]),
  );
  const wanted = new Set(days.values());
  return (hour) => wanted.has(hour.slice(0, 10));
}

/** @returns the folders of days, `churn/v3.0/date=2026-11-21`, with their day, in the order of names */
export async function archiveFolders(
  served: Folder,
): Promise<{ readonly folder: string; readonly day: string }[]> {
  const below = async (folder: string, isWanted: (name: string) => boolean): Promise<string[]> =>
    (await served.below(folder).names()).filter(isWanted).map((name) => `${folder}/${name}`);
  const services = (await served.names()).filter((name) => !/^[_.]/.test(name));
  const views = (await served.names()).filter(isViews);
  const tops = [...services, ...(await Promise.all(views.map((top) => below(top, () => true)))).flat()];
  const versions = (await Promise.all(tops.map((top) => below(top, isVersionFolder)))).flat();
  const days = (
    await Promise.all(versions.map((version) => below(version, (name) => DAY_FOLDER.test(name))))
  ).flat();
  return days.toSorted().map((folder) => ({ folder, day: folder.slice(-10) }));
}

const DAY_FOLDER = /^date=\d{4}-\d\d-\d\d$/;
