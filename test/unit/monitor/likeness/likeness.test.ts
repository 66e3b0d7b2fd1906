/** What unexplained values look like: each shape is found where it was planted, and clean noise shows none. */
import { describe, expect, test } from 'vitest';
import type { Value, ValueType } from '../../../../contract/value-type.ts';
import { likenessOf } from '../../../../monitor/likeness/likeness.ts';
import type { LooksLike, Shape, UnexplainedValue } from '../../../../monitor/likeness/likeness.ts';
import { ownShapes } from '../../../../monitor/likeness/shapes.ts';
import { randomOf } from '../../../oracle/planted-causes.ts';

const SEED = 20_261_129;
const DOUBLE: ValueType = { kind: 'float64' };
const INT: ValueType = { kind: 'int64' };
const TEXT: ValueType = { kind: 'string' };
const TIME: ValueType = { kind: 'timestamp' };
const HOUR_US = 3_600_000_000n;

type Random = () => number;

/** As many rows as asked, each with a fresh value of the history. */
function rowsOf(
  count: number,
  held: (i: number) => Value,
  served: (held: Value, i: number) => Value,
): UnexplainedValue[] {
  return Array.from({ length: count }, (_, i) => {
    const value = held(i);
    return { served: served(value, i), held: value };
  });
}

function looks(type: ValueType, values: readonly UnexplainedValue[]): LooksLike[] {
  return likenessOf(values, ownShapes(type, values));
}

const amounts = (random: Random) => (): number => 1 + random() * 1_000;

describe('shapes are found', () => {
  const random = randomOf(SEED);
  const amount = amounts(random);
  test.each<[string, ValueType, () => Value, (held: never) => Value]>([
    ['100 times the value', DOUBLE, amount, (held: number) => held * 100],
    ['the value divided by 100', DOUBLE, amount, (held: number) => held / 100],
    ['1.60934 times the value', DOUBLE, amount, (held: number) => held * 1.609_34],
    [
      '1000 times the value',
      INT,
      () => BigInt(Math.floor(random() * 1e6) + 1),
      (held: bigint) => held * 1_000n,
    ],
    [
      '3.6 times the value',
      { kind: 'float32' },
      () => Math.fround(amount()),
      (held: number) => Math.fround(held * 3.6),
    ],
    ['the value rounded to 2 decimals', DOUBLE, amount, (held: number) => Number(held.toFixed(2))],
    ['the value rounded to tens', DOUBLE, () => random() * 1e5, (held: number) => Math.round(held / 10) * 10],
    [
      'the value rounded to 3 digits',
      DOUBLE,
      () => 10 ** (random() * 9 - 3),
      (held: number) => Number(held.toPrecision(3)),
    ],
    [
      'the value cut to a whole number',
      DOUBLE,
      () => Math.floor(random() * 1e6) + 0.5 + random() * 0.4,
      Math.trunc,
    ],
    [
      'the time shifted by +2 h',
      TIME,
      () => BigInt(Math.floor(random() * 1e15)),
      (held: bigint) => held + 2n * HOUR_US,
    ],
    [
      'the time shifted by -9 h',
      TIME,
      () => BigInt(Math.floor(random() * 1e15)),
      (held: bigint) => held - 9n * HOUR_US,
    ],
    [
      'the text but for its case',
      TEXT,
      () => `Name ${Math.floor(random() * 1e6)}`,
      (held: string) => held.toLowerCase(),
    ],
    [
      'the text but for spaces at its ends',
      TEXT,
      () => `${Math.floor(random() * 1e6)}`,
      (held: string) => ` ${held}`,
    ],
    [
      'the text but for its case and spaces at its ends',
      TEXT,
      () => `a ${Math.floor(random() * 1e6)}`,
      (held: string) => `${held.toUpperCase()} `,
    ],
  ])('%s', (shape, type, held, served) => {
    const values = rowsOf(60, held, (value) => served(value as never));
    const [first] = looks(type, values);
    expect(first).toEqual({ shape, rows: 60, share: 1, shuffled: expect.closeTo(0, 1) as number });
  });

  test('in most rows, the others being noise; not in fewer than half', () => {
    const mixed = (share: number): LooksLike[] => {
      const values = rowsOf(200, amount, (held, i) => (i < 200 * share ? (held as number) * 60 : amount()));
      return looks(DOUBLE, values);
    };
    expect(mixed(0.8)).toMatchObject([{ shape: '60 times the value', rows: 200, share: 0.8 }]);
    expect(mixed(0.4)).toEqual([]);
  });

  test('not in 19 rows', () => {
    const twice = (count: number, held: () => number): LooksLike[] =>
      looks(
        DOUBLE,
        rowsOf(count, held, (value) => (value as number) * 2),
      );
    expect(twice(20, amount)).toHaveLength(1);
    expect(twice(19, amount)).toEqual([]);
  });

  test('among few different values, where three of them fit in most rows and few rows misfit', () => {
    const names = ['gold', 'silver', 'bronze', 'none'];
    const capitals = (count: number, of: (i: number) => string, noise = 0): LooksLike[] =>
      looks(
        TEXT,
        rowsOf(count, of, (held, i) => {
          const name = i < count * noise ? `x${i}` : (held as string);
          return name.toUpperCase();
        }),
      );
    const any = (from: readonly string[]) => (): string => from[Math.floor(random() * from.length)]!;
    const [found] = capitals(24, any(names));
    expect(found).toMatchObject({ shape: 'the text but for its case', rows: 24, share: 1 });
    expect(found!.shuffled).toBeGreaterThan(0.15);
    expect(found!.shuffled).toBeLessThan(0.35);
    expect(capitals(19, any(names))).toEqual([]);
    expect(capitals(100, any(names), 0.1)).toHaveLength(1);
    expect(capitals(100, any(names), 0.25)).toEqual([]);
    // Of two values half fits by chance, and of a third that comes once nothing is known.
    expect(capitals(100, any(names.slice(0, 2)))).toEqual([]);
    expect(capitals(100, (i) => names[i === 7 ? 2 : i % 2]!)).toEqual([]);
    expect(capitals(100, (i) => names[i % 50 === 7 ? 2 : i % 2]!)).toHaveLength(1);
    const small = rowsOf(
      500,
      () => 1 + Math.floor(random() * 19),
      (held) => (held as number) * 2,
    );
    expect(looks(DOUBLE, small)).toMatchObject([{ shape: '2 times the value', rows: 500, share: 1 }]);
  });

  test('not where the rows fit as well when they are shuffled', () => {
    const values = rowsOf(100, amount, () => 7);
    const near: Shape = {
      name: 'anything',
      kind: 'feature',
      type: DOUBLE,
      candidates: values.map(({ held }) => held),
      fits: () => true,
    };
    expect(likenessOf(values, [near])).toEqual([]);
    const own = { ...near, fits: (_: Value, candidate: Value) => candidate !== values[0]!.held };
    expect(likenessOf(values, [own])).toEqual([]);
  });

  test('a row without a candidate says nothing', () => {
    const values = rowsOf(60, amount, (held) => held);
    const shape = (from: number): Shape => ({
      name: 'the value one hop earlier',
      kind: 'time',
      type: DOUBLE,
      candidates: values.map(({ held }, i) => (i < from ? undefined : held)),
      fits: (served, candidate) => served === candidate,
    });
    expect(likenessOf(values, [shape(30)])).toMatchObject([{ rows: 30, share: 1 }]);
    expect(likenessOf(values, [shape(41)])).toEqual([]);
  });

  test('of whole rows what was found of them', () => {
    const whole = { shape: 'another entity’s whole row', rows: 30, share: 0.9, shuffled: 0.1 };
    expect(likenessOf([], [], whole)).toEqual([whole]);
    expect(likenessOf([], [], { ...whole, shuffled: 0.2 })).toEqual([]);
    expect(likenessOf([], [], { ...whole, rows: 19 })).toEqual([]);
    expect(likenessOf([], [], { ...whole, share: 0.49 })).toEqual([]);
  });
});

/** Ways in which served and held values may have nothing to do with each other. */
const NOISE: readonly (readonly [string, ValueType, (random: Random) => Value, (random: Random) => Value])[] =
  [
    ['amounts', DOUBLE, (r) => 1 + r() * 1_000, (r) => 1 + r() * 1_000],
    [
      'amounts of two decimals',
      DOUBLE,
      (r) => Math.round(r() * 1e4) / 100,
      (r) => Math.round(r() * 1e4) / 100,
    ],
    ['log-normal', DOUBLE, (r) => Math.exp(4 * r()), (r) => Math.exp(4 * r())],
    ['shares', { kind: 'float32' }, (r) => Math.fround(r()), (r) => Math.fround(r())],
    ['small counts', INT, (r) => BigInt(Math.floor(r() * 30)), (r) => BigInt(Math.floor(r() * 30))],
    ['counts', INT, (r) => BigInt(Math.floor(r() * 300)), (r) => BigInt(Math.floor(r() * 300))],
    ['tens', { kind: 'int32' }, (r) => Math.floor(r() * 90) * 10, (r) => Math.floor(r() * 90) * 10],
    ['one value served', DOUBLE, (r) => r() * 100, () => 50],
    [
      'times of whole hours',
      TIME,
      (r) => BigInt(Math.floor(r() * 500)) * HOUR_US,
      (r) => BigInt(Math.floor(r() * 500)) * HOUR_US,
    ],
    ['times', TIME, (r) => BigInt(Math.floor(r() * 1e12)), (r) => BigInt(Math.floor(r() * 1e12))],
    ['names', TEXT, (r) => `n${Math.floor(r() * 40)}`, (r) => `N${Math.floor(r() * 40)} `],
    ['four names', TEXT, (r) => 'abcd'.charAt(r() * 4), (r) => 'ABCD'.charAt(r() * 4)],
    ['mostly one name', TEXT, (r) => 'abc'.charAt(r() ** 9 * 3), (r) => 'ABC'.charAt(r() ** 9 * 3)],
    ['counts of few', INT, (r) => BigInt(Math.floor(r() * 5)), (r) => BigInt(Math.floor(r() * 5))],
    ['steps', DOUBLE, (r) => Math.floor(r() * 4) / 2, (r) => Math.floor(r() * 4) / 2],
  ];

test('clean noise shows no shape, whatever the type and the number of rows', () => {
  const found: string[] = [];
  let asked = 0;
  for (let seed = SEED; seed < SEED + 40; seed++) {
    const random = randomOf(seed);
    for (const [name, type, held, served] of NOISE) {
      for (const count of [20, 25, 60, 200]) {
        const all = rowsOf(
          count,
          () => held(random),
          () => served(random),
        );
        // A value that is the same is no unexplained one.
        const values = all.filter((one) => one.served !== one.held);
        asked += 1;
        const told = looks(type, values);
        if (told.length > 0) found.push(`${name}, ${count} rows, seed ${seed}: ${JSON.stringify(told)}`);
      }
    }
  }
  console.log(`${asked} features of noise, seeds ${SEED} to ${SEED + 39}: ${found.length} show a shape`);
  expect(found).toEqual([]);
});
