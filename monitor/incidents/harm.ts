/** How much a wrong value harms a model, from 0 to 1. Pure; incidents, examples and features are ranked by it. */
import type { Value } from '../../contract/value-type.ts';

/**
 * @param spread  the feature's standard deviation in training, or how far apart the quartiles of its replayed values
 *                are; null: neither is known
 * @returns       the difference in spreads, at most 1; 1 also where there is no such number: a value on one side only,
 *                no numbers, no spread
 */
export function harmOf(served: Value, replayed: Value, spread: number | null): number {
  if (spread === null || !(spread > 0)) return 1;
  if (!isNumber(served) || !isNumber(replayed)) return 1;
  const difference =
    typeof served === 'bigint' && typeof replayed === 'bigint'
      ? served - replayed
      : Number(served) - Number(replayed);
  const harm = Math.abs(Number(difference)) / spread;
  return harm <= 1 ? harm : 1;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
