import { expect, test } from 'vitest';
import { flaggedDays } from './quiet-days.ts';

test.each(Array.from({ length: 10 }, (_, i) => i + 1))(
  'of 200 features without a change, over 100 days: on at most one day anything; seed %i',
  (seed) => {
    expect(flaggedDays(100, seed)).toBeLessThanOrEqual(1);
  },
  1_800_000,
);
