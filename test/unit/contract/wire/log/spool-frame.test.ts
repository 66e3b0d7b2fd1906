import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CUT_SHORT,
  FRAME_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  NO_FRAME,
  epochCrc,
  frameAt,
  frameLength,
  frameSequence,
  isRunIntact,
  runEnd,
  beginFrame,
  sealFrame,
} from '../../../../../contract/wire/log/spool-frame.ts';

const EPOCH = 0xfedc_ba98_7654_3210n;
const SEED = epochCrc(EPOCH);

function frame(payload: Buffer, sequence: number): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
  beginFrame(bytes, 0, payload.length, sequence);
  sealFrame(bytes, 0, SEED, null);
  return bytes;
}

describe('a frame', () => {
  test('has the bytes that it always had', () => {
    const golden = readFileSync(
      join(import.meta.dirname, '../../../../golden/0.1.0/spool-frame.hex'),
      'utf8',
    ).trim();
    expect(frame(Buffer.from('payload'), 2 ** 40 + 7).toString('hex')).toBe(golden);
  });

  test("has zlib's CRC over epoch, length, sequence and payload", () => {
    const bytes = frame(Buffer.from('payload'), 2 ** 33 + 1);
    const covered = Buffer.alloc(20);
    covered.writeBigUInt64LE(EPOCH, 0);
    covered.writeUInt32LE(7, 8);
    covered.writeBigUInt64LE(2n ** 33n + 1n, 12);
    expect(bytes.readUInt32LE(8)).toBe(crc32(Buffer.concat([covered, Buffer.from('payload')])));
    expect(bytes.readUInt32LE(4)).toBe(7);
    expect(bytes.readBigUInt64LE(12)).toBe(2n ** 33n + 1n);
  });

  test('is read back, and its bytes are left as they were', () => {
    for (const sequence of [1, 255, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const bytes = Buffer.concat([Buffer.from('xx'), frame(Buffer.from('abc'), sequence)]);
      const before = bytes.toString('hex');
      expect(frameAt(bytes, 2, bytes.length, SEED)).toBe(3);
      expect(frameSequence(bytes, 2)).toBe(sequence);
      expect(bytes.toString('hex')).toBe(before);
    }
  });

  test('is none with any one of its bits flipped', () => {
    const whole = frame(Buffer.from('some payload'), 77);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(frameAt(bytes, 0, bytes.length, SEED), `bit ${bit}`).toBeLessThan(0);
    }
  });

  test('of another epoch is none', () => {
    const bytes = frame(Buffer.from('abc'), 1);
    expect(frameAt(bytes, 0, bytes.length, epochCrc(EPOCH + 1n))).toBe(NO_FRAME);
  });

  test('that is cut short is told from one that is damaged', () => {
    const bytes = frame(Buffer.from('abc'), 1);
    for (let end = 0; end < bytes.length; end++) expect(frameAt(bytes, 0, end, SEED)).toBe(CUT_SHORT);
    bytes[0] = 0;
    expect(frameAt(bytes, 0, bytes.length - 1, SEED)).toBe(NO_FRAME);
  });

  test('of 1 MiB is one, above it is none, and no bytes are waited for', () => {
    const bytes = frame(Buffer.from('abc'), 1);
    bytes.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 4);
    expect(frameAt(bytes, 0, bytes.length, SEED)).toBe(NO_FRAME);
    const largest = frame(Buffer.alloc(MAX_PAYLOAD_BYTES), 2);
    expect(frameAt(largest, 0, largest.length, SEED)).toBe(MAX_PAYLOAD_BYTES);
  });
});

describe('a run of frames', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 6_000 }), { minLength: 1, maxLength: 6 });

  test('is intact by one CRC as each of its frames is by its own, and no more when one bit of it is another', () => {
    fc.assert(
      fc.property(payloads, fc.nat(2 ** 40), fc.nat(), (all, first, hit) => {
        const run = Buffer.concat(all.map((payload, i) => frame(Buffer.from(payload), first + i)));
        const bytes = Buffer.concat([
          Buffer.from('ab'),
          run,
          Buffer.from('no frame, and longer than a header'),
        ]);
        const to = runEnd(bytes, 2, bytes.length);
        expect(to).toBe(2 + run.length);
        expect(isRunIntact(bytes, 2, to, SEED)).toBe(true);
        expect(isRunIntact(bytes, 2, to, epochCrc(EPOCH + 1n))).toBe(false);
        expect(frameLength(bytes, 2)).toBe(all[0]!.length);
        const bit = hit % (run.length * 8);
        bytes[2 + (bit >> 3)]! ^= 1 << (bit & 7);
        expect(runEnd(bytes, 2, to) === to && isRunIntact(bytes, 2, to, SEED)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test('is not intact with any one bit of it flipped', () => {
    const whole = Buffer.concat([1, 2, 3].map((n) => frame(Buffer.alloc(n * 5, n), 2 ** 33 + n)));
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const isWhole = runEnd(bytes, 0, bytes.length) === bytes.length;
      expect(isWhole && isRunIntact(bytes, 0, bytes.length, SEED), `bit ${bit}`).toBe(false);
    }
  });

  test('ends before a frame that is cut short, or too long to be checked with others', () => {
    const [short, long] = [frame(Buffer.from('abc'), 1), frame(Buffer.alloc(200_000), 2)];
    const run = Buffer.concat([short, long, short]);
    expect(runEnd(run, 0, run.length)).toBe(short.length);
    expect(runEnd(run, short.length, run.length)).toBe(short.length);
    expect(runEnd(run, short.length + long.length, run.length - 1)).toBe(short.length + long.length);
    expect(isRunIntact(run, 5, 5, SEED)).toBe(true);
  });
});
