import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LaneRead } from '../../../../sidecar/store/read-queue.ts';
import { ReadQueue } from '../../../../sidecar/store/read-queue.ts';

function read(key: string): LaneRead {
  return { key, views: [], knownRow: () => null, onRows() {}, onLost() {}, onSilent() {} };
}

test('gives reads back in the order in which they came, as a list does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 200 }), { maxLength: 12 }), (pushes) => {
      const queue = new ReadQueue();
      const model: { readonly read: LaneRead; readonly ms: number }[] = [];
      for (const [i, count] of pushes.entries()) {
        for (let p = 0; p < count; p++) {
          const one = { read: read(`${i}:${p}`), ms: i * 1_000 + p };
          queue.push(one.read, one.ms);
          model.push(one);
        }
        for (let s = 0; s < count / 2 + 1; s++) {
          expect(queue.first).toBe(model[0]?.read ?? null);
          if (model.length > 0) expect(queue.firstSentMs).toBe(model[0]!.ms);
          expect(queue.shift()).toBe(model.shift()?.read ?? null);
          expect(queue.count).toBe(model.length);
        }
      }
    }),
  );
});

test('that is never empty takes no more room for it', () => {
  const queue = new ReadQueue();
  queue.push(read('first'), 0);
  const { places } = queue;
  for (let i = 0; i < 10_000; i++) {
    queue.push(read(`${i}`), i);
    queue.shift();
  }
  expect([queue.count, queue.places]).toEqual([1, places]);
});
