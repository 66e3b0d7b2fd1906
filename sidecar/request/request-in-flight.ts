/**
 * A request that is being served: what it asks for, the rows found so far, and what it still waits for. Made and filled
 * by serve.ts, read by surfaces, metrics and the vector log.
 *
 * A request asks for some entities, and takes one row of each role of its plan for each of them. Each such row has a
 * place in parallel arrays: that of entity e and role i is e * roles + i.
 */
import { FROM_NONE, PAST_DEADLINE, UNAVAILABLE } from '../../contract/status.ts';
import type { CachedRow } from '../cache/cached-row.ts';
import { ComputedValues } from '../on-demand/computed-values.ts';
import type { FeatureRequest } from './feature-request.ts';
import { NO_VIEW } from '../plan/feature-runs.ts';
import type { FeatureRun } from '../plan/feature-runs.ts';
import type { Exchange } from '../transport/transport.ts';

/** @typeParam Form  what its surface must remember of it */
export class RequestInFlight<Form = unknown> {
  readonly exchange: Exchange;
  readonly request: FeatureRequest<Form>;
  readonly requestId: string;
  /** The one reading of the clock: served time, ages, freshness, TTL. */
  readonly nowUs: number;
  /** When the request was read, on the monotonic clock: latencies count from here. */
  readonly startedMs: number;
  /** By place; null: no row was found, or not yet. */
  readonly rows: (CachedRow | null)[] = [];
  /** By place: where the row came from, a code of ROW_SOURCES. */
  readonly sources: number[] = [];
  /** By place: the code of the row's status. */
  readonly statuses: number[] = [];
  /** What its on-demand views compute; null: its service has none. */
  readonly computed: ComputedValues | null;
  /** By place: the times of the row when its status was decided; null: those that the row has now. */
  #fetchedUs: number[] | null = null;
  #watermarkUs: number[] | null = null;
  /** By place: why its read gave no row; null: none failed. */
  #reasons: number[] | null = null;
  /** Places whose read has not ended. */
  waitsFor = 0;
  answered = false;
  /** When it answers with what it has; null: it waits for nothing. */
  deadline: NodeJS.Timeout | null = null;

  constructor(exchange: Exchange, request: FeatureRequest<Form>, nowUs: number) {
    this.exchange = exchange;
    this.request = request;
    this.requestId = exchange.requestId;
    this.nowUs = nowUs;
    this.startedMs = exchange.readMs;
    const { plan, count } = request;
    this.computed = plan.onDemand.length === 0 ? null : new ComputedValues(plan, count);
    const places = count * plan.roleViews.length;
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

  /** Told where the read of a place ended without a row. */
  setReason(at: number, reason: number): void {
    this.#reasons ??= this.rows.map(() => PAST_DEADLINE);
    this.#reasons[at] = reason;
  }

  /** Why the row of a place is UNAVAILABLE, where it is: a read that has not ended by now is past the deadline. */
  reasonOf(at: number): number {
    return this.#reasons === null ? PAST_DEADLINE : this.#reasons[at]!;
  }

  /** Called before anything may read a row again, which changes its times: the status was decided by the old ones. */
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

/** @returns the status of a run of features: of the row that they come from, or of the view that computes them */
export function statusOfRun(
  { computed, statuses, request }: RequestInFlight,
  { role, onDemand }: Pick<FeatureRun, 'role' | 'onDemand'>,
  r: number,
): number {
  if (onDemand !== NO_VIEW) return computed!.statuses[r * computed!.views + onDemand]!;
  return statuses[r * request.plan.roleViews.length + role]!;
}
