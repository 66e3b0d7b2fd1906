/**
 * Finds the files of the archive that count: those in their places, and what the state names besides, which is the
 * present hour's and what a killed process has not moved. Whoever judges a day reads these; a reader that takes all
 * files of a folder sees the same rows, but for the present hour's.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
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
export function archivedFiles(
  served: string,
  states: readonly ArchiveState[],
  within: (hour: string) => boolean,
): ArchivedFiles {
  const files = new Map<string, string>();
  for (const { folder, day } of archiveFolders(served)) {
    for (const hourFolder of namesIn(join(served, folder))) {
      const path = `${folder}/${hourFolder}`;
      const hour = hourOfPath(path);
      if (hour === null || !hour.startsWith(day) || !within(hour)) continue;
      for (const name of namesIn(join(served, path))) {
        if (name.endsWith('.parquet')) files.set(`${path}/${name}`, join(served, path, name));
      }
    }
  }
  for (const state of states) addUnmoved(served, state, within, files);
  const lost = lostInPlace(states, within, [...files.keys()]);
  for (const { open, moving } of states) {
    const from = new Map([...moving].map(([source, to]) => [to, source]));
    for (const file of [...open.values()].flat()) {
      const hour = hourOfPath(file)!;
      if (!within(hour)) continue;
      const path = whereIs(served, from.get(file), file);
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
      isInPlace: file === join(served, path),
    })),
    lost: [...lost].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([hour, count]) => ({ hour, files: count })),
  };
}

/** What the last commit moves and a process that was killed has not. */
function addUnmoved(
  served: string,
  { moving, open }: ArchiveState,
  within: (hour: string) => boolean,
  files: Map<string, string>,
): void {
  const isOpen = new Set([...open.values()].flat());
  for (const [from, to] of moving) {
    if (isOpen.has(to) || files.has(to) || !within(hourOfPath(to)!)) continue;
    const path = whereIs(served, from, to);
    if (path !== undefined) files.set(to, path);
  }
}

/** Looks where a file moves to after where it comes from: one that moves meanwhile is met at one of the two. */
function whereIs(served: string, from: string | undefined, to: string): string | undefined {
  return [from, to].flatMap((one) => (one === undefined ? [] : [join(served, one)])).find(existsSync);
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

/** @returns of each ingest, by what its files have in their names, such as `-1of2`, the number of its newest batch */
export function archivedBatches(served: string): Map<string, number> {
  const newest = new Map<string, number>();
  const names = [served, join(served, OPEN)].flatMap((top) =>
    archiveFolders(top).flatMap(({ folder }) =>
      namesIn(join(top, folder)).flatMap((hour) => namesIn(join(top, folder, hour))),
    ),
  );
  for (const name of names) {
    const [, batch, tag = ''] = /^(\d+)(-\d+of\d+)?(?:-(?:\d+|joined))?\.parquet$/.exec(name) ?? [];
    if (batch !== undefined) newest.set(tag, Math.max(newest.get(tag) ?? 0, Number(batch)));
  }
  return newest;
}

/** @returns the folders of days, `churn/v3.0/date=2026-11-21`, with their day */
export function archiveFolders(served: string): { readonly folder: string; readonly day: string }[] {
  const tops = namesIn(served).flatMap((top) =>
    isViews(top)
      ? namesIn(join(served, top)).map((view) => `${top}/${view}`)
      : top.startsWith('_')
        ? []
        : [top],
  );
  return tops.flatMap((top) =>
    namesIn(join(served, top))
      .filter(isVersionFolder)
      .flatMap((version) =>
        namesIn(join(served, top, version)).flatMap((name) => {
          const day = /^date=(\d{4}-\d\d-\d\d)$/.exec(name)?.[1];
          return day === undefined ? [] : [{ folder: `${top}/${version}/${name}`, day }];
        }),
      ),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
