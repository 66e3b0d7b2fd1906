import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JoinKey } from '../../../../../contract/model.ts';
import {
  entityKey,
  entityKeyOf,
  keyValueOf,
  parseKeyPart,
} from '../../../../../contract/wire/online/entity-key.ts';
import { clusterSlot } from '../../../../../contract/wire/online/online-layout.ts';
import { customer, driver } from '../../../../support/fixtures/materialized-project.ts';

const text: JoinKey = { name: 'k', type: 'string' };
const int64: JoinKey = { name: 'n', type: 'int64' };
const int32: JoinKey = { name: 'n', type: 'int32' };

test('golden keys', () => {
  expect(entityKeyOf('', customer, ['r_123'])).toBe('fstore:customer:r_123');
  expect(entityKeyOf('staging:', driver, [-7n])).toBe('staging:fstore:driver:-7');
  expect(entityKeyOf('', customer, ['50% {a}|b:c\u0000\u001f\u007fé'])).toBe(
    'fstore:customer:50%25 %7Ba%7D%7Cb%3Ac%00%1F%7Fé',
  );
  const pair = {
    ...customer,
    joinKeys: [
      { name: 'a', type: 'string' },
      { name: 'b', type: 'int32' },
    ] as const,
  };
  expect(entityKeyOf('', pair, ['x|y', 3])).toBe('fstore:customer:x%7Cy|3');
});

describe('integers are taken as JSON integers or decimal text, and have one text', () => {
  test.each([
    [int64, '9223372036854775807', '9223372036854775807'],
    [int64, '-9223372036854775808', '-9223372036854775808'],
    [int64, 9_007_199_254_740_991, '9007199254740991'],
    [int64, 123n, '123'],
    [int64, '007', '7'],
    [int64, '-0', '0'],
    [int64, -0, '0'],
    [int32, -2_147_483_648, '-2147483648'],
  ] as const)('%o %s', (key, raw, part) => {
    expect(parseKeyPart(key, raw)).toBe(part);
  });

  test.each([
    [int64, 1.5],
    [int64, 2 ** 53],
    [int64, '9223372036854775808'],
    [int64, ' 1'],
    [int64, '1e3'],
    [int64, ''],
    [int64, null],
    [int64, true],
    [int32, 2_147_483_648],
    [int64, Infinity],
    [text, 5],
    [text, null],
    [text, '\ud800'],
    [text, 'é'.repeat(257)],
  ])('%o %s is refused', (key, raw) => {
    expect(parseKeyPart(key, raw)).toEqual({ fault: expect.stringContaining(`join key ${key.name}`) });
  });
});

test('an object or a list is named for what it is, and nothing of it is called', () => {
  const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) as unknown;
  for (const key of [int64, int32, text]) {
    expect(parseKeyPart(key, { toString: 1 })).toEqual({ fault: expect.stringMatching(/got an object$/) });
    for (const list of [[{ toString: null }], deep, []]) {
      expect(parseKeyPart(key, list)).toEqual({ fault: expect.stringMatching(/got a list$/) });
    }
  }
});

test('512 bytes are taken, before escaping', () => {
  expect(parseKeyPart(text, '|'.repeat(512))).toBe('%7C'.repeat(512));
});

test('a part stands for one value and can be read back; ids never become hash tags', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }).filter((s) => s.isWellFormed()),
    fc.string({ unit: fc.constantFrom('%', '{', '}', '|', ':', '2', '5', 'B', '\0', 'a'), maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(anyText, { minLength: 1, maxLength: 3 }), (values) => {
      const parts = values.map((value) => parseKeyPart(text, value) as string);
      const key = entityKey('', 'e', parts);
      const id = key.slice('fstore:e:'.length);
      expect(id.split('|').map((part) => keyValueOf(text, part))).toEqual(values);
      expect(key).not.toMatch(/[{}]/);
      expect(clusterSlot(key)).toBeLessThan(16_384);
    }),
  );
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      expect(keyValueOf(int64, parseKeyPart(int64, value) as string)).toBe(value);
    }),
  );
});

test('values that are known to fit throw when they do not', () => {
  expect(() => entityKeyOf('', driver, ['x'])).toThrow(
    'join key driver_id should be of type int64, got "x" (string)',
  );
});
