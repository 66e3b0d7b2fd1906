import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReadyBytes, ReadySpans } from '../../../../../contract/wire/log/ready-bytes.ts';

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

describe('ready bytes', () => {
  test('give a buffer the CRC that zlib takes of it', () => {
    const pieces = fc.array(fc.record({ own: bytes(300), part: bytes(20_000) }), { maxLength: 8 });
    const seeds = fc.nat(2 ** 32 - 1);
    fc.assert(
      fc.property(bytes(20), pieces, bytes(300), seeds, (before, all, last, seed) => {
        const spans = new ReadySpans();
        let buffer = before;
        for (const { own, part } of all) {
          buffer = Buffer.concat([buffer, own]);
          spans.add(buffer.length, new ReadyBytes(part));
          buffer = Buffer.concat([buffer, part]);
        }
        buffer = Buffer.concat([buffer, last]);
        const from = before.length;
        const longer = Buffer.concat([buffer, Buffer.alloc(9, 1)]);
        expect(spans.crc(longer, from, buffer.length, seed)).toBe(crc32(buffer.subarray(from), seed));
      }),
    );
  });

  test('of more lengths than are kept tables for give the CRC all the same', () => {
    const large = Buffer.alloc(10_000, 'some bytes');
    for (let length = 1; length < 9_000; length += 59) {
      const spans = new ReadySpans();
      const part = new ReadyBytes(large, 7, length);
      spans.add(20, part);
      const buffer = Buffer.concat([
        large.subarray(0, 20),
        large.subarray(7, 7 + length),
        large.subarray(0, 20),
      ]);
      expect(spans.crc(buffer, 0, buffer.length, 5)).toBe(crc32(buffer, 5));
    }
  });

  test('that are the smaller part of a frame give the same CRC', () => {
    const large = Buffer.alloc(10_000, 'some bytes');
    for (let length = 1; length < 9_000; length += 590) {
      const spans = new ReadySpans();
      const own = large.subarray(0, 3_000);
      spans.add(own.length, new ReadyBytes(large, 7, length));
      const buffer = Buffer.concat([own, large.subarray(7, 7 + length), own]);
      expect(spans.crc(buffer, 11, buffer.length, 5)).toBe(crc32(buffer.subarray(11), 5));
    }
  });

  test('are forgotten for the next frame', () => {
    const spans = new ReadySpans();
    spans.add(1, new ReadyBytes(Buffer.from('ready')));
    spans.clear();
    const buffer = Buffer.from('other bytes');
    expect(spans.crc(buffer, 0, buffer.length, 0)).toBe(crc32(buffer));
  });
});
