/** The queue of requests against an array. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestQueue } from '../../../sidecar/request-queue.ts';
import { PathExchange } from '../../support/path-exchange.ts';

const MiB = 2 ** 20;

test('gives back what it took, in order, and counts its bytes', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 300_000 }), times: fc.nat(900) }) },
    { weight: 2, arbitrary: fc.record({ shift: fc.nat(1_500) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const queue = new RequestQueue();
      const model: { exchange: PathExchange; length: number }[] = [];
      const bytes = (): number => model.reduce((sum, { length }) => sum + length + 1_024, 0);
      for (const one of steps) {
        if ('push' in one) {
          for (let i = 0; i < one.times && bytes() < 17 * MiB; i++) {
            const exchange = new PathExchange();
            const fits = bytes() + one.push + 1_024 <= 16 * MiB;
            expect(queue.push(exchange, Buffer.alloc(one.push, model.length % 251))).toBe(fits);
            if (!fits) break;
            model.push({ exchange, length: one.push });
          }
        } else {
          for (let i = 0; i < one.shift && model.length > 0; i++) {
            expect(queue.at(model.length - 1)).toBe(model.at(-1)!.exchange);
            expect(queue.body.length).toBe(model[0]!.length);
            expect(queue.shift()).toBe(model.shift()!.exchange);
          }
        }
        expect([queue.length, queue.bytes]).toEqual([model.length, bytes()]);
      }
    }),
    { numRuns: 30 },
  );
});

test('copies the body: the transport uses its memory again', () => {
  const queue = new RequestQueue();
  const body = Buffer.from('first');
  queue.push(new PathExchange(), body);
  body.write('other');
  expect(queue.body.toString()).toBe('first');
});
