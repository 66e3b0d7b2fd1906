/**
 * Runs functions that may never return: in a process of their own, with a deadline for each call and a limit of memory.
 *
 *   rows() --this tick's jobs in one message--> process --a message a job--> the promise of rows()
 *
 * A process that stays in one call past the deadline is ended; one that takes too much memory ends by itself. The row
 * that it was in gets a fault, all other rows that it had not answered go to a new process. A spare one can be kept
 * ready for that, since one takes a tenth of a second to start. Functions are pure, so a row may be computed twice. A
 * view that was ended often rests for a while: its rows get a fault at once.
 *
 * Why a process, and what it costs: docs/decisions/0020-isolated-process.md.
 */
import type { Definitions, OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import { argumentsOf } from './arguments.ts';
import { IsolatedChild } from './isolated-child.ts';
import type { IsolatedProgress } from './isolated-child.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob } from './isolated-progress.ts';
import { OnDemandFault } from './on-demand-function.ts';

/** A process that takes longer to start, or ends before it is ready, counts as failed. */
const START_MS = 10_000;
const MEMORY_MIB = 64;
/** After so many ends over the same rows they are not sent again. */
const MOST_LOSSES = 3;
const MEMORY_FAULT = 'a call took more memory than its process may have and was ended';
const MAX_FAILED_STARTS = 3;

/** Whoever else sends these ends a process: no call does. The system itself sends the first when memory is short. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

export interface IsolatedOptions {
  /** How long one call may take; it is ended between this and twice as long. */
  readonly callMs: number;
  /** Of the process's heap; 64 unless given. */
  readonly memoryMiB?: number;
  /** How long the process may take to start, the code of modules included; 10 s unless given. */
  readonly startMs?: number;
  /** Whether a second process stands ready; a new one is started when it is needed unless given. */
  readonly spare?: boolean;
  /** A view that is ended so often within `withinMs` rests for `restMs`; never unless given. */
  readonly rest?: { readonly ends: number; readonly withinMs: number; readonly restMs: number };
  /** Called when a process ended because of a view. */
  readonly onEnd?: (view: string, reason: 'deadline' | 'memory') => void;
  /** Called when a process ended and no view is to blame. @param by  a signal's name, or what else ended it */
  readonly onLost?: (by: string) => void;
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
  /** How often a process ended over it and nobody was blamed; from the first time on it is sent alone. */
  losses: number;
  readonly resolve: (waiting: Waiting) => void;
}

export class IsolatedFunctions {
  readonly #functions: IsolatedInput['functions'];
  readonly #options: IsolatedOptions;
  /** Index in `#functions` by the id of the view. */
  readonly #index: ReadonlyMap<string, number>;
  /** When each function was ended, the last times. */
  readonly #ends: number[][];
  readonly #restsUntilMs: number[];
  #child: IsolatedChild | null = null;
  #spare: IsolatedChild | null = null;
  /** Not sent yet. */
  #queue: Waiting[] = [];
  /** Sent to the process, in the order in which it answers, by the job's number. */
  #sent = new Map<number, Waiting>();
  #jobs = 0;
  #flushing = false;
  #watch: NodeJS.Timeout | null = null;
  /** The call that the process was seen in, and since when. */
  #seen = { calls: -1, sinceMs: 0 };
  /** Those that were ended and may not be gone yet. */
  readonly #ending = new Set<IsolatedChild>();
  #closed = false;
  /** Processes in a row that ended before they were ready, and what the last one ended by. */
  #failedStarts = 0;
  #lastFailure = '';

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
   * Starts the process, so that the first rows need not wait for it.
   *
   * @returns once it is ready
   */
  async start(): Promise<void> {
    this.#child ??= this.#startChild();
    await this.#child?.ready;
    if (this.#options.spare === true && !this.#closed) this.#spare ??= this.#startChild();
  }

  /**
   * @param view  the id of one of the views
   * @param rows  each with one value an argument, in their order; they are copied
   * @returns     for each row, in their order, its outputs before fallbacks or the fault; never rejects
   */
  async rows(view: string, rows: readonly (readonly Value[])[]): Promise<readonly OnDemandOutcome[]> {
    return (await this.#wait(view, rows, false)).outcomes;
  }

  /** As `rows`, and how many milliseconds each call took in its process. */
  async timedRows(
    view: string,
    rows: readonly (readonly Value[])[],
  ): Promise<{ readonly outcomes: readonly OnDemandOutcome[]; readonly tookMs: readonly number[] }> {
    return await this.#wait(view, rows, true);
  }

  /** Ends the processes; rows that wait get a fault. @returns once nothing of them is left */
  async close(): Promise<void> {
    this.#closed = true;
    const children = [this.#child, this.#spare, ...this.#ending];
    const left = [...this.#sent.values(), ...this.#queue];
    this.#child = this.#spare = null;
    this.#sent = new Map();
    this.#queue = [];
    this.#stopWatch();
    for (const waiting of left) this.#failAll(waiting, new OnDemandFault('deadline', 'plumb is ending'));
    await Promise.all(children.map((child) => child?.end()));
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
        losses: 0,
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
    const child = (this.#child ??= this.#startChild());
    await child?.ready;
    this.#flushing = false;
    if (child === null) return this.#giveUp();
    // Another one took its place, and the queue with it.
    if (child !== this.#child) return;
    const nowMs = performance.now();
    const sent: IsolatedJob[] = [];
    const alone: IsolatedJob[] = [];
    // Rows over which one ended go last, and alone: #accuse blames what was sent first and not answered.
    const isSuspected = this.#queue.some(({ losses }) => losses > 0);
    const queue = isSuspected ? this.#queue.toSorted((a, b) => a.losses - b.losses) : this.#queue;
    for (const waiting of queue) {
      if (waiting.left.length === 0) waiting.resolve(waiting);
      else if (this.#restsUntilMs[waiting.of]! > nowMs) this.#failAll(waiting, this.#resting(waiting.of));
      else {
        const id = (this.#jobs = (this.#jobs + 1) | 0);
        this.#sent.set(id, waiting);
        const rows = waiting.left.map((i) => waiting.rows[i]!);
        const job = { id, of: waiting.of, rows, timed: waiting.timed };
        if (waiting.losses === 0) sent.push(job);
        else alone.push(job);
      }
    }
    this.#queue = [];
    if (sent.length > 0) child.send(sent);
    for (const job of alone) child.send([job]);
    if (this.#sent.size > 0)
      this.#watch ??= setInterval(() => this.#look(), Math.max(1, this.#options.callMs / 2));
  }

  #take(child: IsolatedChild, { id, outcomes, tookMs }: IsolatedDone): void {
    // One that was ended may have answered just before: its rows went to another one.
    if (child !== this.#child) return;
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

  /** Ends the process when it has been in one call for too long. */
  #look(): void {
    const child = this.#child!;
    const nowMs = performance.now();
    const progress = child.progress();
    const { calls, inCall } = progress;
    if (!inCall || calls !== this.#seen.calls) this.#seen = { calls, sinceMs: nowMs };
    else if (nowMs - this.#seen.sinceMs >= this.#options.callMs) {
      this.#ending.add(child);
      void child.end();
      const blamed = this.#sent.get(progress.job);
      if (blamed !== undefined) this.#blame(blamed, progress.row, 'deadline');
      this.#replaceChild();
    }
  }

  /** A process is gone, and what it sent was taken. */
  #lose(child: IsolatedChild, by: string): void {
    this.#ending.delete(child);
    if (this.#closed) return;
    if (!child.isReady) {
      this.#failedStarts += 1;
      this.#lastFailure = `it ended by ${by}`;
    }
    if (child === this.#spare) {
      this.#spare = child.isReady ? this.#startChild() : null;
      if (child.isReady) this.#options.onLost?.(by);
    }
    if (child !== this.#child) return;
    if (child.isReady) this.#accuse(child.progress(), by);
    this.#replaceChild();
  }

  /** Finds what ended a process: a call that crashed it at once, anything else when it happens again and again. */
  #accuse({ inCall, job, row }: IsolatedProgress, by: string): void {
    const [first] = this.#sent;
    const [id, suspect] = (inCall ? [job, this.#sent.get(job)] : first) ?? [0, undefined];
    if (suspect === undefined) return this.#options.onLost?.(by);
    const isCrash = inCall && !FROM_OUTSIDE.has(by);
    if (!isCrash) {
      suspect.losses += 1;
      if (suspect.losses < MOST_LOSSES) return this.#options.onLost?.(by);
    }
    if (inCall) this.#blame(suspect, row, 'memory');
    else {
      this.#sent.delete(id);
      const { view } = this.#functions[suspect.of]!;
      this.#failAll(suspect, new OnDemandFault('memory', `${view.code.file}: ${MEMORY_FAULT}`));
      this.#options.onEnd?.(view.id, 'memory');
    }
  }

  /** No process starts, so no row gets an outcome; later rows try again. */
  #giveUp(): void {
    const fault = new OnDemandFault(
      'threw',
      `the process of isolated functions does not start: ${this.#lastFailure}`,
    );
    for (const waiting of this.#queue) this.#failAll(waiting, fault);
    this.#queue = [];
    this.#failedStarts = 0;
  }

  /** Gives what was not answered to another process. */
  #replaceChild(): void {
    this.#child = this.#spare;
    this.#spare = null;
    this.#stopWatch();
    this.#queue = [...this.#sent.values(), ...this.#queue];
    this.#sent = new Map();
    if (this.#failedStarts < MAX_FAILED_STARTS) {
      if (this.#queue.length > 0) void this.#flush();
      if (this.#options.spare === true) this.#spare = this.#startChild();
    } else if (this.#queue.length > 0) this.#giveUp();
  }

  #blame(waiting: Waiting, row: number, reason: 'deadline' | 'memory'): void {
    const { view } = this.#functions[waiting.of]!;
    const index = waiting.left[row];
    const why =
      reason === 'deadline' ? `a call took over ${this.#options.callMs} ms and was ended` : MEMORY_FAULT;
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

  /** @returns null after `close`, and where the system gives no process: that is a failed start */
  #startChild(): IsolatedChild | null {
    if (this.#closed) return null;
    try {
      const child: IsolatedChild = new IsolatedChild({
        functions: this.#functions,
        memoryMiB: this.#options.memoryMiB ?? MEMORY_MIB,
        startMs: this.#options.startMs ?? START_MS,
        onReady: () => (this.#failedStarts = 0),
        onDone: (done) => this.#take(child, done),
        onEnd: (by) => this.#lose(child, by),
      });
      return child;
    } catch (error) {
      this.#failedStarts += 1;
      this.#lastFailure = (error as Error).message;
      return null;
    }
  }
}
