/**
 * Time that jumps from one thing that is due to the next. It takes the place of the process's timers and of its
 * monotonic clock, so that the sidecar's own code runs on it as it stands, a thousand pods in one process:
 *
 *   take what is due next -> now is its time -> run it -> wait until all promises have settled -> take the next
 *
 * A process that has installed it has no other time: it must wait for nothing real but files.
 */
const realImmediate = setImmediate;

/** A moment long after the start, since code may take 0 for never. */
const FIRST_MS = 1_000_000;
/** 2026-01-01, which the wall clock shows then. */
const FIRST_US = 1_767_225_600_000_000;

type Run = () => void;

/** Something that is due: what `setTimeout` and `setInterval` return here. */
class Due {
  readonly run: Run;
  readonly everyMs: number | null;
  atMs: number;
  /** Which of those due at one time comes first: that which was asked for first. */
  order: number;
  isOff = false;

  constructor(run: Run, everyMs: number | null, atMs: number, order: number) {
    this.run = run;
    this.everyMs = everyMs;
    this.atMs = atMs;
    this.order = order;
  }

  /** A process of virtual time ends when its work does, whatever is due. */
  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }
}

export class VirtualTime {
  /** A heap: each is due before those at twice its place and one or two on. */
  readonly #heap: Due[] = [];
  #nowMs = FIRST_MS;
  #asked = 0;

  /** Milliseconds on the monotonic clock. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Microseconds since 1970. */
  get nowUs(): number {
    return FIRST_US + Math.round((this.#nowMs - FIRST_MS) * 1_000);
  }

  /** Replaces `performance.now`, `setTimeout` and `setInterval` for the rest of the process. */
  install(): void {
    const off = (due?: unknown): void => {
      if (due instanceof Due) due.isOff = true;
    };
    performance.now = () => this.#nowMs;
    Object.assign(globalThis, {
      setTimeout: (run: Run, ms = 0) => this.#ask(run, this.#nowMs + ms, null),
      setInterval: (run: Run, ms: number) => this.#ask(run, this.#nowMs + ms, ms),
      clearTimeout: off,
      clearInterval: off,
    });
  }

  /** Runs something at a time that is not past. */
  at(ms: number, run: Run): void {
    this.#ask(run, ms, null);
  }

  /** Lets time pass up to a moment, and all that is due until then run. */
  async passUntil(ms: number): Promise<void> {
    for (let due = this.#heap[0]; due !== undefined && due.atMs <= ms; due = this.#heap[0]) {
      this.#take();
      if (due.isOff) continue;
      this.#nowMs = due.atMs;
      due.run();
      // Promises that it settled go on before the clock does.
      await new Promise<void>((resolve) => realImmediate(resolve));
      if (due.everyMs === null || due.isOff) continue;
      due.atMs += due.everyMs;
      due.order = ++this.#asked;
      this.#put(due);
    }
    this.#nowMs = ms;
  }

  #ask(run: Run, atMs: number, everyMs: number | null): Due {
    const due = new Due(run, everyMs, atMs, ++this.#asked);
    this.#put(due);
    return due;
  }

  #put(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(due, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = due;
  }

  /** Takes the first out. */
  #take(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
