/**
 * The vector log as the sidecar's request path sees it: every served request gets a sequence number and is logged
 * before its answer leaves, or is shed and counted.
 *
 *   append(request) --frame--> buffer of this tick --commit(): one write--> spool --every 200 ms--> synced
 *        |                                               |
 *        `- spool full, record too large                 `- disk full or failed
 *                   \                                   /
 *                    `-- shed-log: the number goes to a range, told of by the next heartbeat
 *                    `-- reject: false, and the request must be refused
 *
 * Durability `queued`: a tick is written after its answers have left. `written`: before they leave, unless the disk is
 * slow (spool.ts): then they leave at level queued, and are counted so. `synced`: answers also wait for `whenSynced()`,
 * however long the disk takes.
 *
 * Where a sync fails, the answers that wait for it leave at the level that is certain, or under `reject` are refused,
 * although their records are written. From then on `reject` refuses before it writes, until a heartbeat was synced.
 *
 * While a sync is in flight another thread writes (spool.ts), and this one goes on: one write is in flight, what is
 * committed meanwhile goes with the next, and both are held until `onSettled` says what became of them. Called by
 * outbox.ts; never throws into a request.
 */
import { randomBytes } from 'node:crypto';
import { OWN_PACKAGE } from '../../project/own-package.ts';
import type { Clock } from '../../project/clock.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { MAX_RECORD_BYTES, RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import {
  SHED_DISK,
  SHED_SPOOL_FULL,
  SHED_TOO_LARGE,
  SHED_UNKNOWN,
} from '../../contract/wire/log/served-record.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { ENGINE } from '../../contract/on-demand/engine.ts';
import type { Batch } from '../spool/ring/ring-writer.ts';
import { DISK } from '../spool/spool-files.ts';
import type { SpoolFiles } from '../spool/spool-files.ts';
import { Spool } from '../spool/spool.ts';
import type { SpoolStats } from '../spool/spool.ts';
import { AWAITED, QUEUED, REFUSED } from '../spool/write-level.ts';
import type { WriteLevel } from '../spool/write-level.ts';
import { ShedLines } from './shed-lines.ts';
import { ShedRanges } from './shed-ranges.ts';

const HEARTBEAT_MS = 10_000;
/** While requests are refused because syncs fail, a heartbeat is written so often, for the next sync to try with. */
const PROBE_MS = 1_000;
const TOO_LARGE = `its record is larger than the ${MAX_RECORD_BYTES / 2 ** 20} MiB that one may have; ask for fewer rows at once`;
/** Room for a heartbeat, which must fit before any further record. */
const BEAT_BYTES = 4_096;
/** Some 3 s of 30,000 requests a second; memory that is never touched costs nothing. */
const RING_BYTES = 64 * 2 ** 20;

export interface VectorLogOptions {
  readonly folder: string;
  /** The pod's UID, else the host's name. */
  readonly pod: string;
  readonly clock: Clock;
  readonly durability: 'queued' | 'written' | 'synced';
  readonly maxBytes: number;
  readonly onFull: 'shed-log' | 'reject';
  readonly logger: Logger;
  /** Segments that all of these have passed are deleted; without consumers nothing is. */
  readonly consumers?: readonly string[];
  /** Memory for frames while the disk is slow, 64 MiB unless given; 0: answers wait for the disk. */
  readonly ringBytes?: number;
  /** The disk, unless a test gives one that fills up and fails. */
  readonly files?: SpoolFiles;
}

/**
 * What became of a commit. taken: what was appended is as safe as the durability says; refused: the disk took none of
 * it, and under `reject` its answers must be refused; held: not known yet.
 */
export type Committed = 'taken' | 'refused' | 'held';

/** Called for what was held: all numbers up to `toSequence` for which it was not called before. */
export type SettledListener = (toSequence: number, committed: 'taken' | 'refused') => void;

export interface VectorLogStats {
  /** Of all segments in the folder, earlier starts' included. */
  readonly bytes: number;
  /** Requests logged by this start, and answered without being logged. */
  readonly records: number;
  readonly shedRecords: number;
  /** 16 hex digits. */
  readonly epoch: string;
  /** The highest number given. */
  readonly sequence: number;
  /** Requests by what was certain when they were answered. */
  readonly levels: { readonly queued: number; readonly written: number; readonly synced: number };
  readonly spool: SpoolStats;
}

export class VectorLog {
  readonly #options: VectorLogOptions;
  readonly #epoch: bigint;
  readonly #encoder: RecordEncoder;
  readonly #spool: Spool;
  readonly #timers: NodeJS.Timeout[];
  /** Whether an answer may only leave once its record is certain to be on the disk. */
  readonly #refusesUnsynced: boolean;
  #sequence = 0;
  /** Of the frames in the encoder's buffer: the first and the last number, and how many are served requests. */
  #pendingFrom = 0;
  #pendingTo = 0;
  #pendingServed = 0;
  readonly #ranges = new ShedRanges();
  readonly #shedLines: ShedLines;
  #served = 0;
  #shed = 0;
  readonly #levels = { queued: 0, written: 0, synced: 0 };
  #flushQueued = false;
  /** What the other thread is about to write; null: nothing. */
  #flight: Batch | null = null;
  /** Whether requests were appended whose commit comes at the end of this tick. */
  #inTick = false;
  #watching = false;
  #closed = false;
  /** Hash of the bundle in force, for heartbeats; empty: none is loaded yet. */
  bundle = '';
  /** Answers that were held may leave, or must be refused. */
  onSettled: SettledListener = () => {};

  private constructor(options: VectorLogOptions, epoch: bigint, spool: Spool) {
    this.#options = options;
    this.#epoch = epoch;
    this.#spool = spool;
    this.#shedLines = new ShedLines(options.logger);
    this.#encoder = new RecordEncoder(options.pod, epoch);
    this.#refusesUnsynced = options.durability === 'synced' && options.onFull === 'reject';
    this.#timers = [setInterval(() => this.#heartbeat(), HEARTBEAT_MS).unref()];
    if (this.#refusesUnsynced) this.#timers.push(setInterval(() => this.#probe(), PROBE_MS).unref());
  }

  /** @throws LOG_LOCKED when another sidecar writes this spool, LOG_FOLDER when it cannot be written */
  static async open(options: VectorLogOptions): Promise<VectorLog> {
    const epoch = randomBytes(8).readBigUInt64LE();
    const { folder, pod, clock, maxBytes, onFull, logger } = options;
    const { files = DISK, consumers = [], ringBytes = RING_BYTES } = options;
    const spool = await Spool.open({
      folder,
      pod,
      epoch,
      clock,
      maxBytes,
      onFull,
      ringBytes,
      logger,
      files,
      consumers,
    });
    return new VectorLog(options, epoch, spool);
  }

  /**
   * Encodes one frame into the tick's buffer. The request's buffers are copied.
   *
   * @returns false when the policy is `reject` and the request cannot be logged: it must be refused
   */
  append(request: ServedRequest): boolean {
    if (this.#closed) return this.#refuse(SHED_DISK);
    if (this.#spool.room.isFull) return this.#refuse(SHED_SPOOL_FULL);
    if (this.#spool.resting) return this.#refuse(SHED_DISK);
    if (this.#refusesUnsynced && this.#spool.isSyncFailing) return this.#refuse(SHED_DISK);
    const { ringRoom } = this.#spool;
    if (this.#encoder.bytes + BEAT_BYTES > ringRoom) return this.#refuse(SHED_DISK);
    if (this.#ranges.untold) this.#beat(false);
    const before = this.#encoder.bytes;
    let fits: boolean;
    try {
      fits = this.#encoder.appendServed(request, this.#sequence + 1);
    } catch (error) {
      this.#encoder.cut(before);
      return this.#refuse(SHED_UNKNOWN, `it cannot be encoded: ${(error as Error).message}`);
    }
    if (!fits) return this.#refuse(SHED_TOO_LARGE, TOO_LARGE);
    if (!this.#spool.room.fits(this.#encoder.bytes)) {
      this.#encoder.cut(before);
      return this.#refuse(SHED_SPOOL_FULL);
    }
    if (this.#encoder.bytes > ringRoom) {
      this.#encoder.cut(before);
      return this.#refuse(SHED_DISK);
    }
    this.#number(before);
    this.#pendingServed += 1;
    this.#inTick = true;
    return true;
  }

  /** The highest number given. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Writes what was appended since the last call; called once per event-loop tick, before the tick's answers leave. */
  commit(): Committed {
    this.#inTick = false;
    if (this.#options.durability !== 'queued') return this.#flush();
    if (!this.#flushQueued && this.#encoder.bytes > 0) {
      this.#flushQueued = true;
      setImmediate(() => {
        this.#flushQueued = false;
        this.#flush();
      });
    }
    return 'taken';
  }

  /** @returns true once all that was committed is on the disk, false when the disk failed to keep it */
  whenSynced(): Promise<boolean> {
    return this.#spool.whenSynced();
  }

  stats(): VectorLogStats {
    return {
      bytes: this.#spool.bytes,
      levels: { ...this.#levels },
      spool: this.#spool.stats(),
      records: this.#served,
      shedRecords: this.#shed,
      epoch: this.#epoch.toString(16).padStart(16, '0'),
      sequence: this.#sequence,
    };
  }

  /**
   * Writes the last record, makes all of it durable and unlocks the spool.
   *
   * @returns what the disk did not keep, as a clause; null: nothing. Again: null
   */
  async close(): Promise<string | null> {
    if (this.#closed) return null;
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#finish();
    let lost = 0;
    for (const batch of await this.#spool.drain()) {
      lost += batch.served;
      this.#served -= batch.served;
      this.#account(batch, REFUSED);
    }
    this.#beat(true);
    const hasEnded = this.#flush() === 'taken';
    const isSynced = await this.#spool.close();
    if (lost > 0) {
      const told = hasEnded
        ? 'its last record tells which'
        : `and neither is the last record, which would tell of all ${this.#shed}`;
      return `${lost} answered requests are not in the log, since the disk took no more of them; ${told}`;
    }
    if (!hasEnded)
      return `the last record, which tells of ${this.#shed} answered requests that are not in the log, could not be written`;
    return isSynced
      ? null
      : 'the last sync failed, so what was written since the one before may not be on the disk';
  }

  /** Waits no longer for what is in flight: what is not written yet counts as queued. */
  #finish(): void {
    if (this.#flight !== null) this.#land(this.#flight, this.#spool.letGo());
    this.#flushAndTell();
    if (this.#flight !== null) this.#land(this.#flight, this.#spool.letGo());
  }

  #heartbeat(): void {
    if (this.#spool.resting) return;
    this.#beat(false);
    this.#flushBetweenTicks();
  }

  #probe(): void {
    if (this.#spool.isSyncFailing) this.#heartbeat();
  }

  /** Gives the next number to the record that begins at `start` of the buffer. */
  #number(start: number): void {
    this.#sequence += 1;
    if (start === 0) this.#pendingFrom = this.#sequence;
    this.#pendingTo = this.#sequence;
  }

  #beat(last: boolean): void {
    this.#number(this.#encoder.bytes);
    const heartbeat = {
      atUs: this.#options.clock.nowUs(),
      highestSequence: this.#sequence,
      served: this.#served + this.#pendingServed + (this.#flight === null ? 0 : this.#flight.served),
      shed: this.#shed,
      ranges: this.#ranges.tell(),
      clockOffsetUs: this.#options.clock.offsetUs(),
      bundle: this.bundle,
      version: OWN_PACKAGE.version,
      engine: ENGINE,
    };
    this.#encoder.appendHeartbeat(heartbeat, this.#sequence, last);
  }

  #flush(): Committed {
    if (this.#flight !== null && !this.#settle(this.#flight)) return 'held';
    if (this.#encoder.bytes === 0) return 'taken';
    const served = this.#pendingServed;
    const [fromSequence, toSequence] = [this.#pendingFrom, this.#pendingTo];
    // The ring writes in order and drops nothing, so what a heartbeat in it tells of counts as told.
    const flight = { served, fromSequence, toSequence, told: this.#ranges.handIn() };
    const level = this.#spool.write(this.#encoder.frames(), flight);
    this.#encoder.clear();
    this.#pendingServed = 0;
    if (level !== AWAITED) return this.#account(flight, level);
    this.#flight = flight;
    this.#watch();
    return 'held';
  }

  /** A flush without a commit, which may settle answers that are held. It never cuts a tick in two. */
  #flushBetweenTicks(): void {
    if (!this.#inTick) this.#flushAndTell();
  }

  #flushAndTell(): void {
    const to = this.#sequence;
    const committed = this.#flush();
    if (committed !== 'held') this.onSettled(to, committed);
  }

  /** @returns false while it is not known */
  #settle(flight: Batch): boolean {
    const level = this.#spool.settle();
    if (level === AWAITED) return false;
    this.#land(flight, level);
    return true;
  }

  #land(flight: Batch, level: WriteLevel): void {
    this.#flight = null;
    this.onSettled(flight.toSequence, this.#account(flight, level));
  }

  /** Finds something only under little load: else the commit of the next tick has looked before. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    void this.#spool.whenSettled().then(() => {
      this.#watching = false;
      if (this.#flight === null) return;
      if (this.#settle(this.#flight)) this.#flushBetweenTicks();
      else this.#watch();
    });
  }

  #account({ served, fromSequence, toSequence, told }: Batch, level: WriteLevel): 'taken' | 'refused' {
    if (level === REFUSED) {
      this.#shed += served;
      if (told !== null) this.#ranges.takeBack(told);
      this.#ranges.add(fromSequence, toSequence, SHED_DISK);
      return 'refused';
    }
    this.#served += served;
    const { durability } = this.#options;
    const certain = level === QUEUED || durability === 'queued' ? 'queued' : 'written';
    if (durability === 'synced') void this.#countSynced(served, certain);
    else this.#levels[certain] += served;
    return 'taken';
  }

  /** Counts requests once their sync has ended; if it failed, they leave without it, or are refused. */
  async #countSynced(served: number, certain: 'queued' | 'written'): Promise<void> {
    if (await this.#spool.whenSynced()) this.#levels.synced += served;
    else if (!this.#refusesUnsynced) this.#levels[certain] += served;
  }

  /** @param why  where the spool has no line that says it */
  #refuse(reason: number, why: string | null = null): boolean {
    if (this.#options.onFull === 'reject') return false;
    if (why !== null) this.#shedLines.tell(`${reason}`, why, this.#options.clock.nowUs());
    this.#sequence += 1;
    this.#shed += 1;
    this.#ranges.add(this.#sequence, this.#sequence, reason);
    return true;
  }
}
