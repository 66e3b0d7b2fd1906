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

/** Code is compiled, caches and buffers fill. */
const SETTLED_AFTER_MS = 120_000;
const LEAST_MINUTES = 8;
const MOST_MIB_A_MINUTE = 1;
const MINUTE_MS = 60_000;

/**
 * @param samples  of one start of one program, in order
 * @returns        null: there are too few
 */
export function memoryLine(samples: readonly MemorySample[]): MemoryLine | null {
  if (samples.length < 10) return null;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const settledMs = Math.min(SETTLED_AFTER_MS, (last.atMs - first.atMs) / 3);
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
    isFlat: minutes < LEAST_MINUTES ? null : mibAMinute <= MOST_MIB_A_MINUTE,
  };
}

function medianOf(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ mib }) => mib).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
