/** One way to break a sidecar: done for a second or two in every run of the tests, for longer in the long one. */
import { expect } from 'vitest';
import type { FaultReport } from './fault-report.ts';

export interface Fault<Store> {
  readonly name: string;
  /** @param seconds  how long the fault lasts, where that can be chosen */
  run(store: Store, seconds: number): Promise<FaultReport>;
}

/** A run in which nothing was broken, and in which the fault was felt: answers lacked values. */
export function expectSteady({ broken, faulty, said }: FaultReport, unavailable: 'some' | 'none'): void {
  expect(broken, `the sidecar said:\n${said}`).toEqual([]);
  const share = faulty.unavailable / faulty.answers;
  // Without a fault of the store reads miss the deadline as well, on a machine where the control is late.
  if (unavailable === 'some') expect(share).toBeGreaterThan(0.05);
  else expect(share).toBeLessThan(0.05 + (2 * faulty.controlLate) / faulty.answers);
}
