import { expect, test } from 'vitest';
import { isSameFeature, matchFeatures } from '../../../contract/feature-match.ts';

test('a feature is the same where its name and its type are, wherever it stands', () => {
  const wanted = [
    { name: 'a', type: { kind: 'int64' } },
    { name: 'b', type: { kind: 'list', of: { kind: 'string' } } },
    { name: 'c', type: { kind: 'float64' } },
    { name: 'd', type: { kind: 'list', of: { kind: 'int64' } } },
  ] as const;
  const there = [
    { name: 'b', type: { kind: 'list', of: { kind: 'string' } } },
    { name: 'c', type: { kind: 'float32' } },
    { name: 'd', type: { kind: 'list', of: { kind: 'int32' } } },
    { name: 'a', type: { kind: 'int64' } },
  ] as const;
  expect(matchFeatures(wanted, there)).toEqual([3, 0, -1, -1]);
  expect(wanted.map((field) => there.findIndex((one) => isSameFeature(one, field)))).toEqual([3, 0, -1, -1]);
});
