/** What a feature aggregates over how long, in a few words. */
import type { Aggregation } from '../../contract/model.ts';
import { formatDuration } from '../../contract/std/duration.ts';

/** `sum of price over 7d` */
export function aggregationText({ function: name, column, windowUs, sessionUs = null }: Aggregation): string {
  const of = column === null ? '' : ` of ${column}`;
  if (sessionUs !== null) return `${name}${of} by session`;
  return windowUs === null ? `${name}${of}, lifetime` : `${name}${of} over ${formatDuration(windowUs)}`;
}
