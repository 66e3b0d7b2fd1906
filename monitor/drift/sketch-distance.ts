/**
 * How far apart two distributions are that are known by their sketches alone, or by several sketches taken together.
 *
 * A sketch's F is known from below: i / 1000 from its i-th quantile on, where the true one is less than 0.001 more.
 * That holds for both sides, so D is within 0.001 of the one that all values would give.
 */
import { QUANTILE_STEPS } from '../../contract/sketch.ts';
import type { OrderedSketch } from '../../contract/sketch.ts';

/** How far D of two sketches can be from the D of their values. */
export const SKETCH_ERROR = 0.001;

/** Gaps that differ by less are equal: shares of sketches are thousandths. */
const ROUNDING = 1e-9;

/** A distribution function by its steps: `shares[i]` of the rows are at or below `values[i]`, up to the next one. */
export interface Steps {
  readonly values: readonly number[];
  readonly shares: readonly number[];
}

interface SketchDistance {
  /** max |F_a - F_b|, within 0.001. */
  readonly d: number;
  /** The smallest value at which that gap is reached. */
  readonly location: number;
  /** 1: a has more small values; 0 when d is 0. */
  readonly sign: -1 | 0 | 1;
  /** The area between the two functions: by how much a value must move on average to make them equal. */
  readonly wasserstein: number;
}

export function stepsOf({ quantiles }: Pick<OrderedSketch, 'quantiles'>): Steps {
  const values: number[] = [];
  const shares: number[] = [];
  for (let i = 0; i < quantiles.length; i++) {
    if (quantiles[i] === quantiles[i + 1]) continue;
    values.push(quantiles[i]!);
    shares.push(i / QUANTILE_STEPS);
  }
  return { values, shares };
}

/** @returns the distribution of all rows of several sketches together; at least one */
export function pooledSteps(sketches: readonly OrderedSketch[]): Steps {
  if (sketches.length === 1) return stepsOf(sketches[0]!);
  const rows = sketches.reduce((sum, sketch) => sum + sketch.rows, 0);
  const sides = sketches.map((sketch) => ({
    ...stepsOf(sketch),
    weight: sketch.rows / rows,
    at: 0,
    share: 0,
  }));
  const values: number[] = [];
  const shares: number[] = [];
  for (;;) {
    let next = Infinity;
    for (const { values: own, at } of sides) if (at < own.length && own[at]! < next) next = own[at]!;
    if (next === Infinity) return { values, shares };
    let share = 0;
    for (const side of sides) {
      if (side.at < side.values.length && side.values[side.at] === next) {
        side.share = side.weight * side.shares[side.at]!;
        side.at += 1;
      }
      share += side.share;
    }
    values.push(next);
    shares.push(share);
  }
}

/** Walks both functions from left to right. */
export function stepDistance(a: Steps, b: Steps): SketchDistance {
  let [i, j, before] = [0, 0, Number.NaN];
  let [shareA, shareB, widest, wasserstein] = [0, 0, 0, 0];
  let location = Math.min(a.values[0]!, b.values[0]!);
  while (i < a.values.length || j < b.values.length) {
    const gapBefore = Math.abs(shareA - shareB);
    const isA = j === b.values.length || (i < a.values.length && a.values[i]! <= b.values[j]!);
    const x = isA ? a.values[i]! : b.values[j]!;
    if (gapBefore !== 0) wasserstein += gapBefore * Math.min(x - before, Number.MAX_VALUE);
    if (isA) shareA = a.shares[i++]!;
    if (j < b.values.length && b.values[j] === x) shareB = b.shares[j++]!;
    const gap = shareA - shareB;
    if (Math.abs(gap) > Math.abs(widest) + ROUNDING) [widest, location] = [gap, x];
    before = x;
  }
  return { d: Math.abs(widest), location, sign: widest > 0 ? 1 : widest < 0 ? -1 : 0, wasserstein };
}
