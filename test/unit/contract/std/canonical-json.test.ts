import { expect, test } from 'vitest';
import { canonicalJson } from '../../../../contract/std/canonical-json.ts';

test('one text for one meaning: keys in byte order, nothing undefined', () => {
  expect(canonicalJson({ b: 1, a: [true, null, 'x'], c: undefined })).toBe('{"a":[true,null,"x"],"b":1}');
  expect(canonicalJson({ '\u{1F600}': 1, '\uFF5E': 2 })).toBe('{"\uFF5E":2,"\u{1F600}":1}');
});

test('a number without JSON text is refused, not turned into null', () => {
  expect(() => canonicalJson({ a: Number.NaN })).toThrow('no JSON text for NaN');
});
