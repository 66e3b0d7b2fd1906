/**
 * What the spool needs of the file system, so that tests can have a disk that fills up, tears a write or fails a sync.
 * Synchronous where an answer waits for it, else asynchronous.
 */
import {
  close,
  fdatasync,
  fstat,
  fsync,
  ftruncateSync,
  openSync,
  stat,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { makeFolder } from '../../contract/std/files/folder.ts';

export interface SpoolFiles {
  /**
   * A module whose `filesOf(share)` gives the same files to the thread of the ring. null: that thread cannot have them,
   * and every write is made by the caller.
   */
  readonly inWorker: { readonly module: URL; readonly share: unknown } | null;
  /** Makes a folder of mode 0700 where there is none. @returns false when there is one */
  makeFolder(path: string): boolean;
  /** Makes a new file of mode 0600; throws EEXIST when there is one. */
  create(path: string): number;
  /** @returns the bytes written from `from` on, at least one and maybe fewer than there are, or throws */
  write(fd: number, bytes: Buffer, from: number, position: number): number;
  truncate(fd: number, bytes: number): void;
  remove(path: string): void;
  dataSync(fd: number): Promise<void>;
  /** @returns whether the open file is the one that stands at `path` */
  isAt(fd: number, path: string): Promise<boolean>;
  syncFolder(folder: string): Promise<void>;
  close(fd: number): Promise<void>;
}

const dataSync = promisify(fdatasync);
const sync = promisify(fsync);
const closeFile = promisify(close);
const statOpen = promisify(fstat);
const statPath = promisify(stat);

export const DISK: SpoolFiles = {
  inWorker: { module: new URL(import.meta.url), share: null },
  makeFolder: (path) => makeFolder(path, 0o700),
  create: (path) => openSync(path, 'wx', 0o600),
  write: (fd, bytes, from, position) => writeSync(fd, bytes, from, bytes.length - from, position),
  truncate: ftruncateSync,
  remove: unlinkSync,
  dataSync,
  close: closeFile,
  async isAt(fd, path) {
    try {
      const [open, there] = [await statOpen(fd), await statPath(path)];
      return open.ino === there.ino && open.dev === there.dev;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  },
  async syncFolder(folder) {
    const fd = openSync(folder, 'r');
    try {
      await sync(fd);
    } finally {
      await closeFile(fd);
    }
  },
};

/** For the thread of the ring; `share` is that of `inWorker`. */
export function filesOf(_share: unknown): SpoolFiles {
  return DISK;
}
