import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  hasRawTimes,
  hasRowTimes,
  HEADER_BYTES,
  MAX_WRITTEN_MS,
  ORDER_FROM,
  ORDER_TO,
  readHeader,
  writeHeader,
} from '../../../../../contract/wire/online/row-header.ts';
import type { RowHeader } from '../../../../../contract/wire/online/row-header.ts';

import { guardOutcome } from '../../../../../materializer/online/guard-outcome.ts';

const us = fc.integer({ min: 0, max: 2 ** 53 - 1 });
const anyHeader: fc.Arbitrary<RowHeader> = fc.record({
  definitionId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  eventUs: us,
  createdUs: us,
  writtenMs: fc.integer({ min: 0, max: MAX_WRITTEN_MS }),
});

function bytesOf(header: RowHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + 2);
  writeHeader(bytes, 1, header);
  return bytes.subarray(1, 1 + HEADER_BYTES);
}

test('golden header', () => {
  const header = {
    definitionId: 0xdeadbeef,
    eventUs: 0x1f_0203_0405_0607,
    createdUs: 1,
    writtenMs: 0x0102_0304_0506,
  };
  expect(bytesOf(header).toString('hex')).toBe(
    'deadbeef 1f020304050607 00000000000001 010203040506'.replaceAll(' ', ''),
  );
});

test('what a reader, the cache and the guard call corrupt is one thing, for any bytes', () => {
  // Bytes around the limits, so that both sides of each are met.
  const near = fc.constantFrom(0, 1, 8, 9, 0x1f, 0x20, 0x31, 0x7f, 0x80, 0xff);
  const byte = fc.oneof(near, fc.integer({ min: 0, max: 255 }));
  let corrupt = 0;
  fc.assert(
    fc.property(fc.array(byte, { minLength: HEADER_BYTES, maxLength: 40 }), (bytes) => {
      const row = Buffer.from(bytes);
      const isCorrupt = readHeader(row) === null;
      if (isCorrupt) corrupt += 1;
      expect(hasRowTimes(row)).toBe(!isCorrupt);
      expect(hasRawTimes(row.toString('latin1'))).toBe(!isCorrupt);
      const incoming = bytesOf({ definitionId: row.readUInt32BE(0), eventUs: 0, createdUs: 0, writtenMs: 0 });
      if (isCorrupt) expect(guardOutcome(row, incoming, [])).toBe('written');
      else expect(guardOutcome(row, incoming, [])).not.toBe('written');
    }),
    { numRuns: 2_000 },
  );
  expect(corrupt).toBeGreaterThan(100);
  expect(corrupt).toBeLessThan(1_990);
});

test('any header comes back', () => {
  fc.assert(
    fc.property(anyHeader, (header) => {
      expect(readHeader(bytesOf(header))).toEqual(header);
    }),
  );
  const last = {
    definitionId: 2 ** 32 - 1,
    eventUs: 2 ** 53 - 1,
    createdUs: 2 ** 53 - 1,
    writtenMs: MAX_WRITTEN_MS,
  };
  for (const header of [last, { definitionId: 0, eventUs: 0, createdUs: 0, writtenMs: 0 }])
    expect(readHeader(bytesOf(header))).toEqual(header);
  expect(readHeader(Buffer.alloc(HEADER_BYTES - 1))).toBeNull();
});

test('bytes 4 to 17 order rows as (event, created) do', () => {
  fc.assert(
    fc.property(anyHeader, anyHeader, fc.boolean(), (a, other, sameEvent) => {
      const b = sameEvent ? { ...other, eventUs: a.eventUs } : other;
      const byBytes = bytesOf(a)
        .subarray(ORDER_FROM, ORDER_TO)
        .compare(bytesOf(b).subarray(ORDER_FROM, ORDER_TO));
      expect(byBytes).toBe(Math.sign(a.eventUs - b.eventUs || a.createdUs - b.createdUs));
    }),
  );
});

test.each([-1, 0.5, NaN, 2 ** 53])('a time of %s is refused', (bad) => {
  const header = { definitionId: 1, eventUs: 1, createdUs: 1, writtenMs: 1 };
  expect(() => bytesOf({ ...header, eventUs: bad })).toThrow(RangeError);
  expect(() => bytesOf({ ...header, createdUs: bad })).toThrow(RangeError);
});

test.each([
  ['event', 4, 7, 2n ** 53n],
  ['created', 11, 7, 2n ** 56n - 1n],
  ['written', 18, 6, BigInt(MAX_WRITTEN_MS) + 1n],
  ['written', 18, 6, 2n ** 48n - 1n],
] as const)('a stored %s time past 2255 is no header', (_, at, bytes, value) => {
  const row = bytesOf({ definitionId: 1, eventUs: 1, createdUs: 1, writtenMs: 1 });
  row.set(Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex'), at);
  expect(readHeader(row)).toBeNull();
});

test('a written time past 2255 is refused', () => {
  const header = { definitionId: 1, eventUs: 1, createdUs: 1, writtenMs: MAX_WRITTEN_MS + 1 };
  expect(() => bytesOf(header)).toThrow(RangeError);
});
