/**
 * Group commit: one `fdatasync` in flight, and all answers that wait when it begins share it.
 *
 *   tick:     1   2   3   4   5                   taken 5: handed in
 *             |---written---| |- in the ring -|   written 3
 *             |sync|                              synced 1: waiters of 1 go, the next sync begins with 2 and 3
 *
 * After a failure the kernel may have dropped what it held, and each try costs a segment. The second try comes at once
 * (the file may just have been taken away), each further one after a rest that doubles. Meanwhile `whenSynced` answers
 * false at once.
 *
 * Called by spool.ts: every 200 ms, and at once where an answer waits.
 */
import { DURATION_SLOTS, countDuration, readDurations } from './duration-counts.ts';
import type { Durations } from './duration-counts.ts';

const FIRST_REST_MS = 200;
/** For at most so long it goes unnoticed that a disk syncs again; an hour of failures makes 720 segments at most. */
const LONGEST_REST_MS = 5_000;

interface Waiter {
  readonly tick: number;
  readonly resolve: (synced: boolean) => void;
}

interface SyncParts {
  /** Makes durable all that is written when it is called. */
  readonly sync: () => Promise<void>;
  /** How many ticks are written by now. */
  readonly written: () => number;
  /** Whether finished segments wait to be closed. Each failed write leaves one, and at the 257th the writer waits. */
  readonly hasRetired: () => boolean;
  /** A sync failed, the first or a further one in a row: what it was for may be lost. */
  readonly onFailed: (error: Error, isFirst: boolean) => void;
  /** A sync has succeeded after failures. */
  readonly onRecovered: () => void;
}

export class SyncQueue {
  readonly #parts: SyncParts;
  readonly #durations = new Float64Array(DURATION_SLOTS);
  #synced = 0;
  #syncing: Promise<void> | null = null;
  #startMs = 0;
  /** How many syncs have failed in a row. */
  #failures = 0;
  #failedMs = 0;
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

  /** Whether the last sync failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  get #rests(): boolean {
    if (this.#failures < 2) return false;
    const restMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** (this.#failures - 2));
    return performance.now() - this.#failedMs < restMs;
  }

  get hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  /** For how long the sync has been in flight; 0: none is. */
  get inFlightMs(): number {
    return this.#syncing === null ? 0 : performance.now() - this.#startMs;
  }

  /** @returns once the first `tick` ticks are on the disk: true; false when the last sync failed */
  whenSynced(tick: number): Promise<boolean> {
    if (this.#synced >= tick || this.#rests) return Promise.resolve(!this.isFailing);
    return new Promise((resolve) => {
      this.#waiters.push({ tick, resolve });
      void this.sync();
    });
  }

  /** Where answers still wait when it is done, the next sync begins at once. */
  sync(): Promise<void> {
    if (this.#syncing !== null) return this.#syncing;
    const isDone = this.#synced >= this.#parts.written() && !this.#parts.hasRetired();
    if (this.#rests || isDone) return Promise.resolve();
    this.#syncing = this.#syncOnce().finally(() => {
      this.#syncing = null;
      if (this.#waiters.length > 0) void this.sync();
    });
    return this.#syncing;
  }

  async #syncOnce(): Promise<void> {
    const tick = this.#parts.written();
    this.#startMs = performance.now();
    const failedBefore = this.isFailing;
    try {
      await this.#parts.sync();
      this.#failures = 0;
      if (failedBefore) this.#parts.onRecovered();
    } catch (error) {
      this.#failedMs = performance.now();
      this.#failures += 1;
      this.#parts.onFailed(error as Error, !failedBefore);
    }
    countDuration(this.#durations, performance.now() - this.#startMs);
    this.#synced = tick;
    const waiters = this.#waiters;
    this.#waiters = this.isFailing ? [] : waiters.filter((waiter) => waiter.tick > tick);
    for (const waiter of waiters) if (this.isFailing || waiter.tick <= tick) waiter.resolve(!this.isFailing);
  }

  /**
   * Makes durable what is written, even while failures rest, and tells false to all that still wait.
   *
   * @returns whether that sync did not fail
   */
  async end(): Promise<boolean> {
    await this.#syncing;
    await this.#syncOnce();
    for (const { resolve } of this.#waiters.splice(0)) resolve(false);
    return !this.isFailing;
  }
}
