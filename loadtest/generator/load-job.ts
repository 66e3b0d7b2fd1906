/** What a generator process is told, and what it tells: one JSON text a line on its stdin and stdout. */
import type { HistogramJson } from './latency-histogram.ts';
import type { RequestShape } from '../request/request-text.ts';
import type { LoadTarget } from '../request/target.ts';

export interface LoadJob {
  readonly target: LoadTarget;
  readonly shape: RequestShape;
  readonly profile: string;
  readonly rows: number;
  readonly keys: string;
  /** Requests a second of all shards together; null: a closed loop, as many as the connections give. */
  readonly perSecond: number | null;
  readonly warmupNs: number;
  readonly lastsNs: number;
  /** A request without an answer for so long after its intended start has failed. */
  readonly timeoutNs: number;
  readonly connections: number;
  readonly seed: number;
  readonly shard: number;
  readonly shards: number;
  /** Ends of the run's phases but the last, after the warm-up. */
  readonly phaseEdgesNs: readonly number[];
}

/** Requests by the second or phase in which they were meant to start. */
export interface Tally {
  readonly latencies: HistogramJson;
  /** Requests without a good answer by what came instead: `503`, `timeout`, `connection lost`, `not sent`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Good answers with at least one value MISSING, and with one UNAVAILABLE. */
  readonly missing: number;
  readonly unavailable: number;
}

export interface LoadDone {
  readonly kind: 'done';
  readonly phases: readonly Tally[];
  /** One each second of the run. */
  readonly seconds: readonly Tally[];
  /** How late requests were sent though a connection was free: what the generator itself adds. */
  readonly late: HistogramJson;
  /** Requests that waited because all connections were busy. */
  readonly queued: number;
  /** From the run's beginning to the last answer. */
  readonly tookNs: number;
  /** The first answer that was no 200, its beginning. */
  readonly firstFault: string | null;
}

export type LoadMessage =
  | { readonly kind: 'ready' }
  /** The warm-up is over. */
  | { readonly kind: 'measuring' }
  | { readonly kind: 'progress'; readonly elapsedNs: number }
  | LoadDone;
