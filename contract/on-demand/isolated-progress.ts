/**
 * What the thread of isolated functions and the one that waits for it tell each other: jobs and outcomes as messages,
 * and in shared memory which call the thread is in, so that the other knows what to blame when it ends it.
 *
 *   progress   [ calls begun i32 | job i32 | row of the job i32 | 1 in a job, else 0 i32 ]
 */
import type { OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import type { OnDemandArgument } from './arguments.ts';
import type { OnDemandFault } from './on-demand-function.ts';

export const CALLS = 0;
export const JOB = 1;
export const ROW = 2;
export const BUSY = 3;

export interface IsolatedInput {
  readonly progress: SharedArrayBuffer;
  readonly functions: readonly { readonly view: OnDemandView; readonly args: readonly OnDemandArgument[] }[];
}

/** Rows of one function. */
export interface IsolatedJob {
  readonly id: number;
  /** Index in `functions`. */
  readonly of: number;
  readonly rows: readonly (readonly Value[])[];
  /** Whether to tell how long each call took. */
  readonly timed: boolean;
}

export interface IsolatedDone {
  readonly id: number;
  /** For each row its outputs, or reason and message of a fault. */
  readonly outcomes: readonly (readonly Value[] | Pick<OnDemandFault, 'reason' | 'message'>)[];
  /** Milliseconds of each call; empty unless they were asked for. */
  readonly tookMs: readonly number[];
}
