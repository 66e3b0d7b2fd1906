/**
 * Group commit: one `fdatasync` in flight, and all answers that wait when it begins share it.
 *
 *   tick:     1   2   3   4   5                   taken 5: handed in
 *             |---written---| |- in the ring -|   written 3
 *             |sync|                              synced 1: waiters of 1 go, the next sync begins with 2 and 3
 *
 * Called by spool.ts: every 200 ms, and at once where an answer waits.
 */
import { DURATION_SLOTS, countDuration, readDurations } from './duration-counts.ts';
import type { Durations } from './duration-counts.ts';

interface Waiter {
  readonly tick: number;
  readonly resolve: (synced: boolean) => void;
}

export interface SyncParts {
  /** Makes durable all that is written when it is called. */
  readonly sync: () => Promise<void>;
  /** How many ticks are written by now. */
  readonly written: () => number;
  /** The first of a row of failures. After one the kernel may have dropped the pages: what they held is in doubt. */
  readonly onFailed: (error: Error, isFirst: boolean) => void;
}

export class SyncQueue {
  readonly #parts: SyncParts;
  readonly #durations = new Float64Array(DURATION_SLOTS);
  #synced = 0;
  #syncing: Promise<void> | null = null;
  #startMs = 0;
  #failed = false;
  #waiters: Waiter[] = [];

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  get durations(): Durations {
    return readDurations(this.#durations);
  }

  get isInFlight(): boolean {
    return this.#syncing !== null;
  }

  get hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  /** For how long the sync in flight has been; 0: none is. */
  get inFlightMs(): number {
    return this.#syncing === null ? 0 : performance.now() - this.#startMs;
  }

  /** @returns once the first `tick` ticks are on the disk: true; false when the last sync, over them too, failed */
  whenSynced(tick: number): Promise<boolean> {
    if (this.#synced >= tick) return Promise.resolve(!this.#failed);
    return new Promise((resolve) => {
      this.#waiters.push({ tick, resolve });
      void this.sync();
    });
  }

  /** Answers that wait when it is done get the next one at once. */
  sync(): Promise<void> {
    if (this.#syncing !== null) return this.#syncing;
    if (this.#synced >= this.#parts.written()) return Promise.resolve();
    this.#syncing = this.#syncOnce().finally(() => {
      this.#syncing = null;
      if (this.#waiters.length > 0) void this.sync();
    });
    return this.#syncing;
  }

  async #syncOnce(): Promise<void> {
    const tick = this.#parts.written();
    this.#startMs = performance.now();
    let kept = true;
    try {
      await this.#parts.sync();
      this.#failed = false;
    } catch (error) {
      kept = false;
      this.#parts.onFailed(error as Error, !this.#failed);
      this.#failed = true;
    }
    countDuration(this.#durations, performance.now() - this.#startMs);
    this.#synced = tick;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.tick > tick);
    for (const waiter of waiters) if (waiter.tick <= tick) waiter.resolve(kept);
  }

  /** Makes durable what is written, whatever was before, and tells who still waits that it was in vain. */
  async end(): Promise<void> {
    await this.#syncing;
    await this.#syncOnce();
    for (const { resolve } of this.#waiters.splice(0)) resolve(false);
  }
}
