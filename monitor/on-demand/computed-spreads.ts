/**
 * How far apart the values are that an on-demand view's functions give over replayed rows: what a difference is
 * measured by where there is no training set (incidents/harm.ts). They are called for a sample of the day's vectors
 * before any is judged.
 */
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import type { Value } from '../../contract/value-type.ts';
import { isMeasured } from '../replay/replayed-spreads.ts';
import { quantileOfSorted } from '../statistics/quantile.ts';
import type { Output } from './compared-output.ts';
import type { Recomputed } from './computed-chunk.ts';

/** Vectors past twice this number are sampled by their hashes; a call may be dear. */
const SAMPLE = 5_000;

/** @returns one of how many vectors of a day is in the sample */
export function sampledOf(vectors: number): number {
  return Math.max(1, Math.floor(vectors / SAMPLE));
}

export class ComputedSpreads {
  readonly #values = new Map<string, number[]>();

  /** @param outputs  with the names of the features of today */
  add(
    outputs: readonly (Output & { readonly fullName: string })[],
    recomputed: readonly (Recomputed | null)[],
  ): void {
    const measured = outputs.filter(({ feature }) => isMeasured(feature.type));
    for (const given of recomputed) {
      if (given === null || given.trained instanceof OnDemandFault) continue;
      for (const { fullName, place } of measured) this.#add(fullName, given.trained[place]!);
    }
  }

  #add(fullName: string, value: Value): void {
    const number = value === null ? Number.NaN : Number(value);
    if (!Number.isFinite(number)) return;
    const known = this.#values.get(fullName);
    if (known === undefined) this.#values.set(fullName, [number]);
    else known.push(number);
  }

  /** @returns the distance of the quartiles, of times in microseconds; null: there is none */
  of(fullName: string): number | null {
    const sorted = Float64Array.from(this.#values.get(fullName) ?? []).toSorted();
    if (sorted.length === 0) return null;
    const spread = quantileOfSorted(sorted, 0.75) - quantileOfSorted(sorted, 0.25);
    return spread > 0 ? spread : null;
  }
}
