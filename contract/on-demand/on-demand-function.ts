/**
 * A function of an on-demand view, ready to be called. Serving, training and the replay all call it through this, with
 * the same values in the same order, and so get the same bits.
 */
import type { OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import type { OnDemandArgument } from './arguments.ts';

/**
 * Why a call gave no values.
 *
 *   argument   an int64 or a timestamp past 2^53 - 1 in size, which no number is exactly
 *   threw      the function threw
 *   returned   it returned something else than its features in their types
 *   deadline   it was ended, since it took too long
 *   memory     it was ended, since it took too much memory
 *   resting    it was ended too often in a short time, and is not called for a while
 */
export type OnDemandReason = 'argument' | 'threw' | 'returned' | 'deadline' | 'memory' | 'resting';

export class OnDemandFault {
  readonly reason: OnDemandReason;
  /** A sentence for people, with the line of the code where it is known: `distance.ts:4: TypeError: ...`. */
  readonly message: string;

  constructor(reason: OnDemandReason, message: string) {
    this.reason = reason;
    this.message = message;
  }
}

/** What comes of a row: its outputs before fallbacks, or why there are none. */
export type OnDemandOutcome = readonly Value[] | OnDemandFault;

export interface OnDemandFunction {
  readonly view: OnDemandView;
  /** What `call` takes, in this order. */
  readonly arguments: readonly OnDemandArgument[];

  /**
   * Computes one row, at once. It never throws.
   *
   * @param values   one for each argument, of its type or null; not kept and not changed
   * @param outputs  takes one value for each feature of the view, before fallbacks; owned by the caller. After a fault
   *                 its content means nothing
   * @returns        null: the outputs are there; else why they are not
   */
  call(values: readonly Value[], outputs: Value[]): OnDemandFault | null;
}
