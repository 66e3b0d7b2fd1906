/** How long the disk took: counts by duration, their sum and the longest, in memory that may be shared. */

/** Upper edges in seconds; two stand where a write and a sync become slow. */
export const DURATION_EDGES_S = [0.0001, 0.0005, 0.001, 0.004, 0.02, 0.1, 0.5, 1, 5] as const;

const COUNT = DURATION_EDGES_S.length + 1;
const SUM = COUNT;
const LONGEST = COUNT + 1;
export const DURATION_SLOTS = COUNT + 2;

export interface Durations {
  /** For each edge, and one more for what lies above all, how many took that long or less; not cumulative. */
  readonly counts: readonly number[];
  readonly sumS: number;
  readonly longestS: number;
}

export function countDuration(slots: Float64Array, ms: number): void {
  const seconds = ms / 1_000;
  let edge = 0;
  while (edge < DURATION_EDGES_S.length && seconds > DURATION_EDGES_S[edge]!) edge += 1;
  slots[edge]! += 1;
  slots[SUM]! += seconds;
  if (seconds > slots[LONGEST]!) slots[LONGEST] = seconds;
}

export function readDurations(slots: Float64Array): Durations {
  return { counts: [...slots.subarray(0, COUNT)], sumS: slots[SUM]!, longestS: slots[LONGEST]! };
}
