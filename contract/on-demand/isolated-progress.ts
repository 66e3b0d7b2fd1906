/**
 * What the process of isolated functions and the one that waits for it tell each other.
 *
 *   frame      length of the message u32 | message, as v8.serialize makes it
 *   to it      IsolatedInput, once, then lists of IsolatedJob       from it   READY, once, then an IsolatedDone a job
 *   progress   [ calls begun i32 | job i32 | row of the job i32 | 1 in a call, else 0 i32 ]
 *
 * Progress lies in a file without a name that both have open: it outlasts a process that dies in a call, which could
 * send no message any more. Writing it costs about 2 us a call.
 */
import { serialize } from 'node:v8';
import type { OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import type { OnDemandArgument } from './arguments.ts';
import type { OnDemandFault } from './on-demand-function.ts';

/** The descriptors of the process: both ways, progress, and one that only tells when its other end is gone. */
export const MESSAGES_FD = 3;
export const PROGRESS_FD = 4;
export const LIFELINE_FD = 5;

export const PROGRESS_BYTES = 16;
export const CALLS = 0;
export const JOB = 1;
export const ROW = 2;
export const BUSY = 3;

export const READY = 'ready';
export const HEAD_BYTES = 4;

export interface IsolatedInput {
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

export function frameOf(
  message: IsolatedInput | readonly IsolatedJob[] | IsolatedDone | typeof READY,
): Buffer {
  const body = serialize(message);
  const frame = Buffer.allocUnsafe(HEAD_BYTES + body.length);
  frame.writeUInt32LE(body.length);
  body.copy(frame, HEAD_BYTES);
  return frame;
}
