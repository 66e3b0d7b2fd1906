/**
 * How late the event loop is: a timer is due every 10 ms, and this counts how much later it is called. Timers have
 * steps of a millisecond, so smaller delays do not show. Some 2 us of CPU, 100 times a second.
 *
 * Rejected: monitorEventLoopDelay of perf_hooks. Its buckets cannot be read, so that only quantiles since the last
 * scrape could be shown, which cannot be added up over pods; and its reset at a scrape forgets the delay that follows.
 */
import { Histogram } from '../../contract/std/histogram.ts';

const EVERY_MS = 10;
const EDGES_S = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export class EventLoopDelay {
  readonly seconds = new Histogram(EDGES_S);
  readonly #timer: NodeJS.Timeout;
  #dueMs = performance.now() + EVERY_MS;

  constructor() {
    this.#timer = setInterval(() => this.#called(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #called(): void {
    const nowMs = performance.now();
    this.seconds.observe(Math.max(0, nowMs - this.#dueMs) / 1_000);
    this.#dueMs = nowMs + EVERY_MS;
  }
}
