/**
 * What the ingest does to the folder of the archive, step by step, so that a test can end it between any two. Paths are
 * whole, as `Folder.fileOf` gives them. Here: a folder on this machine; object-disk.ts is that of object storage.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { syncFolder, writeDurably } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { OPEN } from '../../project/archive/archive-layout.ts';

const MOST_TRIES = 100;

export interface ArchiveDisk {
  /** What tells files that are not committed from those of another process: empty, or `/` and a name. */
  readonly own: string;
  /** Takes the folder over from whoever has written the state, before that is read. */
  claim(file: string): Promise<void>;
  /** Makes a folder, empty. */
  emptyFolder(folder: string): Promise<void>;
  /** @returns the path by which a file of the archive is written, on this machine, before it is kept */
  writtenAt(file: string): string;
  /** Makes a file that was written durable, and its own. */
  keep(file: string): Promise<void>;
  has(file: string): Promise<boolean>;
  /** Moves a file to its place; nothing happens where it was moved before. */
  move(from: string, to: string): Promise<void>;
  /** A file, or a folder with all that is in it; nothing happens where it is gone. */
  remove(path: string): Promise<void>;
  /** Commits by replacing the state; durable when it returns. @throws where another process has taken over */
  writeState(file: string, text: string): Promise<void>;
}

export const ARCHIVE_DISK: ArchiveDisk = {
  own: '',
  // The lock of the folder does it.
  claim: async () => {},
  writtenAt: (file) => file,
  has: async (file) => existsSync(file),
  async emptyFolder(folder) {
    makeFolder(folder, 0o700);
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
  },
  async keep(file) {
    chmodSync(file, 0o600);
    const fd = openSync(file, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncFolder(dirname(file));
  },
  async move(from, to) {
    const isNew = moveInto(dirname(to), from, to);
    if (existsSync(to)) {
      syncFolder(dirname(to));
      if (isNew) syncAbove(dirname(to), dirname(dirname(from)));
    }
    syncFolder(dirname(from));
  },
  async remove(path) {
    rmSync(path, { recursive: true, force: true });
    removeEmptyAbove(path);
  },
  async writeState(file, text) {
    writeDurably(file, text);
  },
};

/**
 * Another ingest may remove a folder of an hour that is over as long as it is empty: then it is made again.
 *
 * @returns whether the folder was made
 */
function moveInto(folder: string, from: string, to: string): boolean {
  let isNew = false;
  for (let tries = MOST_TRIES; existsSync(from); tries--) {
    try {
      isNew = makeFolder(folder, 0o700) || isNew;
      renameSync(from, to);
    } catch (error) {
      if (tries === 0 || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return isNew;
}

/** The folders of an hour that is no longer open. */
function removeEmptyAbove(path: string): void {
  const folders = path.split(sep);
  const open = folders.lastIndexOf(OPEN);
  if (open === -1) return;
  try {
    for (let length = folders.length - 1; length > open + 1; length--)
      rmdirSync(folders.slice(0, length).join(sep));
  } catch (error) {
    // Another hour has files there, or somebody else has removed it.
    if (!['ENOTEMPTY', 'ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** A folder that was made is an entry of the one above it: syncs all of them up to a folder that was there. */
function syncAbove(folder: string, top: string): void {
  for (let above = folder; above !== top; above = dirname(above)) syncFolder(dirname(above));
}
