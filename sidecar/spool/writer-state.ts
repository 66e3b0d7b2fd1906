/**
 * The state of the writer of segments, in memory that two threads share, so that each can go on where the other
 * stopped (ring/frame-ring.ts says whose turn it is; they never write at the same time).
 *
 *   i32   descriptor | number | size | header bytes | created | retire asked | grown | retired from | retired to
 *         | number and size of the segment before | files made | vanished | retired descriptors, 256
 *   f64   writes: count by duration, sum of seconds, longest                          (duration-counts.ts)
 *
 * Made by spool.ts, worked on by segment-writer.ts in both threads. Descriptors belong to the process, not the thread.
 */
import { DURATION_SLOTS } from './duration-counts.ts';

const FD = 0;
const NUMBER = 1;
const SIZE = 2;
const HEADER_BYTES = 3;
const CREATED = 4;
const RETIRE_ASKED = 5;
const GROWN = 6;
const RETIRED_FROM = 7;
const RETIRED_TO = 8;
const PREVIOUS_NUMBER = 9;
const PREVIOUS_SIZE = 10;
const MADE = 11;
const VANISHED = 12;
const RETIRED = 14;
const RETIRED_SLOTS = 256;
const INTEGER_BYTES = (RETIRED + RETIRED_SLOTS) * 4;

export class WriterState {
  readonly memory: SharedArrayBuffer;
  /** Durations of the writes of both threads. */
  readonly writeDurations: Float64Array;
  readonly #ints: Int32Array;
  readonly #ownsRetired: boolean;
  /** Finished segments for which there was no slot; only in the thread that takes them. */
  #overflow: number[] = [];

  /** @param memory  another thread's state to share, or null: a new one, whose maker takes what is retired */
  constructor(memory: SharedArrayBuffer | null) {
    this.memory = memory ?? new SharedArrayBuffer(INTEGER_BYTES + DURATION_SLOTS * 8);
    this.#ownsRetired = memory === null;
    this.#ints = new Int32Array(this.memory, 0, RETIRED + RETIRED_SLOTS);
    this.writeDurations = new Float64Array(this.memory, INTEGER_BYTES, DURATION_SLOTS);
    if (memory === null) Atomics.store(this.#ints, FD, -1);
  }

  /** Of the segment being written; -1: none. */
  get fd(): number {
    return Atomics.load(this.#ints, FD);
  }

  get number(): number {
    return Atomics.load(this.#ints, NUMBER);
  }

  get size(): number {
    return this.#ints[SIZE]!;
  }

  set size(bytes: number) {
    this.#ints[SIZE] = bytes;
  }

  get headerBytes(): number {
    return this.#ints[HEADER_BYTES]!;
  }

  set headerBytes(bytes: number) {
    this.#ints[HEADER_BYTES] = bytes;
  }

  /** @returns the number of the next segment */
  nextNumber(): number {
    return Atomics.add(this.#ints, NUMBER, 1) + 1;
  }

  /** Number and size of the segment before; number 0: it is the first of its start. */
  get previous(): { readonly number: number; readonly size: number } {
    return { number: this.#ints[PREVIOUS_NUMBER]!, size: this.#ints[PREVIOUS_SIZE]! };
  }

  opened(fd: number): void {
    Atomics.add(this.#ints, MADE, 1);
    this.size = 0;
    this.headerBytes = 0;
    this.askForFolder();
    Atomics.store(this.#ints, FD, fd);
  }

  /** The next sync makes the folder durable too. */
  askForFolder(): void {
    Atomics.store(this.#ints, CREATED, 1);
  }

  /**
   * The segment being written is finished: it waits to be made durable and closed.
   *
   * @param isKept  false: it was removed, and the next one must not name it
   */
  retire(isKept = true): void {
    const { fd } = this;
    if (fd === -1) return;
    if (isKept) {
      this.#ints[PREVIOUS_NUMBER] = this.number;
      this.#ints[PREVIOUS_SIZE] = this.size;
    } else Atomics.sub(this.#ints, MADE, 1);
    const to = Atomics.load(this.#ints, RETIRED_TO);
    for (let from = this.#retiredFrom(); to - from >= RETIRED_SLOTS; from = this.#retiredFrom()) {
      if (this.#ownsRetired) {
        this.#overflow.push(fd);
        Atomics.store(this.#ints, FD, -1);
        return;
      }
      // 256 segments wait for a sync: the thread of the ring waits for one, and the ring fills up.
      Atomics.wait(this.#ints, RETIRED_FROM, from);
    }
    this.#ints[RETIRED + (to % RETIRED_SLOTS)] = fd;
    Atomics.store(this.#ints, FD, -1);
    Atomics.store(this.#ints, RETIRED_TO, to + 1);
  }

  #retiredFrom(): number {
    return Atomics.load(this.#ints, RETIRED_FROM);
  }

  /** Whether finished segments wait for a sync. */
  get hasRetired(): boolean {
    return this.#overflow.length > 0 || Atomics.load(this.#ints, RETIRED_TO) > this.#retiredFrom();
  }

  /** @returns the finished segments since the last call; to be closed by the caller */
  takeRetired(): number[] {
    const fds = this.#overflow;
    this.#overflow = [];
    const to = Atomics.load(this.#ints, RETIRED_TO);
    for (let at = this.#retiredFrom(); at < to; at++) fds.push(this.#ints[RETIRED + (at % RETIRED_SLOTS)]!);
    Atomics.store(this.#ints, RETIRED_FROM, to);
    Atomics.notify(this.#ints, RETIRED_FROM);
    return fds;
  }

  /** @returns whether a segment was made since the last call, so that the folder must be synced too */
  takeCreated(): boolean {
    return Atomics.exchange(this.#ints, CREATED, 0) === 1;
  }

  /** The next write, whoever makes it, opens a new segment first. */
  askToRetire(): void {
    Atomics.store(this.#ints, RETIRE_ASKED, 1);
  }

  takeRetireAsked(): boolean {
    return Atomics.exchange(this.#ints, RETIRE_ASKED, 0) === 1;
  }

  /** @returns how many files more there are than at the last call */
  takeMade(): number {
    return Atomics.exchange(this.#ints, MADE, 0);
  }

  /** The folder, or the segment in it, was found gone. */
  countVanished(): void {
    Atomics.add(this.#ints, VANISHED, 1);
  }

  takeVanished(): number {
    return Atomics.exchange(this.#ints, VANISHED, 0);
  }

  grow(bytes: number): void {
    Atomics.add(this.#ints, GROWN, bytes);
  }

  /** @returns the bytes that segments grew by since the last call */
  takeGrown(): number {
    return Atomics.exchange(this.#ints, GROWN, 0);
  }
}
