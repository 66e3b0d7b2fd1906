/** Rows of isolated functions that wait for their outcomes, and the batches in which they go to a process. */
import type { Value } from '../value-type.ts';
import type { OnDemandFault, OnDemandOutcome } from './on-demand-function.ts';

/** Some rows of one function, each of which gets one outcome. */
export class WaitingRows {
  /** Index of the function. */
  readonly of: number;
  readonly rows: readonly (readonly Value[])[];
  readonly timed: boolean;
  readonly outcomes: OnDemandOutcome[] = [];
  readonly tookMs: number[] = [];
  readonly #resolve: (waiting: WaitingRows) => void;
  /** How many rows have no outcome yet. */
  #left: number;

  /** @param resolve  called once every row has its outcome */
  constructor(
    of: number,
    rows: readonly (readonly Value[])[],
    timed: boolean,
    resolve: (waiting: WaitingRows) => void,
  ) {
    this.of = of;
    this.rows = rows;
    this.timed = timed;
    this.#resolve = resolve;
    this.#left = rows.length;
  }

  /** All rows, as one batch. */
  get batch(): WaitingBatch {
    return { waiting: this, rows: this.rows.map((_, i) => i), losses: 0 };
  }

  /** @param row  its index; it has no outcome yet */
  take(row: number, outcome: OnDemandOutcome): void {
    this.outcomes[row] = outcome;
    this.#left -= 1;
    if (this.#left === 0) this.#resolve(this);
  }
}

/** Rows that go to a process together. */
export interface WaitingBatch {
  readonly waiting: WaitingRows;
  /** Indexes of the rows, in the order in which they are sent; none has an outcome. */
  readonly rows: readonly number[];
  /** How often a process ended over it and nobody was blamed; from the first time on it is sent after all others. */
  readonly losses: number;
}

export function failAll({ waiting, rows }: WaitingBatch, fault: OnDemandFault): void {
  for (const row of rows) waiting.take(row, fault);
}

/** @returns a batch of some of its rows; none where there are none */
export function batchesOf(batch: WaitingBatch, rows: readonly number[]): WaitingBatch[] {
  return rows.length === 0 ? [] : [{ ...batch, rows }];
}
