/**
 * How long the garbage collector held the process, by kind. V8 reports each collection, some 5 us of CPU each.
 */
import { PerformanceObserver, constants } from 'node:perf_hooks';
import type { PerformanceEntry } from 'node:perf_hooks';
import { Histogram } from '../../contract/std/histogram.ts';

const EDGES_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

const KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

interface GcEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number };
}

export class GcPauses {
  /** By kind, each from the start. */
  readonly seconds = new Map(Object.values(KINDS).map((kind) => [kind, new Histogram(EDGES_S)]));
  readonly #observer: PerformanceObserver;

  /** @param collected  called after each collection, or after several */
  constructor(collected: () => void) {
    this.#observer = new PerformanceObserver((list) => {
      collected();
      for (const { duration, detail } of list.getEntries() as GcEntry[]) {
        const kind = KINDS[detail.kind];
        if (kind !== undefined) this.seconds.get(kind)!.observe(duration / 1_000);
      }
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.#observer.disconnect();
  }
}
