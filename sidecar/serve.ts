/**
 * The story of one request, top to bottom:
 *
 *   parse    the surface reads the body against the service's compiled plan
 *   look up  each row in the cache: fresh, due ahead of time, or missing
 *   wait     for what is missing, read from the store in one round trip, at most until the deadline
 *   decide   the status of each row, at the one time at which the request reads the clock
 *   compute  the on-demand views, where the service has any
 *   answer   the surface puts ready text together
 *   log      the vectors, before the answer leaves
 *
 * When every row is fresh there is no promise, no timer and no I/O but the log's write. Called by server.ts and
 * grpc-server.ts; throws the SRV_ codes of bad input, which these turn into statuses of HTTP and of gRPC.
 */
import type { Clock } from '../project/clock.ts';
import { FROM_CACHE, FROM_NONE, FROM_STALE, FROM_STORE, MISSING, STORE_FAILED } from '../contract/status.ts';
import type { Outbox } from './answer/outbox.ts';
import type { RowCache } from './cache/row-cache.ts';
import type { CachedRow } from './cache/cached-row.ts';
import { sidecarError } from './errors.ts';
import type { HotKeys } from './cache/hot-keys.ts';
import type { Metrics } from './metrics/metrics.ts';
import { computeAll, computeAllHere } from './on-demand/compute-all.ts';
import type { FunctionRunner } from './on-demand/function-runner.ts';
import type { BundlePlans } from './plan/bundle-plans.ts';
import { rebind } from './cache/row-loader.ts';
import type { WantedRow, RowLoader } from './cache/row-loader.ts';
import type { VectorCodec } from './request/surface.ts';
import type { Exchange } from './transport/transport.ts';
import { keepVectors, servedRequest } from './vector-log/served-request.ts';
import { statusOf } from './cache/row-status.ts';
import { RequestInFlight } from './request/request-in-flight.ts';

const MAX_VALUES_IN_FLIGHT = 200_000;

interface ServingParts {
  readonly clock: Clock;
  readonly cache: RowCache;
  readonly loader: RowLoader;
  readonly outbox: Outbox;
  readonly metrics: Metrics;
  readonly hotKeys: HotKeys;
  readonly plans: BundlePlans;
  /** Answers a request that met a fault after `serve` had returned. */
  readonly refuse: (exchange: Exchange, fault: unknown) => void;
  readonly maxValuesInFlight?: number;
}

export class Serving {
  readonly #clock: Clock;
  readonly #cache: RowCache;
  readonly #loader: RowLoader;
  readonly #outbox: Outbox;
  readonly #metrics: Metrics;
  readonly #hotKeys: HotKeys;
  readonly #refuse: (exchange: Exchange, fault: unknown) => void;
  readonly #maxValuesInFlight: number;
  #plans: BundlePlans;
  #inFlightValues = 0;

  constructor(parts: ServingParts) {
    this.#clock = parts.clock;
    this.#cache = parts.cache;
    this.#loader = parts.loader;
    this.#outbox = parts.outbox;
    this.#metrics = parts.metrics;
    this.#hotKeys = parts.hotKeys;
    this.#plans = parts.plans;
    this.#plans.begin();
    this.#refuse = parts.refuse;
    this.#maxValuesInFlight = parts.maxValuesInFlight ?? MAX_VALUES_IN_FLIGHT;
  }

  get plans(): BundlePlans {
    return this.#plans;
  }

  /** Requests under way finish with the plans that they started with. */
  swap(plans: BundlePlans): void {
    this.#plans = plans;
    plans.begin();
  }

  get inFlightValues(): number {
    return this.#inFlightValues;
  }

  /**
   * @param body        valid during the call only
   * @param deadlineMs  what is left of it, from now on, on the monotonic clock
   */
  serve(exchange: Exchange, surface: VectorCodec, body: Buffer, deadlineMs: number): void {
    const nowUs = this.#clock.nowUs();
    const request = surface.parse(body, this.#plans, exchange);
    const inFlight = new RequestInFlight(exchange, request, nowUs);
    const missing = this.#lookUp(inFlight);
    if (missing !== null) this.#wait(surface, inFlight, missing, deadlineMs);
    else if (inFlight.computed === null || computeAllHere(inFlight)) this.#answer(surface, inFlight);
    else this.#waitForFunctions(surface, inFlight, deadlineMs);
  }

  /** @returns the rows to wait for, or null when there are none */
  #lookUp(inFlight: RequestInFlight): WantedRow[] | null {
    const { plan, count, parts } = inFlight.request;
    const { roleViews, roleGroups, groups } = plan;
    const roles = roleViews.length;
    let missing: WantedRow[] | null = null;
    let due: WantedRow[] | null = null;
    let nulls = 0;
    for (let r = 0; r < count; r++) {
      for (let g = 0; g < groups.length; g++) {
        const group = groups[g]!;
        const key = keyOf(group.keyStart, group.keys, parts, r);
        const entity = key === null ? undefined : this.#cache.find(key);
        const hot =
          key !== null && this.#hotKeys.samples() && this.#sample(key, entity !== undefined, inFlight);
        for (let i = 0; i < roles; i++) {
          if (roleGroups[i] !== g) continue;
          const at = r * roles + i;
          if (key === null) {
            nulls += 1;
            inFlight.setPlace(at, null, FROM_NONE, MISSING);
            continue;
          }
          const view = roleViews[i]!;
          let row = entity === undefined ? undefined : entity[view.slot];
          if (row !== undefined && row.view !== view) row = this.#rebound(key, row, view);
          if (row !== undefined && this.#cache.isFresh(row, inFlight.nowUs)) {
            row.markRequestedAgain();
            inFlight.setPlace(at, row, FROM_CACHE, statusOf(row, inFlight.nowUs));
            if (!row.refreshing && this.#cache.isDueAhead(row, inFlight.nowUs, hot)) {
              row.refreshing = true;
              due ??= [];
              due.push({ key, view, place: 0 });
            }
            continue;
          }
          // Used if the store does not answer in time.
          this.#standIn(inFlight, at, row);
          missing ??= [];
          missing.push({ key, view, place: at });
        }
      }
    }
    if (due !== null) {
      // The embedded store answers at once.
      inFlight.keepTimes();
      this.#refresh(due, inFlight.nowUs);
    }
    const misses = missing === null ? 0 : missing.length;
    this.#metrics.countLookUps(count * roles - nulls - misses, misses);
    return missing;
  }

  /** @returns whether the key is hot: its rows are then read ahead earlier, before requests could meet in a miss */
  #sample(key: string, cached: boolean, inFlight: RequestInFlight): boolean {
    this.#hotKeys.count(key, cached, inFlight.startedMs);
    return cached && this.#hotKeys.isHot(key);
  }

  #standIn(inFlight: RequestInFlight, at: number, row: CachedRow | undefined): void {
    const kept = row !== undefined && this.#cache.mayStandIn(row, inFlight.nowUs) ? row : null;
    inFlight.setPlace(at, kept, kept === null ? FROM_NONE : FROM_STALE, statusOf(kept, inFlight.nowUs));
  }

  #rebound(key: string, row: CachedRow, view: CachedRow['view']): CachedRow | undefined {
    const bound = rebind(row, view);
    if (bound === null) return undefined;
    this.#cache.put(key, bound);
    return bound;
  }

  /** Reads all due rows of an entity in one read, so that they keep falling due together. */
  #refresh(due: readonly WantedRow[], nowUs: number): void {
    this.#metrics.refreshes += due.length;
    this.#loader.load(due, nowUs, null);
  }

  #wait(
    surface: VectorCodec,
    inFlight: RequestInFlight,
    missing: readonly WantedRow[],
    deadlineMs: number,
  ): void {
    this.#enter(inFlight);
    const isolated = isolatedOf(inFlight);
    isolated?.hold();
    inFlight.waitsFor = missing.length;
    inFlight.keepTimes();
    inFlight.exchange.trace?.asks(missing.length);
    const endMs = inFlight.computed === null ? 0 : performance.now() + deadlineMs;
    const finish = (): void => {
      if (inFlight.answered) return;
      inFlight.answered = true;
      inFlight.exchange.trace?.hasRows();
      this.#inFlightValues -= inFlight.valueCount;
      if (inFlight.deadline !== null) clearTimeout(inFlight.deadline);
      try {
        if (inFlight.computed === null || computeAllHere(inFlight)) this.#answer(surface, inFlight);
        else this.#waitForFunctions(surface, inFlight, endMs - performance.now());
      } catch (fault) {
        // Only the event loop is above us here: a fault in one answer must not end the process.
        this.#refuse(inFlight.exchange, fault);
      } finally {
        isolated?.release();
      }
    };
    const take = (place: number, row: CachedRow | null, reason: number): void => {
      if (inFlight.answered) return;
      if (row === null) inFlight.setReason(place, reason);
      else this.#arrived(inFlight, place, row);
      inFlight.waitsFor -= 1;
      if (inFlight.waitsFor === 0) finish();
    };
    inFlight.deadline = setTimeout(() => {
      this.#metrics.deadlineAnswers += 1;
      finish();
    }, deadlineMs);
    this.#loader.load(missing, inFlight.nowUs, { take });
  }

  /** Waits for isolated functions. */
  #waitForFunctions(surface: VectorCodec, inFlight: RequestInFlight, limitMs: number): void {
    this.#enter(inFlight);
    inFlight.keepTimes();
    const { exchange, valueCount } = inFlight;
    const isolated = isolatedOf(inFlight);
    isolated?.hold();
    computeAll(inFlight, limitMs)
      .finally(() => {
        this.#inFlightValues -= valueCount;
        isolated?.release();
      })
      .then(() => this.#answer(surface, inFlight))
      .catch((fault: unknown) => this.#refuse(exchange, fault));
  }

  /** Counts a request that waits. @throws SRV_OVERLOAD where too many do */
  #enter({ valueCount }: RequestInFlight): void {
    const inFlight = this.#inFlightValues;
    if (inFlight > 0 && inFlight + valueCount > this.#maxValuesInFlight) {
      throw sidecarError('SRV_OVERLOAD', `${inFlight} values are in flight already; try again soon`);
    }
    this.#inFlightValues += valueCount;
  }

  #arrived(inFlight: RequestInFlight, place: number, row: CachedRow): void {
    const { roleViews } = inFlight.request.plan;
    const view = roleViews[place % roleViews.length]!;
    // The read may have been started by a request under another bundle.
    const bound = row.view === view ? row : rebind(row, view);
    if (bound === null) inFlight.setReason(place, STORE_FAILED);
    else inFlight.setPlace(place, bound, FROM_STORE, statusOf(bound, inFlight.nowUs));
  }

  #answer(surface: VectorCodec, inFlight: RequestInFlight): void {
    const { exchange, startedMs } = inFlight;
    const { buffer } = this.#outbox;
    buffer.begin();
    const headers = surface.answer(inFlight, performance.now() - startedMs, buffer);
    const body = buffer.end();
    if (exchange.trace !== null)
      exchange.trace.answers(inFlight.request.plan.service, inFlight.request.count);
    this.#metrics.countServed(inFlight);
    const served = this.#outbox.logs ? servedRequest(inFlight, surface.code, body) : null;
    this.#outbox.leave({ exchange, route: surface.route, body, headers }, served);
    if (served !== null) keepVectors(inFlight, served);
  }
}

/** @returns what runs an isolated view of the request, and all others of them; null: it has none */
function isolatedOf({ request }: RequestInFlight): FunctionRunner | null {
  return request.plan.onDemand.find(({ runner }) => runner.isIsolated)?.runner ?? null;
}

/** @returns the key of an entity's hash, or null when a part of its id is null */
function keyOf(
  start: string,
  keys: readonly number[],
  parts: readonly (readonly (string | null)[])[],
  r: number,
): string | null {
  let key = start;
  for (let k = 0; k < keys.length; k++) {
    const part = parts[keys[k]!]![r]!;
    if (part === null) return null;
    key += k === 0 ? part : `|${part}`;
  }
  return key;
}
