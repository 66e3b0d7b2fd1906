/**
 * The processes of isolated functions: the one that answers, and a spare one that takes its place when it ends, since
 * one takes a tenth of a second to start.
 *
 * Processes that do not start, or end though no view is to blame, come back at once at first, then after pauses that
 * double each time, so that a broken system is not kept busy with starts.
 */
import { IsolatedChild } from './isolated-child.ts';
import type { IsolatedChildOptions } from './isolated-child.ts';
import type { IsolatedDone } from './isolated-messages.ts';

/** So many may fail in a row without a pause. */
const QUICK_FAILURES = 3;
const FIRST_PAUSE_MS = 100;
/** One that does not even tell where it is was stopped, or the machine gives it no time: a spare one may have some. */
const SILENT_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

interface ProcessesOptions extends Pick<
  IsolatedChildOptions,
  'functions' | 'memoryMiB' | 'startMs' | 'onPlace'
> {
  readonly spare: boolean;
  readonly onDone: (done: IsolatedDone, bytes: number) => void;
  /**
   * The one that answered ended, and another one may have its place.
   *
   * @param ran  the views that it ran, that with the most rows first
   * @returns    whether a call is to blame
   */
  readonly onEnd: (by: string, ran: readonly string[]) => boolean;
  /** The spare one ended, and no call can be to blame. */
  readonly onSpareEnd: (by: string) => void;
}

export class IsolatedProcesses {
  readonly #options: ProcessesOptions;
  #child: IsolatedChild | null = null;
  #spare: IsolatedChild | null = null;
  /** Those that were ended and may not be gone yet. */
  readonly #ending = new Set<IsolatedChild>();
  #closed = false;
  #hasSpare: boolean;
  /** In a row, without an answer in between. */
  #failures = 0;
  #lastFailure = '';
  #pausesUntilMs = 0;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    this.#hasSpare = options.spare;
  }

  /** How many are ready. */
  get count(): number {
    return [this.#child, this.#spare].filter((child) => child?.isReady === true).length;
  }

  /** Why `ready` gave none, as a sentence. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  /** @returns the one that answers, once it can; null where none starts */
  async ready(): Promise<IsolatedChild | null> {
    for (;;) {
      const child = (this.#child ??= this.#start());
      if (child === null && this.#isPaused()) return null;
      await child?.ready;
      if (child === null || child !== this.#child || !child.isReady) continue;
      if (this.#hasSpare) this.#spare ??= this.#start();
      return child;
    }
  }

  /** Whether the one that answers gives no sign, and another one could take its place at once. */
  get isSilent(): boolean {
    return this.#spare?.isReady === true && (this.#child?.silentMs ?? 0) > SILENT_MS;
  }

  /** The views that the one that answers ran, that with the most rows first. */
  get ran(): readonly string[] {
    return this.#child?.ran ?? [];
  }

  /** Asks the one that answers where it is. */
  ask(): void {
    this.#child?.ask();
  }

  /** Ends a call of the one that answers, but for a native method that never ends. */
  endCall(job: number, row: number): void {
    this.#child?.endCall(job, row);
  }

  /** The one that answers computes nothing more of these jobs. */
  skip(jobs: readonly number[]): void {
    this.#child?.skip(jobs);
  }

  /** Ends the one that answers; the next one takes its place. */
  endCurrent(): void {
    const child = this.#child;
    if (child === null) return;
    this.#takeSpare();
    this.#ending.add(child);
    void child.end();
  }

  /** Ends the spare one, and starts no other. */
  endSpare(): void {
    this.#hasSpare = false;
    const spare = this.#spare;
    this.#spare = null;
    if (spare === null) return;
    this.#ending.add(spare);
    void spare.end();
  }

  /** @returns once nothing of any is left; from now on there is none */
  async close(): Promise<void> {
    this.#closed = true;
    const children = [this.#child, this.#spare, ...this.#ending];
    this.#child = this.#spare = null;
    await Promise.all(children.map((child) => child?.end()));
  }

  #takeSpare(): void {
    this.#child = this.#spare;
    this.#spare = null;
  }

  #isPaused(): boolean {
    return this.#closed || performance.now() < this.#pausesUntilMs;
  }

  /** @returns null in a pause, after `close`, and where the system gives none */
  #start(): IsolatedChild | null {
    if (this.#isPaused()) return null;
    const { functions, memoryMiB, startMs } = this.#options;
    try {
      const child: IsolatedChild = new IsolatedChild({
        functions,
        memoryMiB,
        startMs,
        onDone: (done, bytes) => {
          // One that was ended may have answered just before: its rows went to another one.
          if (child !== this.#child) return;
          this.#failures = 0;
          this.#options.onDone(done, bytes);
        },
        onPlace: (place) => {
          if (child === this.#child) this.#options.onPlace(place);
        },
        onEnd: (by) => this.#lose(child, by),
      });
      return child;
    } catch (error) {
      this.#fail(`the process of isolated functions does not start: ${(error as Error).message}`);
      return null;
    }
  }

  #lose(child: IsolatedChild, by: string): void {
    if (this.#closed || this.#ending.delete(child)) return;
    const codeFault = child.isReady ? null : child.codeFault(by);
    // Code does the same again.
    if (codeFault !== null) this.#failures = Math.max(this.#failures, QUICK_FAILURES - 1);
    const why = codeFault ?? `the process of isolated functions does not start: it ended by ${by}`;
    if (child === this.#spare) {
      this.#spare = null;
      this.#fail(why);
      if (child.isReady) this.#options.onSpareEnd(by);
      return;
    }
    this.#takeSpare();
    if (!child.isReady || !this.#options.onEnd(by, child.ran)) this.#fail(why);
  }

  #fail(why: string): void {
    this.#lastFailure = why;
    this.#failures += 1;
    const doublings = this.#failures - QUICK_FAILURES;
    if (doublings < 0) return;
    this.#pausesUntilMs = performance.now() + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** doublings);
  }
}
