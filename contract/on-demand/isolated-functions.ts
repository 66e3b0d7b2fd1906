/**
 * Runs functions that may never return: in a thread of their own, with a deadline for each call and a limit of memory.
 *
 *   rows() --this tick's jobs in one message--> thread --a message a job--> the promise of rows()
 *
 * A thread that stays in one call past the deadline, or runs out of memory, is ended. The row that it was in gets a
 * fault, all other rows that it had not answered go to a new thread. A spare one can be kept ready for that, since a
 * thread takes tens of milliseconds to start. Functions are pure, so a row may be computed twice. A view that was ended
 * often rests for a while: its rows get a fault at once.
 *
 * Costs about 30 us a message both ways and 1 us a row; in-thread calls cost a tenth of a microsecond.
 */
import { Worker } from 'node:worker_threads';
import type { Definitions, OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import { argumentsOf } from './arguments.ts';
import { BUSY, CALLS, JOB, ROW } from './isolated-progress.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob } from './isolated-progress.ts';
import { OnDemandFault } from './on-demand-function.ts';

/** From the checkout the sources run, from an installed package what was built of them. */
const THREAD = new URL(`./isolated-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/** A thread that takes longer to start, or ends before it is ready, counts as failed. */
const START_MS = 10_000;
const MAX_FAILED_STARTS = 3;

export interface IsolatedOptions {
  /** How long one call may take; it is ended between this and twice as long. */
  readonly callMs: number;
  /** Of the thread's heap; 64 unless given. */
  readonly memoryMiB?: number;
  /** How long the thread may take to start, the code of modules included; 10 s unless given. */
  readonly startMs?: number;
  /** Whether a second thread stands ready; a new one is started when it is needed unless given. */
  readonly spare?: boolean;
  /** A view that is ended so often within `withinMs` rests for `restMs`; never unless given. */
  readonly rest?: { readonly ends: number; readonly withinMs: number; readonly restMs: number };
  /** Called when a thread was ended because of a view. */
  readonly onEnd?: (view: string, reason: 'deadline' | 'memory') => void;
}

export type OnDemandOutcome = readonly Value[] | OnDemandFault;

/** Some rows of one function that wait for their outcomes. */
interface Waiting {
  readonly of: number;
  readonly rows: readonly (readonly Value[])[];
  readonly timed: boolean;
  readonly outcomes: OnDemandOutcome[];
  /** Indexes of the rows that have no outcome yet, in the order in which they are sent. */
  left: number[];
  tookMs: readonly number[];
  readonly resolve: (waiting: Waiting) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly at: Int32Array;
  readonly ready: Promise<void>;
}

export class IsolatedFunctions {
  readonly #functions: IsolatedInput['functions'];
  readonly #options: IsolatedOptions;
  /** Index in `#functions` by the id of the view. */
  readonly #index: ReadonlyMap<string, number>;
  /** When each function was ended, the last times. */
  readonly #ends: number[][];
  readonly #restsUntilMs: number[];
  #thread: Thread | null = null;
  #spare: Thread | null = null;
  /** Not sent yet. */
  #queue: Waiting[] = [];
  /** Sent to the thread, in the order in which it answers, by the job's number. */
  #sent = new Map<number, Waiting>();
  #jobs = 0;
  #flushing = false;
  #watch: NodeJS.Timeout | null = null;
  /** The call that the thread was seen in, and since when. */
  #seen = { calls: -1, sinceMs: 0 };
  #closed = false;
  /** Threads in a row that ended before they were ready. */
  #failedStarts = 0;

  /** @throws TypeError when the definitions lack what a view uses */
  constructor(
    views: readonly OnDemandView[],
    definitions: Pick<Definitions, 'views' | 'onDemand'>,
    options: IsolatedOptions,
  ) {
    this.#functions = views.map((view) => ({ view, args: argumentsOf(view, definitions) }));
    this.#index = new Map(views.map(({ id }, i) => [id, i]));
    this.#ends = views.map(() => []);
    this.#restsUntilMs = views.map(() => 0);
    this.#options = options;
  }

  /**
   * Starts the thread, so that the first rows need not wait for it.
   *
   * @returns once it is ready
   */
  async start(): Promise<void> {
    this.#thread ??= this.#startThread();
    await this.#thread.ready;
    if (this.#options.spare === true) this.#spare ??= this.#startThread();
  }

  /**
   * @param view  the id of one of the views
   * @param rows  each with one value an argument, in their order; they are copied
   * @returns     for each row, in their order, its outputs before fallbacks or the fault; never rejects
   */
  async rows(view: string, rows: readonly (readonly Value[])[]): Promise<readonly OnDemandOutcome[]> {
    return (await this.#wait(view, rows, false)).outcomes;
  }

  /** As `rows`, and how many milliseconds each call took in its thread. */
  async timedRows(
    view: string,
    rows: readonly (readonly Value[])[],
  ): Promise<{ readonly outcomes: readonly OnDemandOutcome[]; readonly tookMs: readonly number[] }> {
    return await this.#wait(view, rows, true);
  }

  /** Ends the threads; rows that wait get a fault. */
  async close(): Promise<void> {
    this.#closed = true;
    const threads = [this.#thread, this.#spare];
    const left = [...this.#sent.values(), ...this.#queue];
    this.#thread = this.#spare = null;
    this.#sent = new Map();
    this.#queue = [];
    this.#stopWatch();
    for (const waiting of left) this.#failAll(waiting, new OnDemandFault('deadline', 'plumb is ending'));
    await Promise.all(threads.map((thread) => thread?.worker.terminate()));
  }

  #wait(view: string, rows: readonly (readonly Value[])[], timed: boolean): Promise<Waiting> {
    const of = this.#index.get(view);
    if (of === undefined) throw new TypeError(`there is no isolated function of ${view}`);
    return new Promise((resolve) => {
      const waiting: Waiting = {
        of,
        rows,
        timed,
        outcomes: [],
        left: rows.map((_, i) => i),
        tookMs: [],
        resolve,
      };
      if (this.#closed) this.#failAll(waiting, new OnDemandFault('deadline', 'plumb is ending'));
      else this.#enqueue(waiting);
    });
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => void this.#flush());
  }

  /** Sends what this tick asked for. */
  async #flush(): Promise<void> {
    this.#thread ??= this.#startThread();
    const thread = this.#thread;
    await thread.ready;
    this.#flushing = false;
    // Another thread took its place, and the queue with it.
    if (thread !== this.#thread) return;
    const nowMs = performance.now();
    const sent: IsolatedJob[] = [];
    for (const waiting of this.#queue) {
      if (waiting.left.length === 0) waiting.resolve(waiting);
      else if (this.#restsUntilMs[waiting.of]! > nowMs) this.#failAll(waiting, this.#resting(waiting.of));
      else {
        const id = (this.#jobs = (this.#jobs + 1) | 0);
        this.#sent.set(id, waiting);
        const rows = waiting.left.map((i) => waiting.rows[i]!);
        sent.push({ id, of: waiting.of, rows, timed: waiting.timed });
      }
    }
    this.#queue = [];
    if (sent.length === 0) return;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    thread.worker.postMessage(sent);
    this.#watch ??= setInterval(() => this.#look(), Math.max(1, this.#options.callMs / 2));
  }

  #take(worker: Worker, { id, outcomes, tookMs }: IsolatedDone): void {
    // A thread that was ended may have answered just before: its rows went to another one.
    if (worker !== this.#thread?.worker) return;
    const waiting = this.#sent.get(id);
    if (waiting === undefined) return;
    this.#sent.delete(id);
    if (this.#sent.size === 0) this.#stopWatch();
    for (const [i, outcome] of outcomes.entries()) {
      const fault = outcome as Pick<OnDemandFault, 'reason' | 'message'>;
      const row = waiting.left[i]!;
      waiting.outcomes[row] = Array.isArray(outcome)
        ? (outcome as readonly Value[])
        : new OnDemandFault(fault.reason, fault.message);
    }
    waiting.tookMs = tookMs;
    waiting.resolve(waiting);
  }

  #stopWatch(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#seen = { calls: -1, sinceMs: 0 };
  }

  /** Ends the thread when it has been in one call for too long. */
  #look(): void {
    const { at } = this.#thread!;
    const nowMs = performance.now();
    const calls = Atomics.load(at, CALLS);
    if (Atomics.load(at, BUSY) === 0 || calls !== this.#seen.calls) this.#seen = { calls, sinceMs: nowMs };
    else if (nowMs - this.#seen.sinceMs >= this.#options.callMs) this.#replaceThread('deadline');
  }

  /** Threads do not start, so no row gets an outcome; later rows try again. */
  #giveUp(): void {
    const fault = new OnDemandFault('threw', 'the thread of isolated functions does not start');
    for (const waiting of this.#queue) this.#failAll(waiting, fault);
    this.#queue = [];
    this.#failedStarts = 0;
  }

  /** Blames the row that the thread is in, and gives the others to another thread. */
  #replaceThread(reason: 'deadline' | 'memory'): void {
    const { worker, at } = this.#thread!;
    const blamed = this.#sent.get(Atomics.load(at, JOB));
    const row = Atomics.load(at, ROW);
    this.#thread = this.#spare;
    this.#spare = null;
    this.#stopWatch();
    void worker.terminate();
    if (blamed !== undefined) this.#blame(blamed, row, reason);
    this.#queue = [...this.#sent.values(), ...this.#queue];
    this.#sent = new Map();
    if (this.#failedStarts < MAX_FAILED_STARTS) {
      if (this.#queue.length > 0) void this.#flush();
      if (this.#options.spare === true) this.#spare = this.#startThread();
    } else if (this.#queue.length > 0) this.#giveUp();
  }

  #blame(waiting: Waiting, row: number, reason: 'deadline' | 'memory'): void {
    const { view } = this.#functions[waiting.of]!;
    const index = waiting.left[row];
    const why =
      reason === 'deadline'
        ? `a call took over ${this.#options.callMs} ms and was ended`
        : 'a call took more memory than its thread may have and was ended';
    if (index !== undefined) {
      waiting.outcomes[index] = new OnDemandFault(reason, `${view.code.file}: ${why}`);
      waiting.left = waiting.left.filter((one) => one !== index);
    }
    this.#options.onEnd?.(view.id, reason);
    const { rest } = this.#options;
    if (rest === undefined) return;
    const nowMs = performance.now();
    const ends = this.#ends[waiting.of]!.filter((one) => nowMs - one < rest.withinMs);
    ends.push(nowMs);
    this.#ends[waiting.of] = ends;
    if (ends.length >= rest.ends) this.#restsUntilMs[waiting.of] = nowMs + rest.restMs;
  }

  #resting(of: number): OnDemandFault {
    const { view } = this.#functions[of]!;
    return new OnDemandFault(
      'resting',
      `${view.code.file}: it was ended ${this.#options.rest!.ends} times within ${this.#options.rest!.withinMs} ms and rests`,
    );
  }

  #failAll(waiting: Waiting, fault: OnDemandFault): void {
    for (const i of waiting.left) waiting.outcomes[i] = fault;
    waiting.resolve(waiting);
  }

  #startThread(): Thread {
    const progress = new SharedArrayBuffer(16);
    const workerData: IsolatedInput = { progress, functions: this.#functions };
    const worker = new Worker(THREAD, {
      workerData,
      name: 'plumbline on demand',
      resourceLimits: { maxOldGenerationSizeMb: this.#options.memoryMiB ?? 64, maxYoungGenerationSizeMb: 8 },
      // Otherwise the thread's streams are piped to those of this process, which turns these non-blocking.
      stdout: true,
      stderr: true,
    });
    const limit = setTimeout(() => void worker.terminate(), this.#options.startMs ?? START_MS);
    const ready = new Promise<void>((resolve) => {
      let isReady = false;
      worker.on('message', (message: 'ready' | IsolatedDone) => {
        if (message !== 'ready') return this.#take(worker, message);
        isReady = true;
        this.#failedStarts = 0;
        clearTimeout(limit);
        // While rows wait, the watch keeps the process alive.
        worker.unref();
        resolve();
      });
      worker.once('exit', () => {
        clearTimeout(limit);
        if (!isReady && !this.#closed) this.#failedStarts += 1;
        if (worker === this.#spare?.worker) this.#spare = null;
        if (worker === this.#thread?.worker) this.#replaceThread('memory');
        resolve();
      });
    });
    // What ended it is known from where it was; without a listener the error would end the process.
    worker.on('error', () => {});
    return { worker, at: new Int32Array(progress), ready };
  }
}
