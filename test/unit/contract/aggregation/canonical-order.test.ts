import { expect, test } from 'vitest';
import { compareCanonical } from '../../../../contract/aggregation/canonical-order.ts';
import { compareBytes } from '../../../../contract/std/canonical-json.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

test('strings are ordered as their UTF-8 bytes are, past U+FFFF too', () => {
  const random = seededRandom();
  const letters = ['', 'a', 'b', 'é', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'];
  const draw = (): string =>
    Array.from({ length: 3 }, () => letters[Math.floor(random() * letters.length)]!).join('');
  for (let i = 0; i < 20_000; i++) {
    const [a, b] = [draw(), draw()];
    expect([a, b, Math.sign(compareCanonical(a, b))]).toEqual([a, b, Math.sign(compareBytes(a, b))]);
  }
});

test('other values are ordered by value, false before true', () => {
  for (const [a, b] of [
    [false, true],
    [-1.5, 2],
    [-3n, 9_007_199_254_740_993n],
  ] as const) {
    expect([compareCanonical(a, b), compareCanonical(b, a), compareCanonical(a, a)]).toEqual([-1, 1, 0]);
  }
});
