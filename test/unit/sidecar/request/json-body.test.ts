import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJsonBody } from '../../../../sidecar/request/json-body.ts';

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
