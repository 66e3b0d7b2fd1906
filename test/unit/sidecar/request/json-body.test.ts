import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NotWhole, describe, parseJsonBody } from '../../../../sidecar/request/json-body.ts';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));

test('integers past 2^53 arrive exactly, all else as JSON.parse has it', () => {
  expect(parse('{"a": [9007199254740993, -9223372036854775808, 9007199254740991, 1.5]}')).toEqual({
    a: [9_007_199_254_740_993n, -(2n ** 63n), 9_007_199_254_740_991, 1.5],
  });
  expect(parse('{"a": 0.1234567890123456, "b": 1e300, "c": "9007199254740993"}')).toEqual({
    a: 0.1234567890123456,
    b: 1e300,
    c: '9007199254740993',
  });
});

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  // The shortest that a double rounds have sixteen digits.
  fc
    .tuple(fc.bigInt({ min: -9n, max: 9n }), fc.boolean())
    .map(([off, negative]) => (negative ? -(2n ** 53n) : 2n ** 53n) + off),
);

test('any int64 survives', () => {
  fc.assert(
    fc.property(int64, (id) => {
      const { id: read } = parse(`{"id": ${id}}`) as { id: number | bigint };
      expect(BigInt(read)).toBe(id);
    }),
  );
});

test.each([
  ['', /no JSON/],
  ['{"a":', /no JSON/],
  ['[1]', /a list/],
  ['null', /null/],
  ['"text"', /string/],
  ['{"a": NaN}', /no JSON/],
])('%j is refused', (text, message) => {
  expect(() => parse(text)).toThrow(message);
});

test('bad UTF-8 is refused, not turned into another key', () => {
  const body = Buffer.concat([Buffer.from('{"a": "'), Buffer.from([0xff]), Buffer.from('"}')]);
  expect(() => parseJsonBody(body)).toThrow(/UTF-8/);
});

test('nesting as deep as a body can hold is an answer or an error, not a crash', () => {
  const deep = `{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`;
  try {
    parse(deep);
  } catch (error) {
    expect(error).toMatchObject({ code: 'SRV_JSON' });
  }
});

test('an integer of any number of digits costs no more than its text: past 20 it is no bigint', () => {
  const { a, b, c } = parse(
    `{"a": ${'9'.repeat(1_000_000)}, "b": -${'1'.repeat(20)}, "c": ${'1'.repeat(22)}}`,
  ) as {
    [name: string]: unknown;
  };
  expect(a).toBe(Infinity);
  expect(b).toBe(-11_111_111_111_111_111_111n);
  expect(c).toBe(1.1111111111111111e21);
});

test.each([
  ['1.0000000000000000000001', false],
  ['0.99999999999999999999', false],
  ['-1.00000000000000000001', false],
  ['10000000000000000000001e-22', false],
  ['1e-400', false],
  ['1E-0400', false],
  ['0.0001e-330', false],
  ['4503599627370497.0000000001', false],
  ['1.0000000000000000000000', true],
  ['10000000000000000000000e-22', true],
  ['0.00000000000000000001e20', true],
  ['0.0000000000000000000', true],
  ['-0.0000000000000000000', true],
  ['0e-400', true],
  ['1000000000000000.0', true],
  ['1200000000000000e-14', true],
  ['9007199254740991', true],
])('the number %s is whole: %s', (text, whole) => {
  const { b } = parseJsonBody(Buffer.from(`{"b":[${text}]}`)) as { b: unknown[] };
  if (whole) return expect(b[0]).toBe(Number(text));
  expect(b[0]).toBeInstanceOf(NotWhole);
  expect((b[0] as NotWhole).nearest).toBe(Number(text));
  expect(describe(b[0])).toBe(`the number ${text}`);
});

test('a decimal is whole as exact arithmetic has it', () => {
  const digits = fc.stringMatching(/^(0|[1-9]\d{0,3})$/);
  fc.assert(
    fc.property(
      digits,
      fc.stringMatching(/^\d{16,20}$/),
      fc.integer({ min: -4, max: 24 }),
      (int, frac, e) => {
        const text = `${int}.${frac}e${e}`;
        const exact = BigInt(int + frac);
        const shift = frac.length - e;
        const whole = shift <= 0 || exact % 10n ** BigInt(shift) === 0n;
        const { b } = parseJsonBody(Buffer.from(`{"b":${text}}`)) as { b: number };
        if (!whole) expect(Number.isSafeInteger(b)).toBe(false);
        else expect(b).toBe(Number(text));
      },
    ),
  );
});
