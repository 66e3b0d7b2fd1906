import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HotKeys } from '../../../../sidecar/cache/hot-keys.ts';

const SAMPLE = 16;
const CAPACITY = 256;

test('the sketch keeps every key of more than its share, and no count is too high by more than it says', () => {
  const stream = fc.array(fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 5_000 })), {
    minLength: 1,
    maxLength: 5_000,
  });
  fc.assert(
    fc.property(stream, (numbers) => {
      const sketch = new HotKeys(() => 'node');
      const exact = new Map<string, number>();
      for (const n of numbers) {
        sketch.count(`k${n}`, true, 1);
        exact.set(`k${n}`, (exact.get(`k${n}`) ?? 0) + 1);
      }
      const found = new Map(sketch.hottest(CAPACITY).map((hot) => [hot.key, hot]));
      const bound = numbers.length / CAPACITY;
      for (const [key, count] of exact) if (count > bound) expect(found.has(key)).toBe(true);
      for (const { key, lookups, errorAtMost } of found.values()) {
        const truth = exact.get(key)! * SAMPLE;
        expect(lookups).toBeGreaterThanOrEqual(truth);
        expect(lookups - errorAtMost).toBeLessThanOrEqual(truth);
        expect(errorAtMost).toBeLessThanOrEqual(bound * SAMPLE);
      }
    }),
    { numRuns: 60 },
  );
});

test('one look-up in sixteen is sampled, at distances that no rhythm can follow', () => {
  const sketch = new HotKeys(() => 'node');
  let sampled = 0;
  const distances = new Set<number>();
  let last = 0;
  for (let i = 0; i < 160_000; i++) {
    if (!sketch.samples()) continue;
    distances.add(i - last);
    last = i;
    sampled += 1;
  }
  expect(sampled).toBeGreaterThan(9_000);
  expect(sampled).toBeLessThan(11_000);
  expect(distances.size).toBeGreaterThan(20);
});

test('a key is hot once its share is certain, and cools down when others are asked for', () => {
  const sketch = new HotKeys(() => 'node');
  for (let i = 0; i < 2_000; i++) sketch.count(i % 2 === 0 ? 'hot' : `cold${i}`, true, 1);
  expect(sketch.isHot('hot')).toBe(true);
  expect(sketch.isHot('cold1999')).toBe(false);
  expect(sketch.hottest(1)[0]).toMatchObject({ key: 'hot', lookups: 16_000, errorAtMost: 0, share: 0.5 });
  for (let minute = 1; minute < 20; minute++) {
    for (let i = 0; i < 2_000; i++) sketch.count(`later${i % 100}`, true, minute * 60_000);
  }
  expect(sketch.isHot('hot')).toBe(false);
});

test('no key is hot before a thousand look-ups are counted', () => {
  const sketch = new HotKeys(() => 'node');
  for (let i = 0; i < 999; i++) sketch.count('k', true, 1);
  expect(sketch.isHot('k')).toBe(false);
  sketch.count('k', true, 1);
  expect(sketch.isHot('k')).toBe(true);
});

test('the reads that the cache spared are told by node', () => {
  const sketch = new HotKeys((key) => (key < 'm' ? 'first' : 'second'));
  for (const [key, spared] of [
    ['a', true],
    ['b', false],
    ['z', true],
  ] as const)
    sketch.count(key, spared, 1);
  expect(sketch.nodes()).toEqual([
    { node: 'first', lookups: 32, spared: 16 },
    { node: 'second', lookups: 16, spared: 16 },
  ]);
});
