/**
 * How much more often a served value is the greater one of a pair with a value of the reference: the rank test of Mann,
 * Whitney and Wilcoxon, from steps of the two distribution functions. It sees that all values moved a little, where D
 * looks at one place alone (docs/decisions/0015-drift-by-ranks.md); and no tail of a distribution can mislead it, as it
 * can a comparison of means.
 */
import { chiSquareTail } from '../statistics/chi-square.ts';
import type { Steps } from './sketch-distance.ts';

/** What the ranks tell of two samples. */
export interface RankShift {
  /** P(served > reference) - P(served < reference), in [-1, 1]. */
  readonly shift: number;
  /** Two-sided, by the normal law, with the variance corrected for ties. */
  readonly p: number;
}

/**
 * @param rows  how many rows of each side count as evidence
 * Source: scipy.stats.mannwhitneyu(served, reference, use_continuity=False, method='asymptotic'), to 1e-9, where the
 * steps hold every value.
 */
export function rankShift(
  reference: Steps,
  served: Steps,
  rows: { readonly reference: number; readonly served: number },
): RankShift {
  const all = rows.reference + rows.served;
  const weight = rows.reference / all;
  let [i, j, before, passed] = [0, 0, 0, 0];
  let [greater, less, cubes] = [0, 0, 0];
  while (i < reference.values.length || j < served.values.length) {
    const isThen =
      j === served.values.length ||
      (i < reference.values.length && reference.values[i]! <= served.values[j]!);
    const x = isThen ? reference.values[i]! : served.values[j]!;
    let [own, other] = [0, 0];
    if (isThen) own = reference.shares[i++]! - before;
    if (j < served.values.length && served.values[j] === x) other = served.shares[j++]! - passed;
    greater += before * other;
    less += passed * own;
    before += own;
    passed += other;
    const both = weight * own + (1 - weight) * other;
    cubes += both * both * both;
  }
  const shift = greater - less;
  const ties = (all * all * cubes - 1) / (all - 1);
  const variance = (all + 1 - ties) / (3 * rows.reference * rows.served);
  return { shift, p: variance <= 0 ? 1 : chiSquareTail(shift ** 2 / variance, 1) };
}
