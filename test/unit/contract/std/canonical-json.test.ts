import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, compareBytes, sortedByBytes } from '../../../../contract/std/canonical-json.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', 'b', '\u{e000}', '\uffff', '\u{10000}', '\u{10ffff}', 'é') }),
);

test('texts are ordered as their bytes in UTF-8 are, one by one and in lists', () => {
  const inBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  fc.assert(fc.property(text, text, (a, b) => Math.sign(compareBytes(a, b)) === inBytes(a, b)));
  fc.assert(
    fc.property(fc.array(text), (texts) => {
      expect(sortedByBytes(texts)).toEqual(texts.toSorted(inBytes));
    }),
  );
});

test('one text for one meaning: keys in byte order, nothing undefined', () => {
  expect(canonicalJson({ b: 1, a: [true, null, 'x'], c: undefined })).toBe('{"a":[true,null,"x"],"b":1}');
  expect(canonicalJson({ '\u{1F600}': 1, '\uFF5E': 2 })).toBe('{"\uFF5E":2,"\u{1F600}":1}');
});

test('a number without JSON text is refused, not turned into null', () => {
  expect(() => canonicalJson({ a: Number.NaN })).toThrow('no JSON text for NaN');
});
