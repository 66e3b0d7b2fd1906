/** Files that are whole or not there: written aside, synced, renamed, and the folder synced. */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from './folder.ts';

/** The calls that a durable file makes, as a record: a test stops between any two of them, as a power loss would. */
export interface DurableDisk {
  /** Opens for writing, empty. */
  open(path: string, mode: number): number;
  write(fd: number, bytes: Uint8Array, from: number): number;
  sync(fd: number): void;
  close(fd: number): void;
  rename(from: string, to: string): void;
  /** Also where there is none. */
  remove(path: string): void;
  syncFolder(folder: string): void;
}

const DISK: DurableDisk = {
  open: (path, mode) => openSync(path, 'w', mode),
  write: (fd, bytes, from) => writeSync(fd, bytes, from),
  sync: fsyncSync,
  close: closeSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  syncFolder,
};

/** How a file that is being written ends: by the number of its process. */
const ASIDE = /\.\d+\.tmp$/;
/** Nobody writes for so long. */
const ASIDE_MS = 86_400_000;

/** @param mode  of the file; a folder that has to be made gets a mode for the same people */
export function writeDurably(file: string, content: string | Uint8Array, mode = 0o600, disk = DISK): void {
  makeFolder(dirname(file), mode === 0o600 ? 0o700 : 0o777);
  const aside = `${file}.${process.pid}.tmp`;
  try {
    const fd = disk.open(aside, mode);
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length;) at += disk.write(fd, bytes, at);
      disk.sync(fd);
    } finally {
      disk.close(fd);
    }
    disk.rename(aside, file);
  } catch (error) {
    // On a full volume it would hold the space that is lacking.
    disk.remove(aside);
    throw error;
  }
  disk.syncFolder(dirname(file));
}

/** Removes what writers that were killed more than a day ago have left in a folder. */
export function removeAsides(folder: string, nowMs: number): void {
  for (const name of readdirSync(folder)) {
    if (!ASIDE.test(name)) continue;
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    if (stat?.isFile() === true && nowMs - stat.mtimeMs > ASIDE_MS)
      rmSync(join(folder, name), { force: true });
  }
}

/** After this the bytes of a file that is written survive a power loss. */
export function syncFile(file: string): void {
  syncPath(file);
}

/** After this the names in a folder survive a power loss. */
export function syncFolder(folder: string): void {
  syncPath(folder);
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
