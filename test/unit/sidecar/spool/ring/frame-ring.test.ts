import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameRing } from '../../../../../sidecar/spool/ring/frame-ring.ts';

const CAPACITY = 1_024;

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('put' as const), bytes: fc.nat(500) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('writeHere' as const), bytes: fc.nat(500) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('drain' as const), bytes: fc.constant(0) }) },
  ),
  { maxLength: 80 },
);

describe('a ring of frames', () => {
  test('gives everything that was put, in order, and takes whatever it says it has room for', () => {
    fc.assert(
      fc.property(steps, (program) => {
        const ring = new FrameRing(CAPACITY);
        let model: [number, number][] = [];
        let sequence = 2 ** 32 - 20;
        for (const { do: what, bytes } of program) {
          const frames = Buffer.alloc(bytes, sequence & 0xff);
          const { room } = ring;
          if (what === 'put') {
            const taken = ring.put(frames, sequence, false);
            if (bytes <= room) expect(taken).toBe(true);
            if (taken) model.push([sequence++, bytes]);
          } else if (what === 'writeHere' && ring.used === 0) {
            // The other thread has not come to it: this one writes.
            const seen: number[] = [];
            if (ring.put(frames, sequence, true)) {
              expect(ring.settled()).toBe('waiting');
              expect(ring.writeHere((_, first) => seen.push(first))).toBe(true);
              expect(ring.settled()).toBe('written');
              expect(seen).toEqual([sequence]);
            }
            expect(ring.used).toBe(0);
          } else if (what === 'drain') {
            const written: [number, number][] = [];
            ring.writeAll((taken, first) => {
              // Else V8 copies byte by byte.
              expect(taken.byteOffset % 8).toBe(0);
              expect(taken.every((byte) => byte === (first & 0xff))).toBe(true);
              written.push([first, taken.length]);
            });
            expect(written).toEqual(model);
            expect(ring.used).toBe(0);
            model = [];
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('keeps what a write that fails did not take', () => {
    const ring = new FrameRing(CAPACITY);
    ring.put(Buffer.from('abc'), 7, false);
    ring.writeAll(() => {
      throw new Error('ENOSPC: no space');
    });
    expect(ring.fault).toBe('ENOSPC: no space');
    expect(ring.used).toBeGreaterThan(0);
    const written: string[] = [];
    ring.writeAll((frames) => written.push(frames.toString()));
    expect(written).toEqual(['abc']);
    expect(ring.fault).toBe(null);
  });

  test('tells who waits that the write failed, and forgets the frames', () => {
    const ring = new FrameRing(CAPACITY);
    ring.put(Buffer.from('abc'), 7, true);
    ring.writeAll(() => {
      throw new Error('EIO');
    });
    expect(ring.settled()).toBe('failed');
    expect(ring.used).toBe(0);
  });

  test('keeps what nobody waits for any longer', () => {
    const ring = new FrameRing(CAPACITY);
    ring.put(Buffer.from('abc'), 7, true);
    expect(ring.letGo()).toBe('queued');
    ring.writeAll(() => {
      throw new Error('EIO');
    });
    expect(ring.used).toBeGreaterThan(0);
    ring.writeAll(() => {});
    expect(ring.letGo()).toBe('written');
  });
});
