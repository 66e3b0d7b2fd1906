/**
 * The answering thread's side of the ring: starts the thread that writes, puts frames in, knows what still waits.
 *
 *   put --> ring --> written by the thread, oldest first, tried again every 100 ms while the disk fails
 *                \-> at a stop, while the disk fails: given up, and counted
 *
 * If the thread dies, what it left in the ring is written here, and from then on answers wait for a slow disk. Called
 * by spool.ts.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../contract/std/logger.ts';
import type { ShedRange } from '../../../contract/wire/log/served-record.ts';
import { FrameRing } from './frame-ring.ts';
import type { RingWorkerData } from './ring-worker.ts';
import type { SegmentWriter, SegmentWriterOptions } from '../segment-writer.ts';

/** A write that takes longer is slow, and no answer waits longer for a write of the other thread. */
export const WRITE_SLOW_MS = 4;
const RETRY_MS = 100;
const POLL_MS = 5;

/** What the frames of one tick hold. */
export interface Batch {
  readonly fromSequence: number;
  readonly toSequence: number;
  /** Served requests. */
  readonly served: number;
  /** The shed numbers that their heartbeats tell of; null: none. */
  readonly told: readonly ShedRange[] | null;
}

interface RingWriterOptions extends SegmentWriterOptions {
  readonly ringBytes: number;
  readonly writer: SegmentWriter;
  readonly logger: Logger;
}

export class RingWriter {
  readonly #options: RingWriterOptions;
  readonly #ring: FrameRing;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  /** The batches that wait, oldest first. */
  readonly #waiting: Batch[] = [];
  #done = 0;
  #dead = false;
  #stopping = false;

  private constructor(options: RingWriterOptions, worker: Worker, ring: FrameRing) {
    this.#options = options;
    this.#ring = ring;
    this.#worker = worker;
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#died('it ended');
        resolve();
      });
    });
    worker.once('error', (error) => this.#died((error as Error).message));
  }

  /** @returns once the thread runs; null when it cannot be started, which costs only the help with a slow disk */
  static async start(options: RingWriterOptions): Promise<RingWriter | null> {
    const { epoch, segmentBytes, ringBytes, state, files, nowUs, logger } = options;
    if (files.inWorker === null) return null;
    // From the checkout the sources run, from an installed package what was built of them.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    try {
      const ring = new FrameRing(ringBytes);
      const workerData: RingWorkerData = {
        ring: ring.memory,
        state: state.memory,
        epoch,
        segmentBytes,
        filesModule: files.inWorker.module.href,
        filesShare: files.inWorker.share,
        slowMs: WRITE_SLOW_MS,
        retryMs: RETRY_MS,
        clockAheadUs: nowUs() - Date.now() * 1_000,
      };
      const worker = new Worker(new URL(`./ring-worker.${extension}`, import.meta.url), {
        workerData,
        name: 'plumbline spool',
        // Otherwise Node closes the thread's descriptors when it ends. The answering thread closes segments itself, and
        // by then the same numbers may belong to other files.
        trackUnmanagedFds: false,
        // Otherwise the thread's streams are piped to those of this process, which turns these non-blocking.
        stdout: true,
        stderr: true,
      });
      await new Promise<void>((resolve, reject) => {
        worker.once('message', () => resolve());
        worker.once('error', reject);
      });
      worker.unref();
      return new RingWriter(options, worker, ring);
    } catch (error) {
      logger.warn(
        `the thread that writes while a disk is slow cannot start: ${(error as Error).message}; ` +
          'answers will wait for the disk',
      );
      return null;
    }
  }

  /** Bytes of the ring's memory that wait to be written. */
  get usedBytes(): number {
    return this.#ring.used;
  }

  get capacityBytes(): number {
    return this.#ring.capacity;
  }

  get room(): number {
    return this.#ring.room;
  }

  get slowWrites(): number {
    return this.#ring.slowWrites;
  }

  /** Why the last write of the ring failed; null: it did not fail. */
  get fault(): string | null {
    return this.#ring.fault;
  }

  /** Why what waits cannot be written and is tried again; null: nothing waits, or nothing failed. */
  get blockedBy(): string | null {
    if (this.#dead || this.#ring.used === 0 || this.#ring.isAwaited) return null;
    return this.#ring.fault;
  }

  get isAlive(): boolean {
    return !this.#dead;
  }

  /** Ticks written since the start; wraps after 2^31. */
  get writtenTicks(): number {
    return this.#ring.done;
  }

  /** Ticks whose frames wait. */
  get waitingTicks(): number {
    const done = this.#ring.done;
    // Counts wrap at 2^31.
    for (let n = (done - this.#done) | 0; n > 0; n--) this.#waiting.shift();
    this.#done = done;
    return this.#waiting.length;
  }

  /**
   * @param awaited  the ring is empty, and the caller asks `settled` what became of the frames
   * @returns        false when there is no room
   */
  put(frames: Buffer, batch: Batch, awaited: boolean): boolean {
    if (!this.#ring.put(frames, batch.fromSequence, awaited)) return false;
    this.#waiting.push(batch);
    return true;
  }

  get isWriting(): boolean {
    return this.#ring.isWriting;
  }

  settled(): 'written' | 'failed' | 'waiting' {
    return this.#ring.settled();
  }

  changed(limitMs: number): Promise<void> {
    return this.#ring.changed(limitMs);
  }

  letGo(): 'written' | 'failed' | 'queued' {
    return this.#ring.letGo();
  }

  /** Writes the oldest entry in this thread. @returns false when the other thread is writing it */
  writeHere(): boolean {
    const { writer } = this.#options;
    return this.#ring.writeHere((frames, sequence) => writer.write(frames, sequence));
  }

  #died(reason: string): void {
    if (this.#dead || this.#stopping) return;
    this.#dead = true;
    const { logger, state, writer } = this.#options;
    logger.warn(`the thread that writes while a disk is slow is gone (${reason}); answers wait for the disk`);
    // It may have died in the middle of a write, and left a torn piece after the last whole frame.
    state.askToRetire();
    this.#ring.writeAll((frames, sequence) => writer.write(frames, sequence));
  }

  /**
   * Waits until all is written, however slow the disk is, and ends the thread.
   *
   * @returns what a failing disk has not taken, in order: these are lost
   */
  async stop(): Promise<readonly Batch[]> {
    if (this.#dead) return this.#left();
    if (this.#ring.used > 0) {
      this.#options.logger.info(`${this.#ring.used} bytes of the vector log wait for a slow disk`);
    }
    while (this.#ring.used > 0 && this.#ring.fault === null && !this.#dead) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.#stopping = true;
    this.#worker.ref();
    this.#ring.stop();
    await this.#ended;
    return this.#left();
  }

  #left(): readonly Batch[] {
    return this.waitingTicks === 0 ? [] : this.#waiting;
  }
}
