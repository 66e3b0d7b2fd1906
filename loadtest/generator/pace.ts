/**
 * When each request of an open loop is meant to start. The starts are fixed before the run: a server that is slow
 * delays no later start, and every latency counts from the intended start, so that a stall is felt by all requests
 * that it held up (no coordinated omission).
 *
 *   start(i) = i / rate          of all generators together
 *   shard k of n sends the requests k, k + n, k + 2n, ...
 */

export interface Pace {
  /** Requests a second of all shards together. */
  readonly perSecond: number;
  readonly shard: number;
  readonly shards: number;
}

/** @returns nanoseconds after the run's beginning at which the shard's request `index` is meant to start */
export function intendedStartNs({ perSecond, shard, shards }: Pace, index: number): number {
  return ((index * shards + shard) * 1e9) / perSecond;
}

/** @returns how many requests of the shard are meant to start before `lastsNs`; all shards add up to rate x time */
export function startsWithin({ perSecond, shard, shards }: Pace, lastsNs: number): number {
  // A whole number of starts may be a hair off in binary: 0.1 s at 30 a second are 3.
  const all = Math.ceil((lastsNs * perSecond) / 1e9 - 1e-6);
  return Math.max(0, Math.ceil((all - shard) / shards));
}
