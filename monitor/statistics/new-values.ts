/** Whether a sample has more values that another one lacks than chance gives. */

/**
 * @param values    how many there are
 * @param expected  how many chance gives: the sum of the values' own probabilities
 * @returns         a bound of the probability of as many or more, in [0, 1]
 * Source: Chernoff 1952 for sums of independent indicators, in the form (e^d / (1 + d)^(1 + d))^expected; rows that are
 * dealt to two sides make the indicators negatively dependent, for which it holds too.
 */
export function newValuesProbability(values: number, expected: number): number {
  if (values <= expected) return 1;
  if (expected === 0) return 0;
  return Math.exp(values - expected - values * Math.log(values / expected));
}
