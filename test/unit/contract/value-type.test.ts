import { expect, test } from 'vitest';
import { formatType, misfit, parseType } from '../../../contract/value-type.ts';

test.each([
  'bool',
  'int64',
  'timestamp',
  'list<float32>',
  'list<list<string>>',
  'embedding(128)',
  'map<int64>',
  'struct<a: int64, b: list<string>, c: struct<d: bool>>',
])('%s is read and written as it is', (text) => {
  expect(formatType(parseType(text)!)).toBe(text);
});

test('types in each other are read down to a depth that all who walk them bear', () => {
  const nested = (depth: number): string => `${'list<'.repeat(depth)}int64${'>'.repeat(depth)}`;
  expect(formatType(parseType(nested(32))!)).toBe(nested(32));
  for (const depth of [33, 8_000, 100_000]) expect(parseType(nested(depth))).toBeNull();
  expect(parseType(`${'struct<a: '.repeat(8_000)}int64${'>'.repeat(8_000)}`)).toBeNull();
});

test.each([
  '',
  'int',
  'list',
  'list<>',
  'list<int64',
  'embedding(0)',
  'embedding(x)',
  'map<nope>',
  'struct<>',
  'int64 x',
  'struct<a: int64, a: bool>',
])('%j is no type', (text) => {
  expect(parseType(text)).toBeNull();
});

test.each([
  ['int32', 2 ** 31, 'expected int32, got the number 2147483648'],
  ['int32', 1.5, 'expected int32, got the number 1.5'],
  ['int64', 1, 'expected int64, got the number 1'],
  ['int64', 2n ** 63n, 'expected int64, got the integer 9223372036854775808'],
  ['float32', 0.1, 'expected float32, got the number 0.1'],
  ['string', '\ud800', 'expected string, got the string'],
  ['embedding(2)', new Float32Array(3), 'expected embedding(2), got an embedding of 3'],
  ['struct<a: int64>', {}, 'expected struct<a: int64>, got a struct'],
] as const)('%s does not take %s', (type, value, sentence) => {
  expect(misfit(parseType(type)!, value)).toContain(sentence);
});

test.each([
  ['int32', -1],
  ['float32', Math.fround(0.1)],
  ['float64', Number.NaN],
  ['list<int64>', [1n, null]],
  ['map<float64>', new Map([['a', 0.1]])],
  ['struct<a: int64, b: bool>', { a: null, b: true }],
  ['bytes', new Uint8Array(2)],
  ['string', null],
] as const)('%s takes %s', (type, value) => {
  expect(misfit(parseType(type)!, value)).toBeNull();
});
