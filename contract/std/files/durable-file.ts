/** Files that are whole or not there: written aside, synced, renamed, and the folder synced. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './folder.ts';

/** The calls that a durable file makes, as a record: a test stops between any two of them, as a power loss would. */
export interface DurableDisk {
  /** Opens for writing, empty. */
  open(path: string, mode: number): number;
  write(fd: number, bytes: Uint8Array, from: number): number;
  sync(fd: number): void;
  close(fd: number): void;
  rename(from: string, to: string): void;
  syncFolder(folder: string): void;
}

const DISK: DurableDisk = {
  open: (path, mode) => openSync(path, 'w', mode),
  write: (fd, bytes, from) => writeSync(fd, bytes, from),
  sync: fsyncSync,
  close: closeSync,
  rename: renameSync,
  syncFolder,
};

/** @param mode  of the file; a folder that has to be made gets a mode for the same people */
export function writeDurably(file: string, content: string | Uint8Array, mode = 0o600, disk = DISK): void {
  makeFolder(dirname(file), mode === 0o600 ? 0o700 : 0o777);
  const aside = `${file}.${process.pid}.tmp`;
  const fd = disk.open(aside, mode);
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length;) at += disk.write(fd, bytes, at);
    disk.sync(fd);
  } finally {
    disk.close(fd);
  }
  disk.rename(aside, file);
  disk.syncFolder(dirname(file));
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
