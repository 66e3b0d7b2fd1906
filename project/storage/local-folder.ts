/** A folder on this machine. Its calls are those of the file system, one after the other: none of them waits. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { syncFile, syncFolder, writeDurably } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import type { BroughtFile, Folder } from './folder.ts';

/** The calls by which a new file gets its name, as a record: a test stops between any two of them. */
export interface FolderDisk {
  write(file: string, text: string): void;
  link(from: string, to: string): void;
  remove(file: string): void;
  syncFolder(folder: string): void;
}

export const FOLDER_DISK: FolderDisk = {
  write(file, text) {
    const fd = openSync(file, 'wx', 0o644);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
  link: linkSync,
  remove: (file) => rmSync(file, { force: true }),
  syncFolder,
};

export function localFolder(path: string, disk: FolderDisk = FOLDER_DISK): Folder {
  return new LocalFolder(resolve(path), disk);
}

class LocalFolder implements Folder {
  readonly path: string;
  readonly #disk: FolderDisk;

  constructor(path: string, disk: FolderDisk) {
    this.path = path;
    this.#disk = disk;
  }

  below(...names: string[]): Folder {
    return new LocalFolder(join(this.path, ...names), this.#disk);
  }

  fileOf(name: string): string {
    return join(this.path, name);
  }

  async names(): Promise<string[]> {
    try {
      return readdirSync(this.path).toSorted();
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  }

  async read(name: string): Promise<string | null> {
    return textOf(this.fileOf(name));
  }

  async has(name: string): Promise<boolean> {
    return existsSync(this.fileOf(name));
  }

  async write(name: string, text: string): Promise<void> {
    writeDurably(this.fileOf(name), text, 0o644);
  }

  /** Written aside, synced, linked to its name, the folder synced: `link` fails where the name is taken. */
  async create(name: string, text: string): Promise<boolean> {
    const file = this.fileOf(name);
    const folder = dirname(file);
    makeFolder(folder);
    const disk = this.#disk;
    const aside = join(folder, `_aside-${randomBytes(8).toString('hex')}.tmp`);
    try {
      disk.write(aside, text);
    } catch (error) {
      disk.remove(aside);
      throw error;
    }
    try {
      disk.link(aside, file);
    } catch (error) {
      // A network's file system may have made the link and lost the answer, whatever it says: what stands there tells.
      if (textOf(file) !== text) {
        disk.remove(aside);
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      }
    }
    disk.syncFolder(folder);
    disk.remove(aside);
    return true;
  }

  asideOf(name: string): string {
    const file = this.fileOf(name);
    makeFolder(dirname(file));
    return `${file}.${process.pid}.tmp`;
  }

  async bring(files: readonly BroughtFile[]): Promise<void> {
    const folders = new Set<string>();
    for (const { from, to } of files) {
      const file = this.fileOf(to);
      makeFolder(dirname(file));
      syncFile(from);
      renameSync(from, file);
      folders.add(dirname(file));
    }
    for (const folder of folders) syncFolder(folder);
    if (files.length > 0) syncFolder(this.path);
  }

  async move(from: string, to: string): Promise<void> {
    const [source, file] = [this.fileOf(from), this.fileOf(to)];
    if (!existsSync(source)) return;
    makeFolder(dirname(file));
    renameSync(source, file);
    for (const folder of new Set([dirname(file), dirname(source)])) syncFolder(folder);
  }

  /** A link where that can be: a file is never changed once it has a name. */
  async fetch(name: string, to: string): Promise<boolean> {
    const file = this.fileOf(name);
    try {
      linkSync(file, to);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return false;
      if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(code)) throw error;
      copyFileSync(file, to);
    }
    return true;
  }

  async remove(name: string): Promise<void> {
    rmSync(this.fileOf(name), { force: true });
  }

  async changedMs(name: string): Promise<number> {
    return statSync(this.fileOf(name), { throwIfNoEntry: false })?.ctimeMs ?? Infinity;
  }

  async make(): Promise<void> {
    makeFolder(this.path);
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
