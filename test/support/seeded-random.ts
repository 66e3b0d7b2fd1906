/**
 * Chance that can be repeated, for tests that do not draw their cases by fast-check: as in property-seed.ts `npm test`
 * draws the same numbers each time. The long run draws others and prints their seed, and so does a failure.
 */
import { onTestFailed } from 'vitest';
import { mulberry32 } from './mulberry32.ts';

/** @returns numbers in [0, 1), as mulberry32 draws them */
export function seededRandom(): () => number {
  const wish = process.env['PLUMB_SEED'] ?? (process.env['PLUMB_TEST_LONG'] === '1' ? 'random' : '20261121');
  const seed = wish === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(wish);
  const said = `PLUMB_SEED=${seed} draws the same numbers again`;
  if (wish === 'random') console.info(said);
  else onTestFailed(() => console.error(said));
  return mulberry32(seed);
}
