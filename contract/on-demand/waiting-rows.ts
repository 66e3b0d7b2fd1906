/** Rows of isolated functions that wait for their outcomes, and the batches in which they go to a process. */
import type { Value } from '../value-type.ts';
import type { IsolatedDone } from './isolated-messages.ts';
import { OnDemandFault } from './on-demand-function.ts';
import type { OnDemandOutcome } from './on-demand-function.ts';

interface WaitingParts {
  /** Index of the function. */
  readonly of: number;
  readonly rows: readonly (readonly Value[])[];
  readonly timed: boolean;
  readonly held: HeldOutcomes;
  readonly until: AbortSignal | undefined;
  /** Called once every row has its outcome. */
  readonly resolve: (waiting: WaitingRows) => void;
}

/** The bytes of outcomes that are kept for whoever asked, over all that do. */
export class HeldOutcomes {
  readonly #mostMiB: number;
  bytes = 0;

  /** @param mostMiB  no bound unless given */
  constructor(mostMiB = Infinity) {
    this.#mostMiB = mostMiB;
  }

  /** @returns whether so many more may be kept */
  fits(bytes: number): boolean {
    return this.bytes + bytes <= this.#mostMiB * 2 ** 20;
  }

  /** What a row gets whose outcome is not kept. */
  get fault(): OnDemandFault {
    const what = 'what isolated functions gave requests that are not answered yet';
    return new OnDemandFault('memory', `${what} takes over ${this.#mostMiB} MiB`);
  }
}

/** Some rows of one function, each of which gets one outcome, unless nobody waits for them any longer. */
export class WaitingRows {
  readonly of: number;
  readonly rows: readonly (readonly Value[])[];
  readonly timed: boolean;
  readonly until: AbortSignal | undefined;
  readonly tookMs: number[] = [];
  outcomes: OnDemandOutcome[] = [];
  isDropped = false;
  readonly #held: HeldOutcomes;
  /** Of its outcomes, as long as they are kept. */
  #bytes = 0;
  readonly #resolve: (waiting: WaitingRows) => void;
  /** How many rows have no outcome yet. */
  #left: number;

  constructor({ of, rows, timed, held, until, resolve }: WaitingParts) {
    this.of = of;
    this.rows = rows;
    this.timed = timed;
    this.until = until;
    this.#held = held;
    this.#resolve = resolve;
    this.#left = rows.length;
  }

  /** All rows, as one batch. */
  get batch(): WaitingBatch {
    return { waiting: this, rows: this.rows.map((_, i) => i), losses: 0, told: 0 };
  }

  /** Outcomes of so many bytes come. @returns false where they are not to be kept */
  hold(bytes: number): boolean {
    if (this.isDropped || !this.#held.fits(bytes)) return false;
    this.#bytes += bytes;
    this.#held.bytes += bytes;
    return true;
  }

  /** @param row  its index; it has no outcome yet */
  take(row: number, outcome: OnDemandOutcome): void {
    if (this.isDropped) return;
    this.outcomes[row] = outcome;
    this.#left -= 1;
    if (this.#left > 0) return;
    if (this.until === undefined) this.#release();
    this.#resolve(this);
  }

  /** Nobody waits for it or keeps its outcomes any longer. @returns whether one was still to come */
  drop(): boolean {
    this.isDropped = true;
    this.outcomes = [];
    this.#release();
    return this.#left > 0;
  }

  #release(): void {
    this.#held.bytes -= this.#bytes;
    this.#bytes = 0;
  }
}

/** Rows that go to a process together. */
export interface WaitingBatch {
  readonly waiting: WaitingRows;
  /** Indexes of the rows, in the order in which they are sent; none has an outcome. */
  readonly rows: readonly number[];
  /** How often a process ended over it and nobody was blamed; from the first time on it is sent after all others. */
  readonly losses: number;
  /** How many rows of its job have their outcomes: where the process says row 7, it is the one at 7 - told. */
  readonly told: number;
}

export function failAll({ waiting, rows }: WaitingBatch, fault: OnDemandFault): void {
  for (const row of rows) waiting.take(row, fault);
}

/**
 * Gives its first rows what a process told of them; of a job that was given up none is left, and all have a fault.
 *
 * @param full  what those with values get, since no more can be kept; null: it can
 */
export function takeTold(
  { waiting, rows }: WaitingBatch,
  told: IsolatedDone['outcomes'],
  full: OnDemandFault | null,
): void {
  for (const [i, row] of rows.slice(0, told.length).entries()) {
    const outcome = told[i]!;
    const { reason, message } = outcome as Pick<OnDemandFault, 'reason' | 'message'>;
    if (!Array.isArray(outcome)) waiting.take(row, new OnDemandFault(reason, message));
    else waiting.take(row, full ?? (outcome as readonly Value[]));
  }
}

/** @returns a batch of some of its rows; none where there are none */
export function batchesOf(batch: WaitingBatch, rows: readonly number[]): WaitingBatch[] {
  return rows.length === 0 ? [] : [{ ...batch, rows }];
}
