/** What the pairs of a feature tell, by its type. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Value, ValueType } from '../../../../contract/value-type.ts';
import { parseType } from '../../../../contract/value-type.ts';
import { NO_DIFFERENCES } from '../../../../monitor/tally/pairs/pair-differences.ts';
import { pairTallyOf } from '../../../../monitor/tally/pair-tally.ts';
import golden from '../../../golden/distances-scipy.json' with { type: 'json' };
import { naiveDistance } from '../statistics/naive-distance.ts';

function tallied(type: string | ValueType, pairs: readonly (readonly [Value, Value])[]) {
  const tally = pairTallyOf(typeof type === 'string' ? parseType(type)! : type);
  for (const [served, replayed] of pairs) tally.add(served, replayed, 1);
  return tally;
}

const pairsOf = (served: readonly Value[], replayed: readonly Value[]) =>
  served.map((value, i) => [value, replayed[i]!] as const);

describe('numbers', () => {
  test.each(golden.pairs)('differences as numpy gives them: $name', ({ served, replayed, ...theirs }) => {
    const ours = tallied('float64', pairsOf(served, replayed)).told().differences;
    for (const [name, value] of Object.entries(ours)) {
      const expected = theirs[name as keyof typeof ours];
      expect(Math.abs(value! - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
    }
  });

  test('a pair of several vectors counts as it does once for each of them', () => {
    const number = fc.oneof(
      fc.integer({ min: -4, max: 4 }),
      fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 53n + 4n }),
    );
    const counted = fc.tuple(number, number, fc.integer({ min: 1, max: 4 }));
    fc.assert(
      fc.property(fc.array(counted, { maxLength: 40 }), (pairs) => {
        const together = pairTallyOf(parseType('float64')!);
        const alone = pairTallyOf(parseType('float64')!);
        for (const [served, replayed, vectors] of pairs) {
          together.add(served, replayed, vectors);
          for (let i = 0; i < vectors; i++) alone.add(served, replayed, 1);
        }
        expect(together.told()).toEqual(alone.told());
      }),
    );
  });

  const value = fc.oneof(
    fc.integer({ min: -4, max: 4 }),
    fc.constantFrom(null, NaN, Infinity, -Infinity, -0, 1e308, -1e308),
  );

  test('are compared over the pairs that are finite on both sides, and the others are counted', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { maxLength: 40 }), (pairs) => {
        const both = pairs.filter((pair) => pair.every((v) => v !== null && Number.isFinite(v))) as [
          number,
          number,
        ][];
        const distributions = tallied('float64', pairs).told().distributions;
        const isNumeric = distributions?.kind === 'numeric';
        expect(isNumeric).toBe(both.length > 0);
        if (distributions === null) {
          expect(pairs.flat().every((v) => v === null || Number.isFinite(v))).toBe(true);
          return;
        }
        const served = pairs.map(([a]) => a);
        expect(distributions).toMatchObject({
          notNumbers: {
            served: {
              nulls: served.filter((v) => v === null).length,
              nan: served.filter((v) => Number.isNaN(v)).length,
              infinite: served.filter((v) => v !== null && Math.abs(v) === Infinity).length,
            },
          },
        });
        if (!isNumeric) return;
        const found = distributions;
        const naive = naiveDistance(
          both.map(([a]) => a),
          both.map(([, b]) => b),
        );
        expect(found.ks.d).toBeCloseTo(naive.d, 12);
        expect([found.servedRows, found.replayedRows]).toEqual([both.length, both.length]);
        const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
        expect([sum(found.histogram.served), sum(found.histogram.replayed)]).toEqual([
          both.length,
          both.length,
        ]);
      }),
    );
  });

  test('an int64 past 2^53 counts by its last digit, also beside the double of a tensor', () => {
    const far = 2n ** 60n;
    const tally = tallied('int64', [
      ...Array.from({ length: 3 }, () => [far, far] as const),
      [far + 1n, far],
    ]);
    const { distributions, differences } = tally.told();
    expect(distributions).toMatchObject({ ks: { d: 0.25, sign: -1 }, wasserstein: 0.25 });
    expect(differences.meanDifference).toBe(0.25);
    expect(tallied('int64', [[Number(far), far]]).told().distributions).toMatchObject({ ks: { d: 0 } });
  });

  test('D has no level under 100 pairs', () => {
    const level = (pairs: number) =>
      tallied(
        'float64',
        Array.from({ length: pairs }, (_, i) => [i < 20 ? 0 : 1, 1] as const),
      ).told().distributions;
    expect(level(99)).toMatchObject({ ks: { level: null } });
    expect(level(100)).toMatchObject({ ks: { d: 0.2, level: 'alarm' } });
  });

  test('sums keep small differences beside large ones; no pair has no difference', () => {
    const large = pairsOf([1e16, 1, 1, -1e16], [0, 0, 0, 0]);
    expect(tallied('float64', large).told().differences.meanDifference).toBe(0.5);
    expect(tallied('float64', [[null, 1]]).told().differences).toEqual(NO_DIFFERENCES);
    expect(tallied('float64', [[0, -0]]).told().differences).toMatchObject({
      meanDifference: 0,
      symmetricRelativeError: 0,
    });
  });
});

test('times are told in seconds', () => {
  const tally = tallied('timestamp', [
    [10_000_000n, 10_000_000n],
    [13_500_000n, 10_000_000n],
    [null, 10_000_000n],
  ]);
  expect(tally.told().distributions).toEqual({
    kind: 'times',
    pairs: 2,
    differing: 1,
    d: 0.5,
    wasserstein: 1.75,
    apart: { median: 3.5, p99: 3.5, most: 3.5 },
  });
  expect(tally.told().differences).toMatchObject({ meanDifference: 1.75, symmetricRelativeError: null });
  expect(tallied('timestamp', [[5n, 5n]]).told().distributions).toMatchObject({ d: 0, apart: null });
});

test('categories tell which became which, null among them', () => {
  const pairs: [Value, Value][] = [
    ...Array.from({ length: 6 }, () => ['a', 'a'] as [Value, Value]),
    ...Array.from({ length: 3 }, () => ['b', 'a'] as [Value, Value]),
    [null, 'a'],
    [null, null],
  ];
  expect(tallied('string', pairs).told().distributions).toEqual({
    kind: 'categorical',
    lInfinity: expect.closeTo(1 / 3, 12) as number,
    chiSquare: expect.objectContaining({ degreesOfFreedom: 1 }) as object,
    values: [
      { value: 'a', served: 6, replayed: 10 },
      { value: 'b', served: 3, replayed: 0 },
    ],
    became: [
      { served: 'b', replayed: 'a', rows: 3 },
      { served: null, replayed: 'a', rows: 1 },
    ],
    servedRows: 9,
    replayedRows: 10,
  });
  expect(tallied('bool', [[true, false]]).told().distributions).toMatchObject({ lInfinity: 1 });
  expect(tallied('string', [[null, 'a']]).told().distributions).toBeNull();
});

test('embeddings have a cosine and the components that differ', () => {
  const of = (...values: number[]) => Float32Array.of(...values);
  const tally = tallied('embedding(3)', [
    [of(1, 0, 0), of(1, 0, 0)],
    [of(1, 0, 0), of(0, 1, 0)],
    [of(0, 0, 0), of(0, 0, 1)],
    [null, of(1, 1, 1)],
  ]);
  expect(tally.told().distributions).toEqual({
    kind: 'embedding',
    pairs: 3,
    differing: 2,
    cosine: { mean: 0.5, least: 0 },
    components: [
      { component: 0, share: 1 / 3 },
      { component: 1, share: 1 / 3 },
      { component: 2, share: 1 / 3 },
    ],
    componentsDiffering: 3,
  });
});

test('lists have lengths and an edit distance', () => {
  const tally = tallied('list<string>', [
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [['a'], ['a', 'c', 'd']],
  ]);
  expect(tally.told().distributions).toEqual({
    kind: 'list',
    pairs: 2,
    differing: 1,
    editDistance: { mean: 1, most: 2, cutAt: 500 },
    meanLength: { served: 1.5, replayed: 2.5 },
  });
});

test('maps and structs are equal or not, and nothing else is told of them', () => {
  const tally = tallied('map<int32>', [[new Map([['a', 1]]), new Map()]]);
  expect([tally.told().distributions, tally.told().differences]).toEqual([null, NO_DIFFERENCES]);
});
