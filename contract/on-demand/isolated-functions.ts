/**
 * Runs functions that may never return: in a process of their own, with a deadline for each call and a limit of memory.
 *
 *   rows() --a job, with the others of this tick--> process --what it has done--> the promise of rows()
 *
 * A process that stays in one call past the deadline is ended; one that takes too much memory is ended, or ends by
 * itself. The row that it was in gets a fault, all other rows that it had not answered go to the next process.
 * Functions are pure, so a row may be computed twice. A view that was ended often rests for a while: its rows get a
 * fault at once. In a sidecar a view that was ended goes apart: another process runs it, with all others that were.
 *
 *   who is to blame    of a loop the call that the process tells it is in
 *                      of a crash the first job without an answer: its row if it has one; else its rows go again one
 *                      by one, after all others, and the one that crashes the next process is it
 *                      of a signal from outside nobody, until the third time over the same row
 *
 * Why a process, and what it costs: docs/decisions/0020-isolated-process.md.
 */
import type { Definitions, OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import { argumentsOf } from './arguments.ts';
import type { IsolatedPlace } from './isolated-child.ts';
import type { IsolatedDone, IsolatedInput } from './isolated-messages.ts';
import { IsolatedProcesses } from './isolated-processes.ts';
import { OnDemandFault } from './on-demand-function.ts';

/** A process that takes longer to start counts as failed. */
const START_MS = 10_000;
const MEMORY_MIB = 64;
/** After so many ends over the same row it is not sent again. */
const MOST_LOSSES = 3;
/** How often a process that does not answer is asked where it is, at least: typed arrays take gigabytes in a second. */
const LONGEST_LOOK_MS = 25;
/** A process that a busy machine gave no time, or a container's limit froze, has not been in its call for long. */
const LEAST_BUSY = 0.25;

/** Whoever else sends these ends a process: no call does. The system itself sends the first when memory is short. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

export interface IsolatedOptions {
  /** How long one call may take; it is ended between this and twice as long, later where the process gets no time. */
  readonly callMs: number;
  /** Of the process's heap; 64 unless given. */
  readonly memoryMiB?: number;
  /** How long the process may take to start, and then the code of each module by itself; 10 s unless given. */
  readonly startMs?: number;
  /** Whether a second process stands ready; a new one is started when it is needed unless given. */
  readonly spare?: boolean;
  /** A view that is ended so often within `withinMs` rests for `restMs`; never unless given. */
  readonly rest?: { readonly ends: number; readonly withinMs: number; readonly restMs: number };
  /** What runs a view for a while once a call of it was ended, so that the others have their process to themselves. */
  readonly apart?: { readonly functions: IsolatedFunctions; readonly forMs: number };
  /** Called when a process ended because of a view. */
  readonly onEnd?: (view: string, reason: 'deadline' | 'memory') => void;
  /** Called when a process ended and no view is to blame for sure. @param by  a signal's name, or what else ended it */
  readonly onLost?: (by: string) => void;
}

export type OnDemandOutcome = readonly Value[] | OnDemandFault;

/** Some rows of one function that wait for their outcomes. */
interface Waiting {
  readonly of: number;
  readonly rows: readonly (readonly Value[])[];
  readonly timed: boolean;
  readonly outcomes: OnDemandOutcome[];
  readonly tookMs: number[];
  /** How many rows have no outcome yet. */
  left: number;
  readonly resolve: (waiting: Waiting) => void;
}

/** Rows that go to a process together. */
interface Batch {
  readonly waiting: Waiting;
  /** Indexes of the rows, in the order in which they are sent. */
  readonly rows: readonly number[];
  /** How often a process ended over it and nobody was blamed; from the first time on it is sent after all others. */
  readonly losses: number;
}

export class IsolatedFunctions {
  readonly #functions: IsolatedInput['functions'];
  readonly #options: IsolatedOptions;
  readonly #processes: IsolatedProcesses;
  /** Index in `#functions` by the id of the view. */
  readonly #index: ReadonlyMap<string, number>;
  /** When each function was ended, the last times. */
  readonly #ends: number[][];
  readonly #restsUntilMs: number[];
  readonly #apartUntilMs: number[];
  /** Not sent yet. */
  #queue: Batch[] = [];
  /** Sent to the process, in the order in which it answers, by the job's number. */
  #sent = new Map<number, Batch>();
  #jobs = 0;
  #flushing = false;
  #watch: NodeJS.Timeout | null = null;
  /** The first job without an answer, when it was last looked. */
  #seen = 0;
  #closed = false;
  #isLeaving = false;
  #holders = 0;

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
    this.#apartUntilMs = views.map(() => 0);
    this.#options = options;
    this.#processes = new IsolatedProcesses({
      functions: this.#functions,
      memoryMiB: options.memoryMiB ?? MEMORY_MIB,
      startMs: options.startMs ?? START_MS,
      spare: options.spare === true,
      onDone: (done) => this.#take(done),
      onPlace: (place) => this.#judge(place),
      onEnd: (by) => this.#lose(by),
      onSpareEnd: (by) => options.onLost?.(by),
    });
  }

  /** How many processes are ready. */
  get processes(): number {
    return this.#processes.count + (this.#options.apart?.functions.processes ?? 0);
  }

  /**
   * Starts the process, so that the first rows need not wait for it.
   *
   * @returns once it is ready: null; else why it is not, as a sentence
   */
  async start(): Promise<string | null> {
    return (await this.#processes.ready()) === null ? this.#processes.lastFailure : null;
  }

  /**
   * @param view  the id of one of the views
   * @param rows  each with one value an argument, in their order; they are copied
   * @returns     for each row, in their order, its outputs before fallbacks or the fault; never rejects
   */
  async rows(view: string, rows: readonly (readonly Value[])[]): Promise<readonly OnDemandOutcome[]> {
    return (await this.#wait(view, rows, false)).outcomes;
  }

  /** As `rows`, and how many milliseconds each call took in its process; of one that was ended there is none. */
  async timedRows(
    view: string,
    rows: readonly (readonly Value[])[],
  ): Promise<{ readonly outcomes: readonly OnDemandOutcome[]; readonly tookMs: readonly number[] }> {
    return await this.#wait(view, rows, true);
  }

  /** Whoever calls this may still send rows until it calls `release`: `leave` keeps the processes for it. */
  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    this.#endIfLeft();
  }

  /** Few rows come once all who hold it released it: then it keeps no process while no row waits. */
  leave(): void {
    this.#isLeaving = true;
    this.#endIfLeft();
  }

  /** Ends the processes; rows that wait get a fault. @returns once nothing of them is left */
  async close(): Promise<void> {
    this.#closed = true;
    const left = [...this.#sent.values(), ...this.#queue];
    this.#sent = new Map();
    this.#queue = [];
    this.#stopWatch();
    for (const batch of left) this.#failAll(batch, new OnDemandFault('deadline', 'plumb is ending'));
    await Promise.all([this.#processes.close(), this.#options.apart?.functions.close()]);
  }

  #wait(view: string, rows: readonly (readonly Value[])[], timed: boolean): Promise<Waiting> {
    const of = this.#index.get(view);
    if (of === undefined) throw new TypeError(`there is no isolated function of ${view}`);
    if (this.#isApart(of)) return this.#options.apart!.functions.#wait(view, rows, timed);
    return new Promise((resolve) => {
      const waiting: Waiting = { of, rows, timed, outcomes: [], tookMs: [], left: rows.length, resolve };
      const batch = { waiting, rows: rows.map((_, i) => i), losses: 0 };
      if (rows.length === 0) resolve(waiting);
      else if (this.#closed) this.#failAll(batch, new OnDemandFault('deadline', 'plumb is ending'));
      else this.#enqueue([batch]);
    });
  }

  #enqueue(batches: readonly Batch[]): void {
    this.#queue.push(...batches);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => void this.#flush());
  }

  /** Sends what this tick asked for. */
  async #flush(): Promise<void> {
    const child = await this.#processes.ready();
    this.#flushing = false;
    if (child === null) return this.#giveUp();
    const nowMs = performance.now();
    const called = this.#queue.filter((batch) => {
      const rests = this.#restsUntilMs[batch.waiting.of]! > nowMs;
      if (rests) this.#failAll(batch, this.#resting(batch.waiting.of));
      return !rests;
    });
    this.#queue = [];
    if (called.length === 0) return;
    const suspects = called.filter(({ losses }) => losses > 0);
    const inOrder =
      suspects.length === 0 ? called : [...called.filter(({ losses }) => losses === 0), ...suspects];
    child.send(
      inOrder.map((batch) => {
        const id = (this.#jobs = (this.#jobs + 1) & 0x3fff_ffff);
        this.#sent.set(id, batch);
        const { of, rows, timed } = batch.waiting;
        return { id, of, rows: batch.rows.map((i) => rows[i]!), timed };
      }),
    );
    this.#watch ??= setInterval(
      () => this.#look(),
      Math.min(LONGEST_LOOK_MS, Math.max(1, this.#options.callMs / 2)),
    );
  }

  #take({ id, outcomes, tookMs }: IsolatedDone): void {
    const batch = this.#sent.get(id);
    if (batch === undefined) return;
    this.#sent.delete(id);
    if (this.#sent.size === 0) this.#rest();
    const { waiting, rows } = batch;
    for (const [i, outcome] of outcomes.entries()) {
      const fault = outcome as Pick<OnDemandFault, 'reason' | 'message'>;
      waiting.outcomes[rows[i]!] = Array.isArray(outcome)
        ? (outcome as readonly Value[])
        : new OnDemandFault(fault.reason, fault.message);
    }
    waiting.tookMs.push(...tookMs);
    this.#settle(waiting, rows.length);
  }

  /** Nothing is under way. */
  #rest(): void {
    this.#stopWatch();
    this.#endIfLeft();
  }

  #endIfLeft(): void {
    if (!this.#isLeaving || this.#holders > 0) return;
    this.#processes.endSpare();
    this.#options.apart?.functions.leave();
    if (this.#sent.size === 0 && this.#queue.length === 0) this.#processes.endCurrent();
  }

  #stopWatch(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#seen = 0;
  }

  /** Asks the process where it is, when it still has the job that it had at the last look. */
  #look(): void {
    const [first] = this.#sent.keys();
    if (first === this.#seen) {
      if (this.#processes.isSilent) return this.#replace();
      this.#processes.ask();
    }
    this.#seen = first!;
  }

  /** The process gives no sign: what it has not answered goes to the spare one, and nobody is to blame. */
  #replace(): void {
    this.#options.onLost?.('SIGKILL, since it gave no sign');
    this.#processes.endCurrent();
    this.#again([...this.#sent.values()]);
  }

  /** Ends the process when it has been in one call for too long, or takes too much memory. */
  #judge({ job, row, inCallMs, cpuMs, isTooLarge }: IsolatedPlace): void {
    const { callMs } = this.#options;
    const batch = this.#sent.get(job);
    const isTooLong = inCallMs >= callMs && cpuMs >= callMs * LEAST_BUSY;
    if (batch === undefined || !(isTooLarge || isTooLong)) return;
    this.#processes.endCurrent();
    this.#sent.delete(job);
    const isBefore = this.#sent;
    this.#blame(batch, row, isTooLarge ? 'memory' : 'deadline');
    const left = batch.rows.filter((_, i) => i !== row);
    this.#again([...(left.length === 0 ? [] : [{ ...batch, rows: left }]), ...isBefore.values()]);
  }

  /** The process is gone, and what it sent was taken. @returns whether a call is to blame */
  #lose(by: string): boolean {
    const [first] = this.#sent;
    const isCrash = !FROM_OUTSIDE.has(by);
    if (first === undefined) {
      this.#options.onLost?.(by);
      this.#again([]);
      return false;
    }
    const [id, batch] = first;
    this.#sent.delete(id);
    const others = [...this.#sent.values()];
    const losses = batch.losses + 1;
    const isBlamed = batch.rows.length === 1 && (isCrash || losses >= MOST_LOSSES);
    if (isBlamed) {
      this.#blame(batch, 0, 'memory');
      this.#again(others);
    } else {
      this.#options.onLost?.(by);
      this.#again([...batch.rows.map((row) => ({ ...batch, rows: [row], losses })), ...others]);
    }
    return isCrash;
  }

  /** What a process that ended had not answered goes to the next one. */
  #again(batches: readonly Batch[]): void {
    this.#sent = new Map();
    this.#stopWatch();
    const waiting = [...batches, ...this.#queue];
    this.#queue = waiting.filter(({ waiting: { of } }) => !this.#isApart(of));
    for (const batch of waiting) if (this.#isApart(batch.waiting.of)) this.#handOver(batch);
    if (this.#queue.length > 0 || (this.#options.spare === true && !this.#isLeaving)) this.#enqueue([]);
    else this.#endIfLeft();
  }

  #isApart(of: number): boolean {
    return this.#options.apart !== undefined && performance.now() < this.#apartUntilMs[of]!;
  }

  /** Rows of a view that went apart while they waited. */
  #handOver({ waiting, rows }: Batch): void {
    const { view } = this.#functions[waiting.of]!;
    const values = rows.map((i) => waiting.rows[i]!);
    void this.#options.apart!.functions.#wait(view.id, values, waiting.timed).then(({ outcomes, tookMs }) => {
      for (const [i, row] of rows.entries()) waiting.outcomes[row] = outcomes[i]!;
      waiting.tookMs.push(...tookMs);
      this.#settle(waiting, rows.length);
    });
  }

  /** No process starts, so no row gets an outcome; later rows try again. */
  #giveUp(): void {
    const fault = new OnDemandFault('threw', this.#processes.lastFailure);
    for (const batch of this.#queue) this.#failAll(batch, fault);
    this.#queue = [];
  }

  /** @param row  its place in the batch */
  #blame({ waiting, rows }: Batch, row: number, reason: 'deadline' | 'memory'): void {
    const { view } = this.#functions[waiting.of]!;
    const why =
      reason === 'deadline'
        ? `a call took over ${this.#options.callMs} ms and was ended`
        : 'a call took more memory than its process may have and was ended';
    waiting.outcomes[rows[row]!] = new OnDemandFault(reason, `${view.code.file}: ${why}`);
    this.#settle(waiting, 1);
    this.#options.onEnd?.(view.id, reason);
    const { rest, apart } = this.#options;
    const nowMs = performance.now();
    if (apart !== undefined) this.#apartUntilMs[waiting.of] = nowMs + apart.forMs;
    if (rest === undefined) return;
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

  #failAll({ waiting, rows }: Batch, fault: OnDemandFault): void {
    for (const i of rows) waiting.outcomes[i] = fault;
    this.#settle(waiting, rows.length);
  }

  /** So many more rows have their outcome. */
  #settle(waiting: Waiting, rows: number): void {
    waiting.left -= rows;
    if (waiting.left === 0) waiting.resolve(waiting);
  }
}
