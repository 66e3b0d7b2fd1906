/**
 * What the sidecar counts. On the way of a request that is answered from the cache: `countLookUps`, `countServed` and
 * `countAnswer`, sums in typed arrays and fields, together some 0.15 us (docs/benchmarks/sidecar.md, "Counting"). All
 * else is read at a scrape: metrics-text.ts.
 */
import { FROM_STALE, MISSING, NULL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { REFUSALS } from '../request/admission.ts';
import type { Refusal } from '../request/admission.ts';
import { Histogram } from '../../contract/std/histogram.ts';
import type { CachedRow } from '../cache/cached-row.ts';
import type { ComputedValues } from '../on-demand/computed-values.ts';
import type { Plan } from '../plan/plan.ts';
import type { ViewTally } from '../plan/view-tally.ts';
import type { RequestInFlight } from '../request/request-in-flight.ts';

/** Upper edges in seconds; one of them is the target of 10 ms. */
const ANSWER_EDGES_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.008, 0.01, 0.025, 0.05, 0.1, 0.5,
] as const;
const READ_EDGES_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
] as const;

/** Of a poll, which reads all sockets that have something. */
const POLL_EDGES_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5] as const;

export interface RouteTally {
  /** Answers with 200 that left through `countAnswer`. */
  answered: number;
  readonly seconds: Histogram;
  /** By HTTP status, all others. */
  readonly codes: Map<number, number>;
}

export class Metrics {
  readonly routes = new Map<string, RouteTally>();
  readonly readSeconds = new Map<string, Histogram>();
  readonly unreadable = new Map<string, number>();
  readonly pollSeconds = new Histogram(POLL_EDGES_S);
  /** Requests on which no work was done. */
  readonly shed = Object.fromEntries(REFUSALS.map((why) => [why, 0])) as Record<Refusal, number>;
  cacheHits = 0;
  cacheMisses = 0;
  refreshes = 0;
  staleServed = 0;
  storeFailures = 0;
  deadlineAnswers = 0;
  bundleSwaps = 0;
  /** Columns of requests that nobody asked for. */
  passedOver = 0;
  #turn = 0;

  /** Of the rows of a request: how many the cache had fresh, and how many must be waited for. */
  countLookUps(hits: number, misses: number): void {
    this.cacheHits += hits;
    this.cacheMisses += misses;
  }

  /** Counts the values of an answer, and the ages of the rows of one of its entities: another one with each answer. */
  countServed(inFlight: RequestInFlight): void {
    const { rows, statuses, sources, nowUs } = inFlight;
    const { plan, count, passedOver } = inFlight.request;
    this.passedOver += passedOver;
    if (plan.deprecations !== null) plan.deprecations.tally.answers += 1;
    if (inFlight.computed !== null) countComputed(plan, inFlight.computed);
    const { roleViews, roleFeatures } = plan;
    const roles = roleViews.length;
    const aged = this.#turn % count;
    this.#turn = aged + 1;
    for (let role = 0; role < roles; role++) {
      const { tally } = roleViews[role]!;
      const features = roleFeatures[role]!;
      let whole = 0;
      for (let at = role; at < rows.length; at += roles) {
        const status = statuses[at]!;
        if (sources[at] === FROM_STALE) this.staleServed += 1;
        if (status !== PRESENT) tally.values[status]! += features.length;
        else if (rows[at]!.isWhole) whole += 1;
        else countPartial(tally, rows[at]!, features);
      }
      tally.values[PRESENT]! += whole * features.length;
      const row = rows[aged * roles + role]!;
      if (row !== null && row.raw !== null) tally.rowAges.observe(Math.max(0, nowUs - row.eventUs) / 1e6);
    }
  }

  /** An answer with 200 that leaves now. */
  countAnswer(route: string, ms: number): void {
    const tally = this.#route(route);
    tally.answered += 1;
    tally.seconds.observe(ms / 1_000);
  }

  /** Any other answer. */
  countRequest(route: string, status: number): void {
    const { codes } = this.#route(route);
    codes.set(status, (codes.get(status) ?? 0) + 1);
  }

  countUnreadable(view: string): void {
    this.unreadable.set(view, (this.unreadable.get(view) ?? 0) + 1);
  }

  observeRead(node: string, ms: number): void {
    let seconds = this.readSeconds.get(node);
    if (seconds === undefined) this.readSeconds.set(node, (seconds = new Histogram(READ_EDGES_S)));
    seconds.observe(ms / 1_000);
  }

  #route(route: string): RouteTally {
    let tally = this.routes.get(route);
    if (tally === undefined) {
      tally = { answered: 0, seconds: new Histogram(ANSWER_EDGES_S), codes: new Map() };
      this.routes.set(route, tally);
    }
    return tally;
  }
}

/** The values of the service's features that on-demand views computed, or did not. */
function countComputed({ onDemand }: Plan, { values, statuses, columns, views }: ComputedValues): void {
  for (let v = 0; v < views; v++) {
    const { runner, listed } = onDemand[v]!;
    const tally = runner.tally.values;
    for (let r = v, from = 0; r < statuses.length; r += views, from += columns) {
      if (statuses[r] !== PRESENT) {
        tally[UNAVAILABLE]! += listed.length;
        continue;
      }
      let nulls = 0;
      for (let i = 0; i < listed.length; i++) if (values[from + listed[i]!] === null) nulls += 1;
      tally[NULL]! += nulls;
      tally[PRESENT]! += listed.length - nulls;
    }
  }
}

/** Of a row that lacks values: null, or not in its older definition. */
function countPartial({ values }: ViewTally, row: CachedRow, features: readonly number[]): void {
  const { nulls, lacks } = row.absentOf(features);
  values[PRESENT]! += features.length - nulls - lacks;
  values[NULL]! += nulls;
  values[MISSING]! += lacks;
}
