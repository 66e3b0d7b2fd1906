/** Counts the outcomes of one phase or second. */
import { LatencyHistogram } from './latency-histogram.ts';
import type { Tally } from './load-job.ts';

export class TallyCount {
  readonly latencies = new LatencyHistogram();
  readonly failures: Record<string, number> = {};
  missing = 0;
  unavailable = 0;

  get failed(): number {
    return Object.values(this.failures).reduce((sum, count) => sum + count, 0);
  }

  fail(reason: string, count = 1): void {
    this.failures[reason] = (this.failures[reason] ?? 0) + count;
  }

  add(other: Tally): void {
    this.latencies.add(other.latencies);
    for (const [reason, count] of Object.entries(other.failures)) this.fail(reason, count);
    this.missing += other.missing;
    this.unavailable += other.unavailable;
  }

  toJson(): Tally {
    const { failures, missing, unavailable } = this;
    return { latencies: this.latencies.toJson(), failures, missing, unavailable };
  }
}
