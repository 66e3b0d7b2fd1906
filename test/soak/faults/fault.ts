/**
 * What goes wrong in a soak. Of the infrastructure: what clients may notice, and what must not become a mismatch. Of
 * the data: what the verdict must name, by view and cause.
 */
import type { Cause } from '../../../contract/cause.ts';
import type { SoakSet } from '../soak-set.ts';
import type { Seen } from '../seen.ts';

export interface SoakFault {
  readonly name: string;
  readonly kind: 'infrastructure' | 'data';
  /** How long it lasts, without what mends it. */
  readonly seconds: number;
  /** Breaks, waits and mends. */
  run(set: SoakSet, seconds: number, random: () => number): Promise<Befallen>;
  /** What shows that it happened; null: nothing does. Of the infrastructure: the verdict tells of the others. */
  readonly shows?: (seen: Seen, happened: Happened) => string | null;
}

/** What a fault says of itself. */
interface Befallen {
  /** For people, such as `30 rows of orders`. */
  readonly what: string;
  /** What the verdict must name. Absent: nothing. */
  readonly expects?: Expected;
}

interface Expected {
  /** null: any. */
  readonly view: string | null;
  readonly cause: Cause;
  /** Causes that may stand beside it in its time, each with good reason: said where the fault is. */
  readonly beside?: readonly Cause[];
  /** By how much served times may be off. */
  readonly clockAheadMs?: number;
}

export interface Happened extends Befallen {
  readonly fault: SoakFault;
  readonly fromMs: number;
  /** When it was mended. */
  readonly toMs: number;
}

export function sleepS(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

export function oneOf<T>(all: readonly T[], random: () => number): T {
  return all[Math.floor(random() * all.length)]!;
}
