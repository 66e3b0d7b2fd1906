import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shareOut } from '../../../../../materializer/stream/group/shares.ts';

const members = fc.uniqueArray(fc.record({ id: fc.string(), owned: fc.uniqueArray(fc.nat(40)) }), {
  minLength: 1,
  maxLength: 8,
  selector: ({ id }) => id,
});

test('every partition has one holder, and none has two more than another', () => {
  fc.assert(
    fc.property(members, fc.integer({ min: 0, max: 30 }), (all, partitions) => {
      const shares = shareOut(all, partitions);
      expect([...shares.keys()].toSorted()).toEqual(all.map(({ id }) => id).toSorted());
      const held = [...shares.values()].flat().toSorted((a, b) => a - b);
      expect(held).toEqual(Array.from({ length: partitions }, (_, i) => i));
      const sizes = [...shares.values()].map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test('a member keeps what it has where that is fair', () => {
  const [a, b, c] = ['a', 'b', 'c'] as const;
  expect(shareOut([{ id: a, owned: [] }], 3)).toEqual(new Map([[a, [0, 1, 2]]]));
  const two = [
    { id: a, owned: [0, 1, 2] },
    { id: b, owned: [] },
  ];
  expect(shareOut(two, 3)).toEqual(
    new Map([
      ['a', [0, 1]],
      ['b', [2]],
    ]),
  );
  const left = [
    { id: b, owned: [2, 5] },
    { id: c, owned: [1, 4] },
  ];
  expect(shareOut(left, 6)).toEqual(
    new Map([
      ['b', [0, 2, 5]],
      ['c', [1, 3, 4]],
    ]),
  );
});
