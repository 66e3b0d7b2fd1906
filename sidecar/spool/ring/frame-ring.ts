/**
 * The ring of a slow disk: frames on their way from the thread that answers to the one that writes.
 *
 *   data      | entry | entry | entry |      free      |        entry = bytes u32 | first sequence 2 x u32 | 0 u32
 *              ^tail (writer's)        ^head (answerer's)                | frames, padded to 8
 *                                                                bytes = WRAP: go on at the front
 *   control   used | done | signal | lock | waited | stop | failing | slow writes | fault | tail
 *
 * One thread puts, the other takes. `used` is 0 only when all that was put has been written; then the answering thread
 * may write the segment itself (writer-state.ts is shared). Order is kept because nobody writes past what waits here.
 * Frames begin at multiples of 8: V8 copies into shared memory by words only between such addresses, else byte by byte
 * (200 KB took 9 us, and 78 us byte by byte).
 * Called by ring-writer.ts on the one side and by ring-worker.ts on the other.
 */
const USED = 0;
const DONE = 1;
const SIGNAL = 2;
const LOCK = 3;
const WAITED = 4;
const STOP = 5;
const FAILING = 6;
const SLOW = 7;
const FAULT_BYTES = 8;
const TAIL = 9;
const CONTROL_SLOTS = 16;
const FAULT_MAX_BYTES = 256;
const CONTROL_BYTES = CONTROL_SLOTS * 4 + FAULT_MAX_BYTES;

const WORD_BYTES = 8;
const ENTRY_BYTES = 16;
const WRAP = 0xffff_ffff;

const FREE = 0;
const TAKEN = 1;

const NOBODY_WAITS = 0;
const ANSWERER_WAITS = 1;
const FAILED_FOR_WAITING = 2;

/** What writes an entry's frames; throws the file system's error. */
type WriteFrames = (frames: Buffer, firstSequence: number) => void;

export class FrameRing {
  readonly memory: SharedArrayBuffer;
  readonly capacity: number;
  readonly #control: Int32Array;
  readonly #fault: Buffer;
  readonly #data: Buffer;
  #head = 0;

  /** @param memory  another thread's ring, or how many bytes a new one should hold */
  constructor(memory: SharedArrayBuffer | number) {
    this.memory =
      typeof memory === 'number' ? new SharedArrayBuffer(CONTROL_BYTES + (memory & -WORD_BYTES)) : memory;
    this.capacity = this.memory.byteLength - CONTROL_BYTES;
    this.#control = new Int32Array(this.memory, 0, CONTROL_SLOTS);
    this.#fault = Buffer.from(this.memory, CONTROL_SLOTS * 4, FAULT_MAX_BYTES);
    this.#data = Buffer.from(this.memory, CONTROL_BYTES, this.capacity);
  }

  /** Bytes that wait, what surrounds frames included; 0: all is written. */
  get used(): number {
    return Atomics.load(this.#control, USED);
  }

  /** Entries written so far; wraps after 2^31. */
  get done(): number {
    return Atomics.load(this.#control, DONE);
  }

  /** Writes that took longer than the limit. */
  get slowWrites(): number {
    return Atomics.load(this.#control, SLOW);
  }

  /** Why the last try to write failed; null: it did not fail. */
  get fault(): string | null {
    if (Atomics.load(this.#control, FAILING) === 0) return null;
    return this.#fault.toString('utf8', 0, Atomics.load(this.#control, FAULT_BYTES));
  }

  /** The most that one entry's frames may have now. */
  get room(): number {
    // In the worst case the rest of the memory is too short for the entry and is passed over.
    const free = this.capacity - this.used;
    const ahead = Math.min(free, this.capacity - this.#head);
    return Math.max(ahead, free - ahead) - ENTRY_BYTES - WORD_BYTES;
  }

  /**
   * @param waited  only for an empty ring: the caller polls `settled`, and a write that fails is given up
   * @returns       false when there is no room
   */
  put(frames: Buffer, firstSequence: number, waited: boolean): boolean {
    if (this.used === 0) this.#begin();
    const need = ENTRY_BYTES + padded(frames.length);
    const used = this.used;
    const wraps = this.#head + need > this.capacity;
    const skipped = wraps ? this.capacity - this.#head : 0;
    if (used + skipped + need > this.capacity) return false;
    if (skipped > 0) this.#data.writeUInt32LE(WRAP, this.#head);
    const at = wraps ? 0 : this.#head;
    this.#data.writeUInt32LE(frames.length, at);
    this.#data.writeUInt32LE(firstSequence >>> 0, at + 4);
    this.#data.writeUInt32LE(Math.floor(firstSequence / 2 ** 32), at + 8);
    this.#data.set(frames, at + ENTRY_BYTES);
    this.#head = at + need;
    if (waited) Atomics.store(this.#control, WAITED, ANSWERER_WAITS);
    Atomics.add(this.#control, USED, skipped + need);
    this.#wake();
    return true;
  }

  /** What became of the only entry of the ring, which was put as `waited`. */
  settled(): 'written' | 'failed' | 'waiting' {
    if (this.used > 0) return 'waiting';
    const result = Atomics.exchange(this.#control, WAITED, NOBODY_WAITS);
    return result === FAILED_FOR_WAITING ? 'failed' : 'written';
  }

  /** @returns once the other thread has written something, or after `limitMs` */
  async changed(limitMs: number): Promise<void> {
    const { used } = this;
    if (used > 0) await Atomics.waitAsync(this.#control, USED, used, limitMs).value;
  }

  /** Whether the only entry was put as `waited` and is not settled yet. */
  get isAwaited(): boolean {
    return Atomics.load(this.#control, WAITED) !== NOBODY_WAITS;
  }

  /** Whether the other thread is in the middle of a write, or about to try a failed one again. */
  get isWriting(): boolean {
    return Atomics.load(this.#control, LOCK) === TAKEN;
  }

  /**
   * Writes the oldest entry in the calling thread, if the other thread has not begun it.
   *
   * @returns false when the other thread is writing it
   */
  writeHere(write: WriteFrames): boolean {
    if (Atomics.compareExchange(this.#control, LOCK, FREE, TAKEN) !== FREE) return false;
    if (this.used > 0) this.#writeNext(write, Infinity, 0);
    Atomics.store(this.#control, LOCK, FREE);
    return true;
  }

  /** Stops waiting for the only entry, which was put as `waited`: unless it is settled, it is written later. */
  letGo(): 'written' | 'failed' | 'queued' {
    for (;;) {
      const result = this.settled();
      if (result !== 'waiting') return result;
      const before = Atomics.compareExchange(this.#control, WAITED, ANSWERER_WAITS, NOBODY_WAITS);
      if (before === ANSWERER_WAITS) return 'queued';
    }
  }

  /**
   * An empty ring begins at its front again, so that it touches no more memory than it ever needed at once, and without
   * the fault of an entry that was given up.
   */
  #begin(): void {
    Atomics.store(this.#control, FAILING, 0);
    if (this.#head === 0) return;
    this.#head = 0;
    Atomics.store(this.#control, TAIL, 0);
  }

  #wake(): void {
    Atomics.add(this.#control, SIGNAL, 1);
    Atomics.notify(this.#control, SIGNAL);
  }

  /** The writing thread ends once the ring is empty, or after one more try when the disk fails. */
  stop(): void {
    Atomics.store(this.#control, STOP, 1);
    this.#wake();
  }

  /** Writes whatever is put until `stop`; the writing thread's whole life. */
  writeUntilStopped(write: WriteFrames, slowMs: number, retryMs: number): void {
    for (;;) {
      const signal = Atomics.load(this.#control, SIGNAL);
      if (this.used === 0) {
        if (Atomics.load(this.#control, STOP) === 1) return;
        Atomics.wait(this.#control, SIGNAL, signal);
        continue;
      }
      if (Atomics.compareExchange(this.#control, LOCK, FREE, TAKEN) !== FREE) continue;
      const wentOn = this.used === 0 || this.#writeNext(write, slowMs, retryMs);
      Atomics.store(this.#control, LOCK, FREE);
      if (!wentOn) return;
    }
  }

  /** Writes all that waits in the calling thread, after the other thread has died. */
  writeAll(write: WriteFrames): void {
    this.stop();
    while (this.used > 0 && this.#writeNext(write, Infinity, 0));
  }

  /** @returns false when it was given up, because the ring is stopped and the disk fails */
  #writeNext(write: WriteFrames, slowMs: number, retryMs: number): boolean {
    let at = Atomics.load(this.#control, TAIL);
    let skipped = 0;
    if (at === this.capacity || this.#data.readUInt32LE(at) === WRAP) {
      skipped = this.capacity - at;
      at = 0;
    }
    const bytes = this.#data.readUInt32LE(at);
    const sequence = this.#data.readUInt32LE(at + 8) * 2 ** 32 + this.#data.readUInt32LE(at + 4);
    const frames = this.#data.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + bytes);
    for (;;) {
      const startMs = performance.now();
      const fault = faultOf(write, frames, sequence);
      if (performance.now() - startMs > slowMs) Atomics.add(this.#control, SLOW, 1);
      this.#tell(fault);
      if (fault === null) break;
      const waited = Atomics.compareExchange(this.#control, WAITED, ANSWERER_WAITS, FAILED_FOR_WAITING);
      if (waited === ANSWERER_WAITS) break;
      const signal = Atomics.load(this.#control, SIGNAL);
      if (Atomics.load(this.#control, STOP) === 1) return false;
      Atomics.wait(this.#control, SIGNAL, signal, retryMs);
    }
    Atomics.store(this.#control, TAIL, at + ENTRY_BYTES + padded(bytes));
    Atomics.add(this.#control, DONE, 1);
    Atomics.sub(this.#control, USED, skipped + ENTRY_BYTES + padded(bytes));
    Atomics.notify(this.#control, USED);
    return true;
  }

  #tell(fault: string | null): void {
    if (fault !== null) {
      Atomics.store(this.#control, FAULT_BYTES, this.#fault.write(fault));
    }
    Atomics.store(this.#control, FAILING, fault === null ? 0 : 1);
  }
}

function padded(bytes: number): number {
  return (bytes + WORD_BYTES - 1) & -WORD_BYTES;
}

function faultOf(write: WriteFrames, frames: Buffer, sequence: number): string | null {
  try {
    write(frames, sequence);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
