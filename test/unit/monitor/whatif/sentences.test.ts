/** What is said where the simulated settings in force are not what was measured. */
import { describe, expect, test } from 'vitest';
import type { Cause } from '../../../../contract/cause.ts';
import { apartText } from '../../../../monitor/whatif/sentences.ts';
import { ratesOf } from '../../../../monitor/whatif/setting.ts';

const MINUTE = 60_000_000;
const rates = (exact: number, withinPromise = 0, age: number | null = 9 * MINUTE) =>
  ratesOf({ present: 1_000, exact, withinPromise, ageP50Us: age, ageP99Us: age });
const WHOLE = { causes: new Map<Cause, number>(), sampled: null, judged: 7, logged: 7 };

describe('a note', () => {
  test('there is none where both say the same', () => {
    expect(apartText(rates(900), rates(900), WHOLE)).toBe(null);
    expect(apartText(rates(900), rates(900, 0, 9.5 * MINUTE), WHOLE)).toBe(null);
    expect(apartText(rates(900, 0, 100), rates(900, 0, 200), WHOLE)).toBe(null);
    expect(apartText(rates(900, 0, null), rates(900), WHOLE)).toBe(null);
  });

  test('there is one of exact match, of the promise, or of the age', () => {
    const causes = new Map<Cause, number>([['missing online', 3]]);
    expect(apartText(rates(900), rates(950), { ...WHOLE, causes })).toBe(
      'the simulation of the settings as they are gives 95.00 %, 5.00 points more than was measured: values differ that no setting mends (missing online 3)',
    );
    expect(apartText(rates(600, 100), rates(600, 380), WHOLE)).toMatch(
      /gives 98\.00 % exact or within the promise, 28\.00 points more than was measured: it knows runs/,
    );
    expect(apartText(rates(600), rates(600, 0, 60 * MINUTE), WHOLE)).toMatch(
      /gives a median age of 1h, where 9m was measured: it knows runs/,
    );
  });

  test('other entities or other vectors are the reason before all causes', () => {
    const causes = new Map<Cause, number>([['missing online', 3]]);
    expect(apartText(rates(900), rates(950), { ...WHOLE, causes, sampled: 0.1 })).toMatch(
      /: it is of 10\.00 % of the entities, what was measured is of all$/,
    );
    expect(apartText(rates(900), rates(950), { ...WHOLE, causes, logged: 12 })).toMatch(
      /: the day was judged with 7 vectors and has 12 now; judge it again$/,
    );
  });
});
