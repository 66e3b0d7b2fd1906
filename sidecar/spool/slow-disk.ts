/**
 * Whether the disk of the spool is slow, which is told once each time:
 *
 *   quiet --a write took over 4 ms, or a sync takes over 1 s--> slow
 *   slow  --for 1 s neither of them, and the ring is empty----> quiet
 *
 * The caller notices the first slow write or sync and calls `enter`; from then on this class looks at the ring every
 * 20 ms. Called by spool.ts.
 */
import assert from 'node:assert/strict';
import type { Logger } from '../../contract/std/logger.ts';
import type { RingWriter } from './ring/ring-writer.ts';
import type { SyncQueue } from './sync-queue.ts';

/** A sync that is in flight for longer is slow. */
export const SYNC_SLOW_MS = 1_000;
const QUIET_MS = 1_000;
const LOOK_MS = 20;

export class SlowDisk {
  readonly #folder: string;
  readonly #syncs: SyncQueue;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | null = null;
  /** When a write or a sync was last slow. */
  #slowMs = -Infinity;
  /** Of the ring, when it was last looked at. */
  #slowWrites = 0;
  #writtenTicks = 0;
  /** How often the disk became slow. */
  episodes = 0;

  constructor(folder: string, syncs: SyncQueue, logger: Logger) {
    this.#folder = folder;
    this.#syncs = syncs;
    this.#logger = logger;
  }

  get isNow(): boolean {
    return this.#timer !== null;
  }

  /** A write or a sync is slow, for the first time or again. */
  enter(ring: RingWriter, reason: string): void {
    this.#slowMs = performance.now();
    if (this.isNow) return;
    this.episodes += 1;
    this.#slowWrites = ring.slowWrites;
    this.#logger.warn(
      `the disk of the spool in ${this.#folder} is slow (${reason}): answers leave before their ` +
        'records are written, counted as queued, until it is quiet again',
    );
    this.#timer = setInterval(() => this.#look(ring), LOOK_MS).unref();
  }

  #look(ring: RingWriter): void {
    const { slowWrites, waitingTicks, writtenTicks } = ring;
    const stands = waitingTicks > 0 && writtenTicks === this.#writtenTicks;
    if (stands || slowWrites !== this.#slowWrites || this.#syncs.inFlightMs > SYNC_SLOW_MS) {
      this.#slowMs = performance.now();
    }
    this.#slowWrites = slowWrites;
    this.#writtenTicks = writtenTicks;
    if (this.#syncs.hasWaiters) void this.#syncs.sync();
    if (ring.isAlive && performance.now() - this.#slowMs < QUIET_MS) return;
    // Under load something is on its way through the ring most of the time: the next empty moment will do.
    if (ring.usedBytes === 0) this.#leave(ring);
  }

  #leave(ring: RingWriter): void {
    assert(
      ring.usedBytes === 0,
      'the order of frames is kept because the ring is empty before this thread writes',
    );
    this.stop();
    this.#logger.info(`the disk of the spool in ${this.#folder} is quiet again`);
  }

  /** At the end of the ring: nothing is looked at any more. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
