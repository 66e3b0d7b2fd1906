/** What is known of the calls of one on-demand view since the start, whatever bundle was in force. */
import { STATUSES } from '../../contract/status.ts';
import { Histogram } from '../../contract/std/histogram.ts';
import type { OnDemandReason } from '../../contract/on-demand/on-demand-function.ts';

/**
 * Why rows got no values. Beside those of a call:
 *
 *   used   a feature that it uses was UNAVAILABLE and has no fallback: it was not called
 *   slow   it was switched off, since it took too long too often
 *   late   its worker had not answered at the request's deadline
 */
export type FailureReason = OnDemandReason | 'used' | 'slow' | 'late';

/** Upper edges in seconds; one of them is what a call may take. */
const CALL_EDGES_S = [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1];

export class OnDemandTally {
  calls = 0;
  /** How often the process of isolated functions was ended because of it. */
  ends = 0;
  /** Rows without values. */
  readonly failures = new Map<FailureReason, number>();
  /** Of a row, the mean of those that were computed in one go. */
  readonly seconds = new Histogram(CALL_EDGES_S);
  /** Values of the service's features by status. */
  readonly values = new Float64Array(STATUSES.length);
  /** It is not called, since it took too long too often. */
  isOff = false;
  /** The view in force was applied on another engine than this one (contract/on-demand/engine.ts). */
  isOfOtherEngine = false;

  fail(reason: FailureReason, rows: number): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + rows);
  }
}
