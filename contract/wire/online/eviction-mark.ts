/**
 * What a node of the store had evicted when a full pass over its rows began, kept beside the marker of the view.
 *
 *   field  ~evicted:{view id}      (no view's id begins with ~)
 *   value  {healed ms} {run id}:{evicted keys} {run id}:{evicted keys} ...
 *
 * A pass that writes every row stores it, ordinary runs leave it. Where a node has evicted more since, a row that is
 * absent may be one of those: it is UNAVAILABLE, not MISSING, until the next pass over all rows. Healed is when such a
 * pass was last made because of evictions; 0: never. A node that was started anew has another run id, and counts from
 * 0.
 */
export interface EvictionMark {
  readonly healedMs: number;
  readonly counts: readonly NodeEvictions[];
}

/** A node's own count, which begins anew when it is started. */
export interface NodeEvictions {
  readonly runId: string;
  readonly evictedKeys: number;
}

const FIELD = '~evicted:';

export function evictionField(view: string): string {
  return `${FIELD}${view}`;
}

/** @returns the view that a field of a marker hash is the eviction mark of; null: the field is a view's watermark */
export function viewOfEvictionField(field: string): string | null {
  return field.startsWith(FIELD) ? field.slice(FIELD.length) : null;
}

export function formatEvictionMark({ healedMs, counts }: EvictionMark): string {
  return [String(healedMs), ...counts.map(({ runId, evictedKeys }) => `${runId}:${evictedKeys}`)].join(' ');
}

/** @returns null when it is no such mark */
export function parseEvictionMark(text: string): EvictionMark | null {
  if (!/^\d+( [0-9a-f]+:\d+)*$/.test(text)) return null;
  const [healed, ...nodes] = text.split(' ') as [string, ...string[]];
  return {
    healedMs: Number(healed),
    counts: nodes.map((node) => {
      const [runId, evicted] = node.split(':') as [string, string];
      return { runId, evictedKeys: Number(evicted) };
    }),
  };
}

/** @returns how many keys the node has evicted since the mark was set */
export function evictedSince({ counts }: EvictionMark, { runId, evictedKeys }: NodeEvictions): number {
  const then = counts.find((count) => count.runId === runId)?.evictedKeys ?? 0;
  return Math.max(0, evictedKeys - then);
}

/** @returns a line of what INFO answers, by its name; null when it is not there */
export function infoField(info: string, name: string): string | null {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? null;
}
