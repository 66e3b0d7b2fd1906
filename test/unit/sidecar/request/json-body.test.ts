import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { NotWhole, describe } from '../../../../contract/wire/request/exact-json.ts';
import { parseJsonBody } from '../../../../sidecar/request/json-body.ts';

afterEach(() => vi.restoreAllMocks());

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
  ['999999.99999999999', false],
  ['-123456789012345.0000001', false],
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

const number = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  int64.map(String),
  fc.stringMatching(/^-?(0|[1-9]\d{0,22})(\.\d{1,22})?([eE][+-]?\d{1,4})?$/),
);
const text = fc
  .oneof(
    fc.constantFrom(
      '__proto__',
      'a',
      '1',
      '9007199254740993',
      '\\',
      '"',
      '\\"9007199254740993',
      '\ud800',
      'é',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  .map((value) => JSON.stringify(value));
const blank = fc.constantFrom('', '', ' ', '\n\t');
/** JSON as its text: values that JSON.parse rounds must be there as they are written. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    number,
    fc.constantFrom('true', 'false', 'null'),
    text,
    fc.tuple(blank, fc.array(tie('json'))).map(([gap, items]) => `[${gap}${items.join(`,${gap}`)}${gap}]`),
    fc
      .tuple(blank, fc.array(fc.tuple(text, tie('json'))))
      .map(([gap, items]) => `{${items.map((pair) => pair.join(`${gap}:${gap}`)).join(`${gap},`)}${gap}}`),
  ),
}));

/** What it should be: by a reviver, which sees each number as it was written, and by exact arithmetic. */
function byReviver(body: string): unknown {
  const revive = (_key: string, value: unknown, { source }: { source?: string }): unknown => {
    if (typeof value !== 'number' || source === undefined) return value;
    if (/^-?\d{1,20}$/.test(source) && !Number.isSafeInteger(value)) return BigInt(source);
    if (!Number.isSafeInteger(value)) return value;
    const [, whole, fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:e(.+))?$/i.exec(source)!;
    const shift = BigInt(fraction.length) - BigInt(exponent.replace('+', ''));
    const exact = shift <= 0n || BigInt(whole! + fraction) % 10n ** shift === 0n;
    return exact ? value : new NotWhole(value, source);
  };
  return JSON.parse(body, revive as (key: string, value: unknown) => unknown);
}

/** With numbers that are not whole as they were written: toEqual sees no private field. */
function plain(value: unknown): unknown {
  if (value instanceof NotWhole) return { nearest: value.nearest, source: value.toString() };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([key, item]) => [key, plain(item)]);
}

test('any JSON is read as a reviver would read it', () => {
  fc.assert(
    fc.property(json, (value) => {
      const body = `{"a":${value}}`;
      expect(plain(parse(body))).toEqual(plain(byReviver(body)));
    }),
    { numRuns: 500 },
  );
});

test('what is no JSON is refused as JSON.parse refuses it', () => {
  const piece = fc.constantFrom(
    ...'{}[],:"\\-+.eE0 9',
    '9007199254740993',
    '1e-400',
    '0.99999999999999999999',
    '"a"',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const body = `{"a":${pieces.join('')}`;
      let refusal: string | undefined;
      try {
        JSON.parse(body);
      } catch (error) {
        refusal = (error as Error).message;
      }
      if (refusal === undefined) parse(body);
      else expect(() => parse(body)).toThrow(`the body is no JSON: ${refusal}`);
    }),
    { numRuns: 500 },
  );
});

test.each([
  '{9007199254740993:1}',
  '{"a":1,9007199254740993 :1}',
  '{"a":09007199254740993}',
  '{"a":-1e-400.0}',
])('%s is no JSON', (body) => {
  expect(() => parse(body)).toThrow(/no JSON/);
});

test('a number may be the whole body, and the value of __proto__', () => {
  expect(() => parse('9007199254740993')).toThrow('got the bigint 9007199254740993');
  const read = parse('{"__proto__": 9007199254740993, "a": [{"__proto__": [1e-400]}]}') as Record<
    string,
    unknown
  >;
  expect(Object.getOwnPropertyDescriptor(read, '__proto__')?.value).toBe(9_007_199_254_740_993n);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});

test('a body of 1 MiB may be all integers of 16 digits, but not all numbers that are read as 0', () => {
  const integers = `{"a":[${Array.from({ length: 61_000 }, () => '9007199254740993').join(',')}]}`;
  expect((parse(integers) as { a: bigint[] }).a).toHaveLength(61_000);
  const zeros = (count: number): string =>
    `{"a":[${Array.from({ length: count }, () => '1e-400').join(',')}]}`;
  expect((parse(zeros(65_536)) as { a: unknown[] }).a).toHaveLength(65_536);
  expect(() => parse(zeros(65_537))).toThrow('the body is not read: over 65536 numbers are past 2^53');
});

const full = (item: string): string =>
  `{"a":[${Array(Math.floor(10_000 / (item.length + 1)))
    .fill(item)
    .join(',')}`;

test.each([
  ['ones and a fraction of 16 digits', `${full('1')},0.1234567890123456]}`],
  ['ones and an exact integer', `${full('1')},9007199254740993]}`],
  ['lists and a refused number', `${full('[]')},1234567890123456`],
  ['exact integers', `${full('9007199254740993')}]}`],
  ['the least numbers', `${full('5e-324')}]}`],
  ['numbers read as 0', `${full('1e-400')}]}`],
  ['one long number', `${full('1').replaceAll(',', '')}]}`],
  ['no numbers', `{"a":${'-'.repeat(10_000)}}`],
  ['a string without an end', `{"a":"${'\\"1'.repeat(3_000)}`],
  ['blanks', `{"a":9007199254740993${' '.repeat(10_000)}}`],
])('a body of %s is read in a few passes over its text', (_name, body) => {
  const parsed = vi.spyOn(JSON, 'parse');
  const looked = vi.spyOn(String.prototype, 'charCodeAt');
  try {
    parse(body);
  } catch (error) {
    expect(error).toMatchObject({ code: 'SRV_JSON' });
  }
  const looks = looked.mock.calls.length;
  looked.mockRestore();
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThan(3 * body.length);
  // Again for the sentence, when the text is no JSON. A reviver would be called for each value.
  expect(parsed.mock.calls.length).toBeLessThanOrEqual(2);
  for (const [source, reviver] of parsed.mock.calls) {
    expect(source.length).toBeLessThan(3 * body.length);
    expect(reviver).toBeUndefined();
  }
});
