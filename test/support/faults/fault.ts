/** One way to break a sidecar: done for a second or two in every run of the tests, for longer in the long one. */
import { expect } from 'vitest';
import type { FaultReport } from './fault-report.ts';
import { IS_LONG_RUN } from '../long-run.ts';

export interface Fault<Store> {
  readonly name: string;
  /** Of the long run alone: another stands for its kind in `npm test`. */
  readonly isLong?: true;
  /** @param seconds  how long the fault lasts, where that can be chosen */
  run(store: Store, seconds: number): Promise<FaultReport>;
}

/** @returns those of `npm test` */
export const shortFaults = <Store>(faults: readonly Fault<Store>[]): readonly Fault<Store>[] =>
  faults.filter(({ isLong }) => isLong !== true);

/**
 * A run in which nothing was broken, and in which the fault was felt: answers lacked values. That it was felt by no
 * more than `most` of the answers hangs on times, and so decides in the long run only, as they do.
 *
 * @param most  the share of the answers that may have lacked a value where only a part of the store was broken
 */
export function expectSteady(
  { broken, late, faulty, said }: FaultReport,
  unavailable: 'some' | 'none',
  most = 1,
): void {
  expect(broken, `the sidecar said:\n${said}`).toEqual([]);
  const share = faulty.unavailable / faulty.answers;
  if (unavailable === 'some') expect(share).toBeGreaterThan(0.05);
  if (!IS_LONG_RUN) return;
  expect(late, `the sidecar said:\n${said}`).toEqual([]);
  expect(share).toBeLessThanOrEqual(most);
  // Without a fault of the store reads miss the deadline as well, on a machine where the control is late.
  if (unavailable === 'none') expect(share).toBeLessThan(0.05 + (2 * faulty.controlLate) / faulty.answers);
}
