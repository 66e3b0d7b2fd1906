/**
 * Runs functions that may never return: in a process of their own, with a deadline for each call and a limit of memory.
 *
 *   rows() --a job, with the others of this tick--> process --what it has done--> the promise of rows()
 *
 * A call that is past the deadline is ended in its process, which goes on with the next job; one in a native method is
 * ended with the process. A process that takes too much memory is ended, or ends by itself. The row that it was in gets
 * a fault, all other rows that it had not answered go to the next process. Functions are pure, so a row may be computed
 * twice. In a sidecar a view of which a call was ended goes apart (ended-calls.ts): another process runs it, with all
 * others of that kind. One that was ended often rests for a while: its rows get a fault at once. What waits behind a
 * call that is ended is sent anew, what was answered most first: of many views that loop at once it waits for one.
 *
 * Whoever stops waiting, or is done with the outcomes that it keeps, says so: what is not computed yet is not any more.
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
import { endFault } from './ended-calls.ts';
import type { IsolatedPlace } from './isolated-child.ts';
import type { IsolatedDone, IsolatedInput } from './isolated-messages.ts';
import type { CallOptions } from './isolated-options.ts';
import { IsolatedProcesses } from './isolated-processes.ts';
import { OnDemandFault } from './on-demand-function.ts';
import type { OnDemandOutcome } from './on-demand-function.ts';
import { batchesOf, failAll, HeldOutcomes, takeTold, WaitingRows } from './waiting-rows.ts';
import type { WaitingBatch } from './waiting-rows.ts';

/** A process that takes longer to start counts as failed. */
const START_MS = 10_000;
const MEMORY_MIB = 64;
/** After so many ends over the same row it is not sent again. */
const MOST_LOSSES = 3;
/** How often a process that does not answer is asked where it is, at least: typed arrays take gigabytes in a second. */
const LONGEST_LOOK_MS = 25;
/** A process that a busy machine gave no time, or a container's limit froze, has not been in its call for long. */
const LEAST_BUSY = 0.25;

/** A call that was to end is stuck after so many deadlines of processor time: on a busy machine signals are slow. */
const STUCK = 3;
/** Whoever else sends these ends a process: no call does. The system itself sends the first when memory is short. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

export interface IsolatedOptions extends CallOptions {
  /** What runs a view while it is apart, so that the others have their process to themselves. */
  readonly apart?: IsolatedFunctions;
}

export class IsolatedFunctions {
  readonly #functions: IsolatedInput['functions'];
  readonly #options: IsolatedOptions;
  readonly #processes: IsolatedProcesses;
  /** Index in `#functions` by the id of the view. */
  readonly #index: ReadonlyMap<string, number>;
  /** How many rows of each function were answered since one of it was blamed. */
  readonly #answered: number[];
  /** Not sent yet. */
  #queue: WaitingBatch[] = [];
  /** Sent to the process, in the order in which it answers, by the job's number. */
  #sent = new Map<number, WaitingBatch>();
  /** How many calls the process has ended by itself. */
  #ends = 0;
  /** The call that the process was told to end. */
  #ending: Pick<IsolatedPlace, 'job' | 'row'> | null = null;
  #jobs = 0;
  readonly #held: HeldOutcomes;
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
    this.#answered = views.map(() => 0);
    this.#options = options;
    this.#held = new HeldOutcomes(options.heldMiB);
    this.#processes = new IsolatedProcesses({
      functions: this.#functions,
      memoryMiB: options.memoryMiB ?? MEMORY_MIB,
      startMs: options.startMs ?? START_MS,
      spare: options.spare === true,
      onDone: (done, bytes) => this.#take(done, bytes),
      onPlace: (place) => this.#judge(place),
      onEnd: (by, ran) => this.#lose(by, ran),
      onSpareEnd: (by) => options.onLost?.(by, []),
    });
  }

  /** How many processes are ready. */
  get processes(): number {
    return this.#processes.count + (this.#options.apart?.processes ?? 0);
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
   * @param until  aborted once nobody waits (the promise may then stay as it is for ever) or keeps what counts as held
   * @returns     for each row, in their order, its outputs before fallbacks or the fault; never rejects
   */
  async rows(
    view: string,
    rows: readonly (readonly Value[])[],
    until?: AbortSignal,
  ): Promise<readonly OnDemandOutcome[]> {
    return (await this.#wait(view, rows, false, until)).outcomes;
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
    for (const batch of left) failAll(batch, new OnDemandFault('deadline', 'plumb is ending'));
    await Promise.all([this.#processes.close(), this.#options.apart?.close()]);
  }

  #wait(
    view: string,
    rows: readonly (readonly Value[])[],
    timed: boolean,
    until?: AbortSignal,
  ): Promise<WaitingRows> {
    const of = this.#index.get(view);
    if (of === undefined) throw new TypeError(`there is no isolated function of ${view}`);
    if (this.#isApart(of)) return this.#options.apart!.#wait(view, rows, timed, until);
    return new Promise((resolve) => {
      const waiting = new WaitingRows({ of, rows, timed, held: this.#held, until, resolve });
      until?.addEventListener('abort', () => this.#drop(waiting), { once: true });
      if (rows.length === 0) resolve(waiting);
      else if (this.#closed) failAll(waiting.batch, new OnDemandFault('deadline', 'plumb is ending'));
      else this.#enqueue([waiting.batch]);
    });
  }

  #enqueue(batches: readonly WaitingBatch[]): void {
    this.#queue.push(...batches);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => void this.#flush());
  }

  /** Nobody waits for these any longer, or keeps what came of them. */
  #drop(waiting: WaitingRows): void {
    if (!waiting.drop()) return;
    this.#processes.skip([...this.#sent.keys()].filter((id) => this.#sent.get(id)!.waiting === waiting));
    this.#queue = this.#queue.filter((batch) => batch.waiting !== waiting);
    this.#endIfLeft();
  }

  /** Sends what this tick asked for. */
  async #flush(): Promise<void> {
    const child = await this.#processes.ready();
    this.#flushing = false;
    if (child === null) return this.#giveUp();
    const nowMs = performance.now();
    const called = this.#queue.filter((batch) => {
      const { view } = this.#functions[batch.waiting.of]!;
      const fault = this.#options.ended?.restFault(view, nowMs) ?? null;
      if (fault !== null) failAll(batch, fault);
      return fault === null;
    });
    this.#queue = [];
    if (called.length === 0) return;
    const inOrder = called.toSorted((a, b) => this.#distrust(a) - this.#distrust(b));
    child.send(
      inOrder.map((batch) => {
        const id = (this.#jobs = (this.#jobs + 1) & 0x3fff_ffff);
        this.#sent.set(id, { ...batch, told: 0 });
        const { of, rows, timed } = batch.waiting;
        return { id, of, rows: batch.rows.map((i) => rows[i]!), timed, ends: this.#ends };
      }),
    );
    this.#watch ??= setInterval(
      () => this.#look(),
      Math.min(LONGEST_LOOK_MS, Math.max(1, this.#options.callMs / 2)),
    );
  }

  /** @param bytes  of the message: about what the outcomes take in memory */
  #take({ id, outcomes, tookMs, isLast }: IsolatedDone, bytes: number): void {
    const batch = this.#sent.get(id);
    if (batch === undefined) return;
    const { waiting, rows } = batch;
    waiting.tookMs.push(...tookMs);
    const isHeld = rows.length > 0 && waiting.hold(bytes);
    const last = outcomes.at(-1) as Pick<OnDemandFault, 'reason'> | undefined;
    const isEnded = last?.reason === 'deadline';
    const computed = isEnded ? outcomes.slice(0, -1) : outcomes;
    this.#answered[waiting.of]! += computed.length;
    takeTold(batch, computed, isHeld ? null : this.#held.fault);
    if (!isLast) {
      const told = batch.told + computed.length;
      return this.#goOn(id, { ...batch, rows: rows.slice(computed.length), told }, isHeld);
    }
    this.#sent.delete(id);
    if (isEnded) return this.#takeEnd(batch, computed.length);
    if (this.#sent.size === 0) this.#stopWatch();
    this.#endIfLeft();
  }

  /** More of a job comes. Where so much waits that nothing more can be kept, its rows get a fault at once. */
  #goOn(id: number, left: WaitingBatch, isHeld: boolean): void {
    this.#sent.set(id, isHeld ? left : { ...left, rows: [] });
    if (isHeld || left.rows.length === 0) return;
    this.#processes.skip([id]);
    failAll(left, this.#held.fault);
  }

  /** The process has ended a call, and computes nothing of what was sent before this. */
  #takeEnd(batch: WaitingBatch, row: number): void {
    this.#ends += 1;
    this.#blame(batch, row, 'deadline');
    this.#again([...batchesOf(batch, batch.rows.slice(row + 1)), ...this.#sent.values()]);
  }

  #endIfLeft(): void {
    if (!this.#isLeaving || this.#holders > 0) return;
    this.#processes.endSpare();
    this.#options.apart?.leave();
    if (this.#sent.size === 0 && this.#queue.length === 0) this.#processes.endCurrent();
  }

  #stopWatch(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#seen = 0;
    this.#ending = null;
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
    this.#options.onLost?.('SIGKILL, since it gave no sign', this.#processes.ran);
    this.#processes.endCurrent();
    this.#again([...this.#sent.values()]);
  }

  /** Ends a call that takes too long, or the process where that does not help, or takes too much memory. */
  #judge({ job, row, inCallMs, cpuMs, isTooLarge }: IsolatedPlace): void {
    const { callMs } = this.#options;
    const batch = this.#sent.get(job);
    const isTooLong = inCallMs >= callMs && cpuMs >= callMs * LEAST_BUSY;
    // A row whose outcome came meanwhile is in no call any more.
    if (batch === undefined || row < batch.told || !(isTooLarge || isTooLong)) return;
    const isEnding = this.#ending?.job === job && this.#ending.row === row;
    const isStuck = isEnding && cpuMs >= STUCK * callMs;
    if (!isTooLarge && !isStuck) {
      if (!isEnding) this.#processes.endCall(job, row);
      this.#ending = { job, row };
      return;
    }
    this.#processes.endCurrent();
    this.#sent.delete(job);
    const isBefore = this.#sent;
    const place = row - batch.told;
    this.#blame(batch, place, isTooLarge ? 'memory' : 'deadline');
    this.#again([...batchesOf(batch, batch.rows.toSpliced(place, 1)), ...isBefore.values()]);
  }

  /** The process is gone, and what it sent was taken. @returns whether a call is to blame */
  #lose(by: string, ran: readonly string[]): boolean {
    const [first] = this.#sent;
    const isCrash = !FROM_OUTSIDE.has(by);
    if (first === undefined) {
      this.#options.onLost?.(by, ran);
      this.#again([]);
      return false;
    }
    const [id, batch] = first;
    this.#sent.delete(id);
    const others = [...this.#sent.values()];
    const losses = batch.losses + 1;
    const isOne = batch.rows.length === 1 || batch.waiting.isDropped;
    const isBlamed = isOne && (isCrash || losses >= MOST_LOSSES);
    if (isBlamed) {
      this.#blame(batch, 0, 'memory');
      this.#again(others);
    } else {
      this.#options.onLost?.(by, ran);
      this.#again([...batch.rows.map((row) => ({ ...batch, rows: [row], losses })), ...others]);
    }
    return isCrash;
  }

  /** The smallest first: what was to blame for nothing, and then of which most was answered. */
  #distrust({ waiting, losses }: WaitingBatch): number {
    return losses > 0 ? 1 : -this.#answered[waiting.of]!;
  }

  /** What the process has not answered is sent once more, to the next one where it ended. */
  #again(batches: readonly WaitingBatch[]): void {
    this.#sent = new Map();
    this.#stopWatch();
    const queue = this.#queue;
    this.#queue = [];
    const isWanted = ({ waiting, rows }: WaitingBatch): boolean => rows.length > 0 && !waiting.isDropped;
    this.#sendAgain([...batches, ...queue].filter(isWanted));
    if (this.#queue.length === 0 && this.#options.spare === true && !this.#isLeaving) this.#enqueue([]);
    this.#endIfLeft();
  }

  /** Rows of a view that went apart while they waited go there. */
  #sendAgain(batches: readonly WaitingBatch[]): void {
    const own = batches.filter(({ waiting: { of } }) => !this.#isApart(of));
    for (const batch of batches) if (this.#isApart(batch.waiting.of)) this.#handOver(batch);
    if (own.length > 0) this.#enqueue(own);
  }

  #isApart(of: number): boolean {
    const { apart, ended } = this.#options;
    return apart !== undefined && ended?.isApart(this.#functions[of]!.view, performance.now()) === true;
  }

  #handOver({ waiting, rows }: WaitingBatch): void {
    const { view } = this.#functions[waiting.of]!;
    const values = rows.map((i) => waiting.rows[i]!);
    void this.#options
      .apart!.#wait(view.id, values, waiting.timed, waiting.until)
      .then(({ outcomes, tookMs }) => {
        waiting.tookMs.push(...tookMs);
        for (const [i, row] of rows.entries()) waiting.take(row, outcomes[i]!);
      });
  }

  /** No process starts, so no row gets an outcome; later rows try again. */
  #giveUp(): void {
    const fault = new OnDemandFault('threw', this.#processes.lastFailure);
    for (const batch of this.#queue) failAll(batch, fault);
    this.#queue = [];
  }

  /** @param row  its place in the batch */
  #blame({ waiting, rows }: WaitingBatch, row: number, reason: 'deadline' | 'memory'): void {
    const { view } = this.#functions[waiting.of]!;
    this.#answered[waiting.of] = 0;
    this.#options.ended?.add(view, performance.now());
    this.#options.onEnd?.(view.id, reason);
    if (row < rows.length) waiting.take(rows[row]!, endFault(view, reason, this.#options.callMs));
  }
}
