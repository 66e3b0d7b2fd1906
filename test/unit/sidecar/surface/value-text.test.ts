import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { feastEventTime, feastText } from '../../../../sidecar/surface/feast/feast-text.ts';
import { float32Text, nativeText } from '../../../../sidecar/surface/value-text.ts';
import { parseType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';

const CASES: readonly [type: string, value: Value, native: string, feast: string][] = [
  ['bool', true, 'true', 'true'],
  ['int32', -7, '-7', '-7'],
  ['int64', 9_007_199_254_740_993n, '9007199254740993', '9007199254740993'],
  ['int64', -(2n ** 63n), '-9223372036854775808', '-9223372036854775808'],
  ['float32', Math.fround(0.1), '0.1', '0.10000000149011612'],
  ['float32', 16_777_216, '16777216', '16777216.0'],
  ['float64', 0.1, '0.1', '0.1'],
  ['float64', 3, '3', '3.0'],
  ['float64', 1e21, '1e+21', '1e+21'],
  ['float64', -0, '-0.0', '-0.0'],
  ['float32', -0, '-0.0', '-0.0'],
  ['float64', Number.NaN, 'null', '"NaN"'],
  ['float64', Number.POSITIVE_INFINITY, 'null', '"Infinity"'],
  ['float64', Number.NEGATIVE_INFINITY, 'null', '"-Infinity"'],
  ['string', 'a"\u0001é', '"a\\"\\u0001é"', '"a\\"\\u0001é"'],
  ['bytes', Uint8Array.of(255, 0), '"/wA="', '"/wA="'],
  ['timestamp', 1_795_262_400_123_456n, '"2026-11-21T12:00:00.123456Z"', '1795262400'],
  ['timestamp', 253_402_300_800_000_000n, '"253402300800000000"', '253402300800'],
  ['timestamp', 2n ** 63n - 1n, '"9223372036854775807"', '9223372036854'],
  ['timestamp', -(2n ** 63n), '"-9223372036854775808"', '-9223372036855'],
  ['timestamp', -1n, '"1969-12-31T23:59:59.999999Z"', '-1'],
  ['list<float64>', [1, null, Number.NaN], '[1,null,null]', '[1.0,null,"NaN"]'],
  ['embedding(2)', Float32Array.of(0.1, -0), '[0.1,-0.0]', '[0.10000000149011612,-0.0]'],
  ['map<int64>', new Map([['k"', 1n]]), '{"k\\"":1}', '{"k\\"":1}'],
  ['struct<a: float64, b: string>', { a: 1, b: 'x' }, '{"a":1,"b":"x"}', '{"a":1.0,"b":"x"}'],
  ['float64', null, 'null', 'null'],
];

describe('the text of a value', () => {
  test.each(CASES)('%s %s', (type, value, native, feast) => {
    expect(nativeText(parseType(type)!, value)).toBe(native);
    expect(feastText(parseType(type)!, value)).toBe(feast);
  });

  test('float32: reads back as the same float32, and no shorter decimal does', () => {
    const anyFloat32 = fc.float({ noNaN: true, noDefaultInfinity: true }).filter((x) => x !== 0);
    const powersOfTwo = fc.integer({ min: -149, max: 127 }).map((e) => 2 ** e);
    fc.assert(
      fc.property(fc.oneof(anyFloat32, powersOfTwo), (value) => {
        const text = float32Text(value);
        expect(Math.fround(Number(text))).toBe(value);
        const digits = significantDigits(text);
        for (const shorter of neighbours(value, digits - 1)) expect(Math.fround(shorter)).not.toBe(value);
      }),
      { numRuns: 2_000 },
    );
  });

  test('float64: reads back as the same double on both surfaces', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Object.is(JSON.parse(nativeText({ kind: 'float64' }, value)), value)).toBe(true);
        const feast = feastText({ kind: 'float64' }, value);
        expect(Object.is(JSON.parse(feast), value)).toBe(true);
        expect(feast).toMatch(/[.e]/);
      }),
    );
  });

  test('event times on the Feast surface have as few digits as protobuf prints', () => {
    expect(feastEventTime(1_795_262_400_000_000)).toBe('"2026-11-21T12:00:00Z"');
    expect(feastEventTime(1_795_262_400_120_000)).toBe('"2026-11-21T12:00:00.120Z"');
    expect(feastEventTime(1_795_262_400_000_001)).toBe('"2026-11-21T12:00:00.000001Z"');
  });
});

function significantDigits(text: string): number {
  const mantissa = text.replace(/^-/, '').replace(/e.*$/, '').replace('.', '');
  return Math.max(1, mantissa.replace(/^0+/, '').replace(/0+$/, '').length);
}

/** The decimals of that many digits around a value. */
function neighbours(value: number, digits: number): number[] {
  if (digits < 1) return [];
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  const whole = BigInt(mantissa.replace('.', ''));
  return [-1n, 0n, 1n].map((step) => Number(`${whole + step}e${Number(exponent) - digits + 1}`));
}
