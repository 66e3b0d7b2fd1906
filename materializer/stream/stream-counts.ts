/** What has become of the events of a view's stream since it was started: of one partition, or of all. */
export interface StreamCounts {
  counted: number;
  /** Counted before: they came twice. */
  twice: number;
  late: number;
  excluded: number;
  refused: number;
  /** Tiles that were made again of their events, since one of those was taken back. */
  remade: number;
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
    remade: 0,
    reasons: new Map(),
    latenessNeededUs: null,
    newestEventUs: null,
    newestCreatedUs: null,
  };
}

/** Counts an event that a view refuses, or several. */
export function countRefused(counts: StreamCounts, reason: string, number = 1): void {
  if (number === 0) return;
  counts.refused += number;
  counts.reasons.set(reason, (counts.reasons.get(reason) ?? 0) + number);
}

/** Why a deletion does not count that takes back nothing; its event may come yet. */
export const IDLE = 'it takes back an event that was never counted';
/** Why that event does not count then. */
export const GONE = 'it was taken back before it came';

/** @returns the sum over partitions */
export function summedCounts(all: Iterable<StreamCounts>): StreamCounts {
  const sum = noCounts();
  for (const counts of all) {
    for (const name of ['counted', 'twice', 'late', 'excluded', 'refused', 'remade'] as const)
      sum[name] += counts[name];
    for (const [reason, count] of counts.reasons)
      sum.reasons.set(reason, (sum.reasons.get(reason) ?? 0) + count);
    for (const name of ['latenessNeededUs', 'newestEventUs', 'newestCreatedUs'] as const)
      if (counts[name] !== null) sum[name] = Math.max(sum[name] ?? 0, counts[name]);
  }
  return sum;
}
