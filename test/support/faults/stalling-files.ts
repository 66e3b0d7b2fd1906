/**
 * A disk that stops: while it is stalled no sync ends, and once a sync is in flight no write ends either, as a file
 * system does whose journal waits for the device; before that the kernel's memory takes writes. The blocking is real:
 * a thread that writes stands still. Both threads of a spool share one, over real files.
 */
import { isMainThread } from 'node:worker_threads';
import { DISK } from '../../../sidecar/spool/spool-files.ts';
import type { SpoolFiles } from '../../../sidecar/spool/spool-files.ts';

const STALLED = 0;
const SYNCS = 1;
const WRITES_HELD = 2;
const FAILING = 3;
const MAIN_HELD_MS = 4;
const SYNCING = 5;

const MAIN_HELD_MAX_MS = 500;

export class StallingFiles implements SpoolFiles {
  readonly inWorker: SpoolFiles['inWorker'];
  readonly #flags: Int32Array;
  readonly #under: SpoolFiles;

  constructor(share = new SharedArrayBuffer(32), under = DISK) {
    this.#under = under;
    this.#flags = new Int32Array(share);
    this.inWorker = { module: new URL(import.meta.url), share };
  }

  stall(): void {
    Atomics.store(this.#flags, STALLED, 1);
  }

  /** No sync ends, but writes do: as while a large sync is in flight on a disk that is well. */
  syncForever(): void {
    Atomics.store(this.#flags, SYNCING, 1);
  }

  goOn(): void {
    Atomics.store(this.#flags, SYNCING, 0);
    Atomics.store(this.#flags, STALLED, 0);
    Atomics.notify(this.#flags, STALLED);
  }

  /** Whether each write fails at once, for want of space. */
  set fails(value: boolean) {
    this.failFrom(value ? 0 : null);
  }

  /** Writes of so many bytes and more fail at once; null: none does. */
  failFrom(bytes: number | null): void {
    Atomics.store(this.#flags, FAILING, bytes === null ? 0 : bytes + 1);
  }

  /** Writes that had to wait, and for how long the answering thread did. */
  get held(): { readonly writes: number; readonly mainMs: number } {
    return { writes: this.#flags[WRITES_HELD]!, mainMs: this.#flags[MAIN_HELD_MS]! };
  }

  get isSyncing(): boolean {
    return Atomics.load(this.#flags, SYNCS) > 0;
  }

  #hold(): void {
    if (Atomics.load(this.#flags, STALLED) === 0 || !this.isSyncing) return;
    Atomics.add(this.#flags, WRITES_HELD, 1);
    const startMs = performance.now();
    // Who would end the stall is the answering thread itself.
    Atomics.wait(this.#flags, STALLED, 1, isMainThread ? MAIN_HELD_MAX_MS : Infinity);
    if (isMainThread) Atomics.add(this.#flags, MAIN_HELD_MS, Math.round(performance.now() - startMs));
  }

  #mayFail(bytes: number): void {
    const from = Atomics.load(this.#flags, FAILING);
    if (from > 0 && bytes + 1 >= from) {
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    }
  }

  makeFolder(path: string): boolean {
    return this.#under.makeFolder(path);
  }

  isAt(fd: number, path: string): Promise<boolean> {
    return this.#under.isAt(fd, path);
  }

  create(path: string): number {
    this.#hold();
    this.#mayFail(0);
    return this.#under.create(path);
  }

  write(fd: number, bytes: Buffer, from: number, position: number): number {
    this.#hold();
    this.#mayFail(bytes.length - from);
    return this.#under.write(fd, bytes, from, position);
  }

  truncate(fd: number, bytes: number): void {
    this.#under.truncate(fd, bytes);
  }

  remove(path: string): void {
    this.#under.remove(path);
  }

  async dataSync(fd: number): Promise<void> {
    Atomics.add(this.#flags, SYNCS, 1);
    while (Atomics.load(this.#flags, STALLED) === 1 || Atomics.load(this.#flags, SYNCING) === 1) {
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    Atomics.sub(this.#flags, SYNCS, 1);
    await this.#under.dataSync(fd);
  }

  syncFolder(folder: string): Promise<void> {
    return this.#under.syncFolder(folder);
  }

  close(fd: number): Promise<void> {
    return this.#under.close(fd);
  }
}

export function filesOf(share: unknown): SpoolFiles {
  return new StallingFiles(share as SharedArrayBuffer);
}
