/**
 * The spool: served vectors on disk, in the order they were served (README.md in this folder has the decisions).
 *
 *   folder = lock.db | {start}-{epoch}-{number}.seg ... | {consumer}.cursor ...
 *
 *   mode      entered when                         frames are                              left when
 *   direct    the spool is opened                  written by this thread                  another mode is entered
 *   guarded   a sync begins                        written by the thread of the ring, and  the sync has ended
 *                                                  waited for, but for 4 ms at most
 *   slow      a write takes over 4 ms,             the same while the ring is empty; else  neither happened for 1 s,
 *             a sync takes over 1 s                put behind what waits there: QUEUED     and the ring is empty
 *   failing   a write fails, in either thread:     refused, but for one try every 100 ms   a write succeeds
 *             no space, an I/O error
 *   full      frames would pass maxBytes           refused, but for heartbeats             a passed segment was deleted
 *
 * Several can hold at once (a slow disk becomes full): `mode` is the last of the table that holds. One file keeps each:
 * guarded sync-queue.ts, slow slow-disk.ts, failing disk-fault.ts, full spool-room.ts.
 *
 * Why guarded: a write blocks for long only while the disk is busy, and every 200 ms our own sync keeps it busy. With
 * another thread writing, this one goes on, and what it serves meanwhile goes with the next write: a disk that stops
 * costs the answers of one tick 4 ms and not its whole stop. The ring alone tells which thread writes: an empty one
 * leaves the segment to this thread. A write that fails in the ring is tried again and not given up, so that the
 * numbers on the disk have no hole that no heartbeat tells of. A sync that fails leaves its frames written but not
 * certain (sync-queue.ts).
 *
 * Trades one write per event-loop tick (about 3 us and the copy) for: a killed process loses no answered vector.
 * Power loss may take what was not yet synced, 200 ms of it. Called by vector-log.ts. A disk that fails never becomes
 * an exception for a request: `write` says REFUSED.
 */
import type { Clock } from '../../project/clock.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { MAX_SEGMENT_BYTES } from '../../contract/wire/log/spool-segment.ts';
import { DiskFault } from './disk-fault.ts';
import { isDiskTrouble, logError } from './errors.ts';
import { SegmentSweep } from './passed-segments.ts';
import { SYNC_SLOW_MS, SlowDisk } from './slow-disk.ts';
import { readDurations } from './duration-counts.ts';
import type { Durations } from './duration-counts.ts';
import { RingWriter, WRITE_SLOW_MS } from './ring/ring-writer.ts';
import type { Batch } from './ring/ring-writer.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { Epoch } from './segment-writer.ts';
import { epochOf } from './start-epoch.ts';
import type { SpoolFiles } from './spool-files.ts';
import { SpoolFolder } from './spool-folder.ts';
import { SpoolRoom } from './spool-room.ts';
import type { RoomOptions } from './spool-room.ts';
import { SyncQueue } from './sync-queue.ts';
import { AWAITED, QUEUED, REFUSED, WRITTEN } from './write-level.ts';
import type { WriteLevel } from './write-level.ts';
import { WriterState } from './writer-state.ts';

const SYNC_MS = 200;
const SWEEP_MS = 1_000;
/** Once a sync takes so long, a write by this thread might stand still with it. */
const SYNC_DOUBT_MS = 50;
/** A full spool has at least so many segments, so that there is one to delete beside the one being written. */
const SEGMENTS_WHEN_FULL = 8;

/** How the spool takes frames at present, from the least to the most that is wrong. */
export const SPOOL_MODES = ['direct', 'guarded', 'slow', 'failing', 'full'] as const;
export type SpoolMode = (typeof SPOOL_MODES)[number];

interface SpoolOptions extends RoomOptions {
  readonly pod: string;
  readonly epoch: bigint;
  readonly clock: Clock;
  /** Memory for frames while the disk is slow; 0: answers wait for it. */
  readonly ringBytes: number;
  readonly files: SpoolFiles;
  /** Segments that all of these have passed are deleted; none: nothing is. */
  readonly consumers: readonly string[];
}

export interface SpoolStats {
  readonly mode: SpoolMode;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly segments: number;
  /** Whether frames go to the ring, since the disk is slow. */
  readonly isSlow: boolean;
  readonly slowEpisodes: number;
  readonly isFailing: boolean;
  /** How often the folder, or the segment in it, was gone. */
  readonly vanished: number;
  readonly ringBytes: number;
  readonly ringCapacityBytes: number;
  readonly writes: Durations;
  readonly syncs: Durations;
}

export class Spool {
  readonly #options: SpoolOptions;
  readonly #folder: SpoolFolder;
  readonly #state: WriterState;
  readonly #writer: SegmentWriter;
  readonly #syncs: SyncQueue;
  #ring: RingWriter | null = null;
  /** How many ticks' frames were taken: written, or in the ring. */
  #taken = 0;
  readonly #fault: DiskFault;
  /** Whether what waits in the ring cannot be written. */
  #blocked = false;
  /** When the frames that are AWAITED were put into the ring. */
  #awaitedMs = 0;
  readonly #slow: SlowDisk;
  /** Asked before frames are made of a request. */
  readonly room: SpoolRoom;
  readonly #sweep: SegmentSweep;
  readonly #timers: readonly NodeJS.Timeout[];

  private constructor(options: SpoolOptions, folder: SpoolFolder, state: WriterState, epoch: Epoch) {
    const { files, clock, logger } = options;
    this.#options = options;
    this.#folder = folder;
    this.#state = state;
    this.#fault = new DiskFault(options.folder, logger);
    const nowUs = (): number => clock.nowUs();
    this.#writer = new SegmentWriter({ epoch, files, segmentBytes: segmentBytesOf(options), nowUs, state });
    this.#syncs = new SyncQueue({
      sync: () => this.#writer.sync(),
      written: () => this.#taken - (this.#ring === null ? 0 : this.#ring.waitingTicks),
      hasRetired: () => this.#state.hasRetired,
      onFailed: (error, isFirst) => {
        this.#state.askToRetire();
        this.#folder.look();
        if (isFirst)
          logger.warn(
            `the spool in ${folder.path}: a sync failed, and what it was for may be lost: ${error.message}`,
          );
      },
      onRecovered: () => logger.info(`the spool in ${folder.path} can be synced again`),
    });
    this.room = new SpoolRoom(options, () => this.bytes + (this.#ring === null ? 0 : this.#ring.usedBytes));
    this.#slow = new SlowDisk(options.folder, this.#syncs, logger);
    this.#sweep = new SegmentSweep(options);
    this.#timers = [
      setInterval(() => void this.#syncs.sync(), SYNC_MS).unref(),
      setInterval(() => void this.sweep(), SWEEP_MS).unref(),
    ];
  }

  /** @throws LOG_LOCKED, LOG_FOLDER */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { folder: path, files, ringBytes, clock, logger } = options;
    const state = new WriterState(null);
    let folder: SpoolFolder | null = null;
    try {
      folder = SpoolFolder.take(path, state, logger);
      const epoch = epochOf(options, folder.existing);
      const spool = new Spool(options, folder, state, epoch);
      await folder.countRejected();
      spool.#openFirst();
      if (ringBytes > 0) {
        const nowUs = (): number => clock.nowUs();
        const segmentBytes = segmentBytesOf(options);
        const parts = { epoch, segmentBytes, ringBytes, state, files, nowUs, logger };
        spool.#ring = await RingWriter.start({ ...parts, writer: spool.#writer });
      }
      return spool;
    } catch (error) {
      folder?.release();
      if (error instanceof CodedError) throw error;
      throw logError(
        'LOG_FOLDER',
        `cannot write the spool in ${path}: ${(error as Error).message}`,
        { file: path },
        error,
      );
    }
  }

  #openFirst(): void {
    try {
      this.#writer.open(1);
    } catch (error) {
      if (!isDiskTrouble(error)) {
        this.#stopTimers();
        throw error;
      }
      this.#fault.met((error as Error).message);
    }
  }

  /** Of all segments in the folder. */
  get bytes(): number {
    return this.#folder.bytes;
  }

  get mode(): SpoolMode {
    if (this.room.isFull) return 'full';
    if (this.#fault.isThere) return 'failing';
    if (this.#slow.isNow) return 'slow';
    return this.#syncs.isInFlight && this.#ring !== null ? 'guarded' : 'direct';
  }

  /** Bytes that a tick may have at most while others wait in the ring; Infinity while none does. */
  get ringRoom(): number {
    return this.#ring !== null && this.#ring.usedBytes > 0 ? this.#ring.room : Infinity;
  }

  /** Whether the disk takes nothing: what waits in the ring is tried again, or a write has just failed. */
  get resting(): boolean {
    return this.#followRing() || this.#fault.isFresh;
  }

  /** Whether the last sync failed, so that what is written may not be on the disk. */
  get isSyncFailing(): boolean {
    return this.#syncs.isFailing;
  }

  /** @returns whether the other thread cannot write what waits; it tries again, and nothing may be put behind it */
  #followRing(): boolean {
    const fault = this.#ring === null ? null : this.#ring.blockedBy;
    if (fault !== null) this.#fault.met(fault);
    else if (this.#blocked) this.#fault.gone();
    this.#blocked = fault !== null;
    return this.#blocked;
  }

  stats(): SpoolStats {
    const ring = this.#ring;
    this.#followRing();
    return {
      mode: this.mode,
      bytes: this.bytes,
      maxBytes: this.#options.maxBytes,
      segments: this.#folder.segments,
      isSlow: this.#slow.isNow,
      slowEpisodes: this.#slow.episodes,
      isFailing: this.#fault.isThere || this.#syncs.isFailing || this.#folder.isAlarmed,
      vanished: this.#folder.vanished,
      ringBytes: ring === null ? 0 : ring.usedBytes,
      ringCapacityBytes: ring === null ? 0 : ring.capacityBytes,
      writes: readDurations(this.#state.writeDurations),
      syncs: this.#syncs.durations,
    };
  }

  /**
   * Takes the frames of a tick.
   *
   * @returns  WRITTEN: the kernel has them; QUEUED: the ring has them, and they are lost only if this process dies
   *           before they are written; REFUSED: none of them was taken; AWAITED: the other thread is about to write
   *           them, and nothing else may be written before `settle` gives one of the other levels
   */
  write(frames: Buffer, batch: Batch): WriteLevel {
    const level = this.#take(frames, batch);
    if (level !== REFUSED) this.#taken += 1;
    return level;
  }

  #take(frames: Buffer, batch: Batch): WriteLevel {
    const ring = this.#ring;
    if (ring === null || !ring.isAlive) return this.#writeHere(frames, batch.fromSequence);
    if (this.#syncs.inFlightMs > SYNC_SLOW_MS) this.#slow.enter(ring, `a sync takes over ${SYNC_SLOW_MS} ms`);
    if (this.#followRing()) return REFUSED;
    if (ring.usedBytes > 0) return ring.put(frames, batch, false) ? QUEUED : REFUSED;
    const guarded = this.#slow.isNow || this.#syncs.isInFlight;
    // Frames that are larger than the ring can only be written by this thread.
    if (!guarded || !ring.put(frames, batch, true)) return this.#writeHere(frames, batch.fromSequence);
    this.#awaitedMs = performance.now();
    return AWAITED;
  }

  /** What became of the frames that were AWAITED; not AWAITED any more once 4 ms have passed. */
  settle(): WriteLevel {
    const ring = this.#ring!;
    const result = ring.settled();
    if (result !== 'waiting') return this.#settled(result);
    if (performance.now() - this.#awaitedMs < WRITE_SLOW_MS) return AWAITED;
    const { isWriting } = ring;
    // If the other thread has not begun, it lacks the processor; the disk is to blame only if a sync takes long too.
    const mayWrite = !isWriting && this.#syncs.inFlightMs <= SYNC_DOUBT_MS;
    if (mayWrite && ring.writeHere()) return this.#settled(ring.letGo());
    if (isWriting) this.#slow.enter(ring, `a write takes over ${WRITE_SLOW_MS} ms`);
    return this.letGo();
  }

  /** Waits no longer for frames that were AWAITED. @returns any level but AWAITED */
  letGo(): WriteLevel {
    return this.#settled(this.#ring!.letGo());
  }

  /** @returns when `settle` may have something new to say */
  whenSettled(): Promise<void> {
    return this.#ring!.changed(Math.max(1, this.#awaitedMs + WRITE_SLOW_MS - performance.now()));
  }

  #settled(result: 'written' | 'failed' | 'queued'): WriteLevel {
    if (result === 'queued') return QUEUED;
    if (result === 'failed') {
      this.#fault.met(this.#ring!.fault ?? 'the write failed');
      return REFUSED;
    }
    this.#fault.gone();
    return WRITTEN;
  }

  #writeHere(frames: Buffer, firstSequence: number): WriteLevel {
    const startMs = performance.now();
    try {
      this.#writer.write(frames, firstSequence);
    } catch (error) {
      this.#fault.met((error as Error).message);
      return REFUSED;
    }
    const isSlow = performance.now() - startMs > WRITE_SLOW_MS;
    // Without a ring there is nothing to change to: answers wait for the disk.
    if (isSlow && this.#ring !== null) this.#slow.enter(this.#ring, `a write took over ${WRITE_SLOW_MS} ms`);
    this.#fault.gone();
    return WRITTEN;
  }

  /** @returns once all that was taken is on the disk: true, or false when the disk failed to keep it */
  whenSynced(): Promise<boolean> {
    return this.#syncs.whenSynced(this.#taken);
  }

  /** Deletes what every consumer has passed. */
  sweep(): Promise<void> {
    this.#folder.look();
    this.#followRing();
    void this.#folder.countRejected();
    return this.#sweep.sweep(this.#writer.current, (bytes) => this.#folder.deleted(bytes));
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /**
   * Ends the ring: what it has is written, however long a slow disk takes for it, and what comes is written here.
   *
   * @returns what was answered at level queued and then not taken by a disk that fails, in order
   */
  async drain(): Promise<readonly Batch[]> {
    if (this.#ring === null) return [];
    const lost = await this.#ring.stop();
    this.#slow.stop();
    this.#ring = null;
    this.#taken -= lost.length;
    return lost;
  }

  /**
   * Takes nothing more; after `drain`.
   *
   * @returns whether what was taken is durable
   */
  async close(): Promise<boolean> {
    this.#stopTimers();
    this.#writer.retire();
    const synced = await this.#syncs.end();
    this.#folder.release();
    return synced;
  }
}

function segmentBytesOf({ maxBytes }: SpoolOptions): number {
  return Math.min(MAX_SEGMENT_BYTES, Math.ceil(maxBytes / SEGMENTS_WHEN_FULL));
}
