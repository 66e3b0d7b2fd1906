import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_PIECE, ReadyRing, newReadyKind } from '../../../../sidecar/cache/ready-ring.ts';
import type { ReadyOwner } from '../../../../sidecar/cache/ready-ring.ts';

const RING_BYTES = 4_096;
const HEAD_BYTES = 16;
const KINDS = [newReadyKind(), newReadyKind(), newReadyKind()];

interface Kept {
  readonly owner: number;
  readonly kind: number;
  readonly bytes: Buffer;
}

function piece(ring: ReadyRing, owner: ReadyOwner, kind: number): Buffer | null {
  const from = ring.find(owner, kind);
  return from === NO_PIECE ? null : Buffer.from(ring.buffer.subarray(from, ring.endOf(from)));
}

describe('the ready ring', () => {
  test('gives what was kept last or nothing, and what was kept a moment ago for certain', () => {
    const keep = fc.record({
      owner: fc.nat({ max: 5 }),
      kind: fc.constantFrom(...KINDS),
      bytes: fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)),
    });
    fc.assert(
      fc.property(fc.array(keep, { maxLength: 120 }), (keeps) => {
        const ring = new ReadyRing(RING_BYTES);
        const owners = Array.from({ length: 6 }, () => ({ readyLap: NO_PIECE, readyAt: NO_PIECE }));
        const kept: Kept[] = [];
        for (const each of keeps) {
          ring.keep(owners[each.owner]!, each.kind, each.bytes);
          kept.push(each);
          for (const [o, owner] of owners.entries()) {
            for (const kind of KINDS) {
              const found = piece(ring, owner, kind);
              const last = kept.findLastIndex((one) => one.owner === o && one.kind === kind);
              if (last === -1) expect(found).toBeNull();
              else if (found !== null) expect(found).toEqual(kept[last]!.bytes);
              // All that came since, with the room that a lap may leave at its end, is less than the ring.
              const since = kept
                .slice(last)
                .reduce((sum, { bytes }) => sum + bytes.length + HEAD_BYTES + 4, 0);
              const pieces = kept.slice(last).filter((one) => one.owner === o).length;
              if (last !== -1 && since < RING_BYTES - 512 && pieces <= 8) expect(found).not.toBeNull();
            }
          }
          expect(ring.bytes).toBeLessThanOrEqual(RING_BYTES);
        }
      }),
    );
  });

  test('takes no memory before there is a piece, and keeps none that is too large for it', () => {
    const ring = new ReadyRing(RING_BYTES);
    const owner = { readyLap: NO_PIECE, readyAt: NO_PIECE };
    ring.keep(owner, KINDS[0]!, Buffer.alloc(RING_BYTES / 8));
    expect([piece(ring, owner, KINDS[0]!), ring.buffer.length, ring.bytes]).toEqual([null, 0, 0]);
    ring.keep(owner, KINDS[0]!, Buffer.alloc(RING_BYTES / 8 - HEAD_BYTES, 7));
    expect(piece(ring, owner, KINDS[0]!)).toEqual(Buffer.alloc(RING_BYTES / 8 - HEAD_BYTES, 7));
    expect(ring.buffer.length).toBe(RING_BYTES);
  });

  test('a ring of no bytes keeps nothing', () => {
    const ring = new ReadyRing(1);
    const owner = { readyLap: NO_PIECE, readyAt: NO_PIECE };
    ring.keep(owner, KINDS[0]!, Buffer.alloc(0));
    expect(ring.find(owner, KINDS[0]!)).toBe(NO_PIECE);
  });
});
