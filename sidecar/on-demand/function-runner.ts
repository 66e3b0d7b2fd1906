/**
 * The function of an on-demand view in this process: how it is called, and what is known of its calls.
 *
 *   on   --half of 1,000 calls within 10 s took over 1 ms-->  off: its rows are UNAVAILABLE, with an alarm
 *   off  --after 30 s, for the rows of one request-->  on where they took less, else off again
 *
 * A view that is the same under the next bundle keeps its runner. Called by compute.ts.
 */
import type { OnDemandView } from '../../contract/model.ts';
import type { IsolatedFunctions } from '../../contract/on-demand/isolated-functions.ts';
import type {
  OnDemandFault,
  OnDemandFunction,
  OnDemandOutcome,
} from '../../contract/on-demand/on-demand-function.ts';
import type { Value } from '../../contract/value-type.ts';
import { madeUpValue } from './made-up-value.ts';
import type { FailureReason, OnDemandTally } from './on-demand-tally.ts';

const SLOW_CALL_MS = 1;
const WATCHED_CALLS = 1_000;
const WATCHED_MS = 10_000;
const OFF_MS = 30_000;
const TELL_MS = 60_000;
const WARM_CALLS = 100;
const WARM_MS = 2;

interface RunnerParts {
  readonly view: OnDemandView;
  readonly tally: OnDemandTally;
  /** The function in this thread, or the process that runs it. */
  readonly runs: OnDemandFunction | IsolatedFunctions;
  readonly warn: (line: string) => void;
}

export class FunctionRunner {
  readonly view: OnDemandView;
  readonly tally: OnDemandTally;
  readonly #runs: OnDemandFunction | IsolatedFunctions;
  readonly #warn: (line: string) => void;
  #watchedSinceMs = 0;
  #watched = 0;
  #slow = 0;
  /** 0: it is on. */
  #offUntilMs = 0;
  /** When each reason was last told. */
  readonly #toldMs = new Map<FailureReason, number>();

  constructor({ view, tally, runs, warn }: RunnerParts) {
    this.view = view;
    this.tally = tally;
    this.#runs = runs;
    this.#warn = warn;
  }

  /** Whether its rows are computed elsewhere and must be waited for. */
  get isIsolated(): boolean {
    return this.view.isolated;
  }

  /** Whether it is switched off. Once in a while it says no, for a try. */
  isOff(nowMs: number): boolean {
    return this.#offUntilMs !== 0 && nowMs < this.#offUntilMs;
  }

  /**
   * Calls it over made-up values, before a request waits while its code is compiled; nothing of it is counted.
   *
   * @param given, outputs  those that requests will use
   */
  warm(given: Value[], outputs: Value[]): void {
    // One that may never end could do so over a value that nobody sends.
    if (this.view.isolated || this.view.costly !== null) return;
    for (const [i, { type }] of (this.#runs as OnDemandFunction).arguments.entries()) {
      given[i] = madeUpValue(type);
    }
    const endMs = performance.now() + WARM_MS;
    for (let i = 0; i < WARM_CALLS && performance.now() < endMs; i++) this.call(given, outputs);
  }

  /** Of a function that is not isolated. @param values, outputs  as OnDemandFunction has them */
  call(values: readonly Value[], outputs: Value[]): OnDemandFault | null {
    return (this.#runs as OnDemandFunction).call(values, outputs);
  }

  /** Of an isolated function: its process stays under the next bundle until `release`. */
  hold(): void {
    (this.#runs as IsolatedFunctions).hold();
  }

  release(): void {
    (this.#runs as IsolatedFunctions).release();
  }

  /** Of an isolated function. @param until  aborted once nobody waits any longer, or keeps what came */
  async rows(
    values: readonly (readonly Value[])[],
    until?: AbortSignal,
  ): Promise<readonly OnDemandOutcome[]> {
    return (this.#runs as IsolatedFunctions).rows(this.view.id, values, until);
  }

  /** Some rows were computed. @param ms  in all */
  ran(calls: number, ms: number, nowMs: number): void {
    if (calls === 0) return;
    this.tally.calls += calls;
    this.tally.seconds.observe(ms / calls / 1_000);
    // A worker has its own deadline, and the wait for it says little of a call.
    if (this.view.isolated) return;
    const isSlow = ms > SLOW_CALL_MS * calls;
    if (this.#offUntilMs !== 0) return isSlow ? this.#switchOff(nowMs) : this.#switchOn();
    if (nowMs - this.#watchedSinceMs > WATCHED_MS) {
      this.#watchedSinceMs = nowMs;
      this.#watched = this.#slow = 0;
    }
    this.#watched += calls;
    if (isSlow) this.#slow += calls;
    if (this.#watched < WATCHED_CALLS) return;
    if (this.#slow * 2 >= this.#watched) this.#switchOff(nowMs);
    this.#watchedSinceMs = nowMs;
    this.#watched = this.#slow = 0;
  }

  /** Rows got no values. @param message  told once a minute of each reason; null: it is nothing to tell */
  failed(reason: FailureReason, rows: number, message: string | null, nowMs: number): void {
    this.tally.fail(reason, rows);
    if (message === null || nowMs - (this.#toldMs.get(reason) ?? -TELL_MS) < TELL_MS) return;
    this.#toldMs.set(reason, nowMs);
    this.#warn(`the on-demand view ${this.view.id} is UNAVAILABLE in a row (${reason}): ${message}`);
  }

  #switchOff(nowMs: number): void {
    if (!this.tally.isOff) {
      this.#warn(
        `the on-demand view ${this.view.id} is switched off: half of its last calls took over ${SLOW_CALL_MS} ms; ` +
          `it is tried again every ${OFF_MS / 1_000} s, and its features are UNAVAILABLE`,
      );
    }
    this.#offUntilMs = nowMs + OFF_MS;
    this.tally.isOff = true;
  }

  #switchOn(): void {
    this.#offUntilMs = 0;
    this.tally.isOff = false;
    this.#warn(`the on-demand view ${this.view.id} is on again`);
  }
}
