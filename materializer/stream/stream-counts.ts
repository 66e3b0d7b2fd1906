/** What has become of the events of a view's stream since it was started. */
export interface StreamCounts {
  counted: number;
  /** Counted before: they came twice. */
  twice: number;
  late: number;
  excluded: number;
  refused: number;
  /** reason -> events that were refused */
  readonly reasons: Map<string, number>;
  /** The smallest lateness that would have taken them all; null: none was late. */
  latenessNeededUs: number | null;
  newestEventUs: number | null;
  newestCreatedUs: number | null;
}

export function noCounts(): StreamCounts {
  return {
    counted: 0,
    twice: 0,
    late: 0,
    excluded: 0,
    refused: 0,
    reasons: new Map(),
    latenessNeededUs: null,
    newestEventUs: null,
    newestCreatedUs: null,
  };
}

/** Counts an event that a view refuses. */
export function countRefused(counts: StreamCounts, reason: string): void {
  counts.refused += 1;
  counts.reasons.set(reason, (counts.reasons.get(reason) ?? 0) + 1);
}
