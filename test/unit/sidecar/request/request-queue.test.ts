/** The queue of requests against an array. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestQueue } from '../../../../sidecar/request/request-queue.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';

const MiB = 2 ** 20;

test('gives back what it took, in order, and counts its bytes', () => {
  let fill = 0;
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 300_000 }), times: fc.nat(900) }) },
    { weight: 2, arbitrary: fc.record({ shift: fc.nat(1_500) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const queue = new RequestQueue();
      const model: { exchange: PathExchange; body: Buffer }[] = [];
      const bytes = (): number => model.reduce((sum, { body }) => sum + body.length + 1_024, 0);
      for (const one of steps) {
        if ('push' in one) {
          for (let i = 0; i < one.times && bytes() < 17 * MiB; i++) {
            const exchange = new PathExchange();
            const fits = bytes() + one.push + 1_024 <= 16 * MiB;
            const body = Buffer.alloc(one.push, (fill = (fill + 1) % 251));
            expect(queue.push(exchange, body)).toBe(fits);
            if (!fits) break;
            model.push({ exchange, body });
          }
        } else {
          for (let i = 0; i < one.shift && model.length > 0; i++) {
            expect(queue.at(model.length - 1)).toBe(model.at(-1)!.exchange);
            expect(queue.body.equals(model[0]!.body)).toBe(true);
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

test('bodies of every length stand in one memory, which is used again', () => {
  const length = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40_000 }));
  fc.assert(
    fc.property(
      fc.array(length, { minLength: 50, maxLength: 400 }),
      fc.integer({ min: 1, max: 30 }),
      (all, most) => {
        const queue = new RequestQueue();
        const waiting: Buffer[] = [];
        const memories = new Set<ArrayBufferLike>();
        for (const [i, bytes] of all.entries()) {
          waiting.push(Buffer.alloc(bytes, i % 251));
          queue.push(new PathExchange(), waiting.at(-1)!);
          memories.add(queue.body.buffer);
          while (waiting.length > most) {
            expect(queue.body.equals(waiting.shift()!)).toBe(true);
            queue.shift();
          }
        }
        // 64 KiB, doubled: up to 31 bodies of 40,000 bytes, and what is lost at the end and by what was copied.
        expect(memories.size).toBeLessThanOrEqual(7);
      },
    ),
  );
});

test.each([
  { full: [32_768, 32_768], more: [32_768, 16_384] },
  { full: [16_384, 16_384, 32_768], more: [8_192, 8_192, 8_192] },
])('a memory that is full to the byte at $more writes over nobody', ({ full, more }) => {
  const queue = new RequestQueue();
  const bodies = [...full, ...more].map((length, i) => Buffer.alloc(length, 1 + i));
  for (const body of bodies.slice(0, full.length)) queue.push(new PathExchange(), body);
  queue.shift();
  for (const body of bodies.slice(full.length)) queue.push(new PathExchange(), body);
  for (const body of bodies.slice(1)) {
    expect(queue.body.equals(body)).toBe(true);
    queue.shift();
  }
});

test('the memory of a burst is given back once nobody waits', () => {
  const queue = new RequestQueue();
  const body = Buffer.alloc(2 ** 20 - 1_024, 'x');
  for (let i = 0; i < 16; i++) queue.push(new PathExchange(), body);
  expect(queue.body.buffer.byteLength).toBeGreaterThan(15 * MiB);
  for (let i = 0; i < 16; i++) queue.shift();
  queue.push(new PathExchange(), Buffer.from('next'));
  expect([queue.body.toString(), queue.body.buffer.byteLength]).toEqual(['next', 64 * 1_024]);
});
