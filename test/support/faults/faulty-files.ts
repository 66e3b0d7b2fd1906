/** A disk that fills up and fails when told to; what it does write goes to real files. Syncs cost nothing. */
import { DISK } from '../../../sidecar/spool/spool-files.ts';
import type { SpoolFiles } from '../../../sidecar/spool/spool-files.ts';

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: told to fail`), { code });
}

export class FaultyFiles implements SpoolFiles {
  readonly inWorker = null;
  /** Bytes that may still be written; the write that passes them is torn, as the kernel does it. */
  room = Infinity;
  failsWith = 'ENOSPC';
  truncateFails = false;
  removeFails = false;
  syncFails = false;

  makeFolder(path: string): boolean {
    return DISK.makeFolder(path);
  }

  isAt(fd: number, path: string): Promise<boolean> {
    return DISK.isAt(fd, path);
  }

  create(path: string): number {
    return DISK.create(path);
  }

  write(fd: number, bytes: Buffer, from: number, position: number): number {
    const asked = bytes.length - from;
    if (asked <= this.room) {
      this.room -= asked;
      return DISK.write(fd, bytes, from, position);
    }
    if (this.room === 0) throw failure(this.failsWith);
    const torn = bytes.subarray(0, from + this.room);
    this.room = 0;
    return DISK.write(fd, torn, from, position);
  }

  truncate(fd: number, bytes: number): void {
    if (this.truncateFails) throw failure('EIO');
    DISK.truncate(fd, bytes);
  }

  remove(path: string): void {
    if (this.removeFails) throw failure('EIO');
    DISK.remove(path);
  }

  async dataSync(): Promise<void> {
    if (this.syncFails) throw failure('EIO');
  }

  async syncFolder(): Promise<void> {}

  close(fd: number): Promise<void> {
    return DISK.close(fd);
  }
}
