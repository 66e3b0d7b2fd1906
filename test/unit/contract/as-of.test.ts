import { describe, expect, test } from 'vitest';
import { asOf, compareCanonical } from '../../../contract/as-of.ts';
import type { AsOfRow, AsOfRule } from '../../../contract/as-of.ts';
import { parseType } from '../../../contract/value-type.ts';
import type { Value } from '../../../contract/value-type.ts';

const HOUR = 3_600_000_000;
const INT = [parseType('int32')!];
const TRAINED: AsOfRule = { mode: 'trained', delayUs: 0, ttlUs: null };

function row(eventUs: number | null, createdUs: number | null, value: Value = 0): AsOfRow {
  return { eventUs, createdUs, values: [value] };
}

describe('the as-of rule', () => {
  test('sees a row at its own event time and not a microsecond before', () => {
    const rows = [row(10, 10)];
    expect(asOf(rows, 10, TRAINED, INT)?.row).toBe(rows[0]);
    expect(asOf(rows, 9, TRAINED, INT)).toBeNull();
  });

  test('takes the greatest event time, then the greatest created time, none being the least', () => {
    const rows = [row(10, 99), row(20, null), row(20, 15), row(20, 14), row(30, 1)];
    expect(asOf(rows, 29, TRAINED, INT)?.row).toBe(rows[2]);
  });

  test('takes the last in the canonical order of values where both times are equal', () => {
    const rows = [row(10, 10, 4), row(10, 10, 5), row(10, 10, null)];
    expect(asOf(rows, 10, TRAINED, INT)?.row.values).toEqual([5]);
  });

  test('sees a row of event time e from e + delay on', () => {
    const delayed = { ...TRAINED, delayUs: 5 };
    expect(asOf([row(10, 10)], 14, delayed, INT)).toBeNull();
    expect(asOf([row(10, 10)], 15, delayed, INT)).not.toBeNull();
  });

  test('counts the TTL from the event time, both ends included', () => {
    const rule = { ...TRAINED, delayUs: HOUR, ttlUs: 2 * HOUR };
    expect(asOf([row(0, 0)], 2 * HOUR, rule, INT)?.outsideTtl).toBe(false);
    expect(asOf([row(0, 0)], 2 * HOUR + 1, rule, INT)?.outsideTtl).toBe(true);
  });

  test('as available leaves out rows created later and rows without a created time', () => {
    const rows = [row(10, 10, 1), row(10, 40, 2), row(20, 35, 3), row(25, null, 4)];
    const available: AsOfRule = { ...TRAINED, mode: 'available' };
    expect(asOf(rows, 30, available, INT)?.row.values).toEqual([1]);
    expect(asOf(rows, 35, available, INT)?.row.values).toEqual([3]);
    expect(asOf(rows, 40, available, INT)?.row.values).toEqual([3]);
    expect(asOf(rows, 30, TRAINED, INT)?.row.values).toEqual([4]);
  });

  test('a label without a time, and a row without one, see nothing and are not seen', () => {
    expect(asOf([row(10, 10)], null, TRAINED, INT)).toBeNull();
    expect(asOf([row(null, 10)], 50, TRAINED, INT)).toBeNull();
  });
});

describe('the canonical order of values', () => {
  test.each<[string, Value[]]>([
    ['int64', [null, -(2n ** 63n), 0n, 2n ** 53n, 2n ** 53n + 1n]],
    ['float64', [null, -Infinity, -1, -0, 0, 5e-324, Infinity, NaN]],
    ['bool', [null, false, true]],
    ['string', [null, '', 'a', 'ab', 'b', 'ä', '\uffff', '\u{10000}']],
    ['bytes', [null, new Uint8Array(), Uint8Array.of(1), Uint8Array.of(1, 0), Uint8Array.of(255)]],
    ['list<float32>', [null, [], [-0, 1], [0, 1], [-0, 2], [1], [null]]],
    ['embedding(2)', [null, Float32Array.of(-0, 1), Float32Array.of(0, 1), Float32Array.of(1, 0)]],
    ['map<int32>', [null, new Map(), new Map([['a', 1]]), new Map([['a', null]]), new Map([['b', 0]])]],
    ['struct<a: int32>', [null, { a: 1 }, { a: 2 }, { a: null }]],
  ])('of %s is total', (text, ordered) => {
    const type = parseType(text)!;
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        expect(Math.sign(compareCanonical(type, a, b))).toBe(Math.sign(i - j));
      }
    }
  });
});
