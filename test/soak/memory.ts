/** Whether the memory of a program that ran through is flat. Pure. */
import { linearRegression } from 'simple-statistics';
import type { MemorySample } from './scrapes.ts';

export interface MemoryLine {
  readonly program: string;
  /** Medians of the first and the last tenth of the samples once it had settled. */
  readonly fromMib: number;
  readonly toMib: number;
  /** Of a line fitted to these samples. */
  readonly mibAMinute: number;
  readonly minutes: number;
  /** null: too short a time to tell. */
  readonly isFlat: boolean | null;
}

/**
 * Code is compiled, caches and buffers fill: that of the rows is full after five minutes (soak-project.ts). At load 20
 * on two cores a sidecar took eleven minutes, and an ingest twenty.
 */
const SETTLED_AFTER_MS = 20 * 60_000;
/** In less a line follows the chance of single collections. */
const LEAST_MINUTES = 15;
const MOST_MIB_A_MINUTE = 0.5;
const MINUTE_MS = 60_000;

/**
 * @param samples  of one start of one program, in order
 * @returns        null: there are too few
 */
export function memoryLine(samples: readonly MemorySample[]): MemoryLine | null {
  if (samples.length < 10) return null;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const spanMs = last.atMs - first.atMs;
  // Of a short time the line is only printed.
  const isTold = spanMs >= SETTLED_AFTER_MS + LEAST_MINUTES * MINUTE_MS;
  const settledMs = isTold ? SETTLED_AFTER_MS : spanMs / 3;
  const settled = samples.filter(({ atMs }) => atMs - first.atMs >= settledMs);
  const minutes = (last.atMs - settled[0]!.atMs) / MINUTE_MS;
  const mibAMinute = linearRegression(
    settled.map(({ atMs, mib }) => [(atMs - settled[0]!.atMs) / MINUTE_MS, mib]),
  ).m;
  const tenth = Math.max(1, Math.floor(settled.length / 10));
  return {
    program: first.program,
    fromMib: medianOf(settled.slice(0, tenth)),
    toMib: medianOf(settled.slice(-tenth)),
    mibAMinute,
    minutes,
    isFlat: isTold ? mibAMinute <= MOST_MIB_A_MINUTE : null,
  };
}

function medianOf(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ mib }) => mib).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
