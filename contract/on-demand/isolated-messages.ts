/**
 * What the process of isolated functions and the one that waits for it tell each other.
 *
 *   frame      length of the message u32 | message, as v8.serialize makes it
 *   to it      IsolatedInput, once, then IsolatedJobs
 *   from it    the index of each function before its code is read, READY, then IsolatedDones, of about TOLD_BYTES each
 *              where a job has more
 *
 * Beside them a second pair of sockets, the lifeline, which a thread of its own answers, so it does while a call loops.
 * Its end tells either process that the other one is gone.
 *
 *   to it      [ ASK i32 | 0 i32 ], a place comes back | [ job i32 | row of the job i32 ], ends the call if it is in it
 *              | [ job i32 | SKIP i32 ], computes no more rows of it
 *   place      [ job i32 | row of the job i32 | microseconds in the call i32, NOT_IN_CALL |
 *                of processor time since it was first asked in this call i32 | its memory in KiB i32 ]
 */
import { DefaultSerializer } from 'node:v8';
import type { OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import type { OnDemandArgument } from './arguments.ts';
import type { OnDemandFault } from './on-demand-function.ts';

/** The descriptors of the process, its only ones. */
export const MESSAGES_FD = 3;
export const LIFELINE_FD = 4;

export const READY = 'ready';
export const HEAD_BYTES = 4;
const HEAD = new Uint8Array(HEAD_BYTES);

/** So many bytes of outcomes are told at once: whoever waits need not take them all before it can refuse them. */
export const TOLD_BYTES = 2 ** 20;

export const COMMAND_BYTES = 8;
/** The number of no job. */
export const ASK = -1;
/** The row of no call. */
export const SKIP = -1;
export const PLACE_BYTES = 20;
export const NOT_IN_CALL = -1;

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
  /** How many calls the process has ended, as far as the sender knows. */
  readonly ends: number;
}

/** A call that was ended is the last outcome of its job; jobs that were sent before that was known have none. */
export interface IsolatedDone {
  readonly id: number;
  /**
   * For the rows after those that were told their outputs, or reason and message of a fault; all that are left in the
   * last one, unless a call was ended or nobody waits.
   */
  readonly outcomes: readonly (readonly Value[] | Pick<OnDemandFault, 'reason' | 'message'>)[];
  /** Milliseconds of each call; empty unless they were asked for. */
  readonly tookMs: readonly number[];
  readonly isLast: boolean;
}

/** What a process tells. */
export type IsolatedTold = IsolatedDone | typeof READY | number;

export function frameOf(message: IsolatedInput | IsolatedJob | IsolatedTold): Buffer {
  const out = new DefaultSerializer();
  out.writeRawBytes(HEAD);
  out.writeHeader();
  out.writeValue(message);
  const frame = out.releaseBuffer();
  frame.writeUInt32LE(frame.length - HEAD_BYTES);
  return frame;
}
