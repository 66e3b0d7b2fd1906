/**
 * A request that is being served: what it asks for, the rows found so far, and what it still waits for. Its rows lie in
 * parallel arrays: row r of role i at r * roles + i.
 */
import { FROM_NONE, UNAVAILABLE } from '../../contract/status.ts';
import type { CachedRow } from '../cache/cached-row.ts';
import type { FeatureRequest } from './feature-request.ts';
import type { Exchange } from '../transport/transport.ts';

/** @typeParam Form  of the surface that it came by */
export class RequestInFlight<Form = unknown> {
  readonly exchange: Exchange;
  readonly request: FeatureRequest<Form>;
  readonly requestId: string;
  /** The one reading of the clock: served time, ages, freshness, TTL. */
  readonly nowUs: number;
  /** When the request was read, on the monotonic clock: latencies count from here. */
  readonly startedMs: number;
  readonly rows: (CachedRow | null)[] = [];
  readonly sources: number[] = [];
  readonly statuses: number[] = [];
  /** The times of each row when its status was decided; null: the row's own, since the request waits for nothing. */
  #fetchedUs: number[] | null = null;
  #watermarkUs: number[] | null = null;
  /** Reads that it waits for. */
  waitsFor = 0;
  answered = false;
  deadline: NodeJS.Timeout | null = null;

  constructor(exchange: Exchange, request: FeatureRequest<Form>, nowUs: number) {
    this.exchange = exchange;
    this.request = request;
    this.requestId = exchange.requestId;
    this.nowUs = nowUs;
    this.startedMs = exchange.readMs;
    const places = request.count * request.plan.roleViews.length;
    for (let place = 0; place < places; place++) {
      this.rows.push(null);
      this.sources.push(FROM_NONE);
      this.statuses.push(UNAVAILABLE);
    }
  }

  setPlace(at: number, row: CachedRow | null, source: number, status: number): void {
    this.rows[at] = row;
    this.sources[at] = source;
    this.statuses[at] = status;
    if (this.#fetchedUs !== null) this.#keepTimesOf(at);
  }

  /** A row may be read again while the request waits: the request keeps the times that decided the row's status. */
  keepTimes(): void {
    if (this.#fetchedUs !== null) return;
    this.#fetchedUs = [];
    this.#watermarkUs = [];
    for (let at = 0; at < this.rows.length; at++) this.#keepTimesOf(at);
  }

  #keepTimesOf(at: number): void {
    const row = this.rows[at]!;
    this.#fetchedUs![at] = row === null ? 0 : row.fetchedUs;
    this.#watermarkUs![at] = row === null ? 0 : row.watermarkUs;
  }

  /** When the row of a place was read; 0: there is none. */
  fetchedUsOf(at: number): number {
    if (this.#fetchedUs !== null) return this.#fetchedUs[at]!;
    const row = this.rows[at]!;
    return row === null ? 0 : row.fetchedUs;
  }

  /** The watermark that decided the status of the row of a place; 0: there is none. */
  watermarkUsOf(at: number): number {
    if (this.#watermarkUs !== null) return this.#watermarkUs[at]!;
    const row = this.rows[at]!;
    return row === null ? 0 : row.watermarkUs;
  }

  get valueCount(): number {
    return this.request.count * this.request.plan.featureCount;
  }
}

/** @returns how long ago the oldest row of the answer had its event time; -1 where there is no row */
export function oldestAgeUs(inFlight: RequestInFlight): number {
  let oldestUs = -1;
  for (let at = 0; at < inFlight.rows.length; at++) {
    const row = inFlight.rows[at]!;
    if (row === null || row.raw === null) continue;
    const ageUs = inFlight.nowUs - row.eventUs;
    if (ageUs > oldestUs) oldestUs = ageUs;
  }
  return oldestUs;
}
