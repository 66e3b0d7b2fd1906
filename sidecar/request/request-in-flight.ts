/**
 * One request on its way: what it asks for, the rows found so far, and what it still waits for. Row r of role i lies
 * at r * roles + i in the parallel arrays.
 */
import { FROM_NONE, MISSING, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
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
  /** Of each row as it was judged; null: as they are, since the request waits for nothing. */
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

  /** From now on rows that are read again while the request waits keep in it the times that they were judged by. */
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

  /** The watermark that the row of a place was judged by; 0: there is none. */
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

/**
 * @param row  null: the store failed and nothing was cached
 * @returns    the status of a row as served at `nowUs`. A row that is there without a marker is PRESENT: a first run
 *             writes its rows before the marker that vouches for the absent ones
 */
export function statusOf(row: CachedRow | null, nowUs: number): number {
  if (row === null) return UNAVAILABLE;
  if (row.raw === null) return MISSING;
  const { ttlUs, watermarkLimitUs } = row.view;
  if (ttlUs !== -1 && row.eventUs < nowUs - ttlUs) return OUTSIDE_TTL;
  if (watermarkLimitUs !== -1 && row.watermarkUs !== 0 && row.watermarkUs < nowUs - watermarkLimitUs) {
    return OUTSIDE_TTL;
  }
  return PRESENT;
}
