import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordEncoder } from '../../../../contract/wire/log/served-encoder.ts';
import { segmentFile, segmentHeader } from '../../../../contract/wire/log/spool-segment.ts';
import { SpoolTail } from '../../../../sidecar/shipper/spool-tail.ts';
import type { SpooledRecord } from '../../../../sidecar/shipper/spool-tail.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { servedRequest } from '../../../support/fixtures/served-requests.ts';

const MANY = 2 ** 20;

/** The bytes of one segment, as the writer makes them. */
function segmentBytes(epoch: bigint, number: number, sequences: readonly number[], rowBytes = 50): Buffer {
  const encoder = new RecordEncoder('pod-1', epoch);
  for (const sequence of sequences) encoder.appendServed(servedRequest(`r${sequence}`, rowBytes), sequence);
  const header = {
    epoch,
    number,
    firstSequence: sequences[0] ?? 1,
    createdUs: 1,
    previous: null,
    pod: 'pod-1',
  };
  return Buffer.concat([segmentHeader(header), encoder.frames()]);
}

function fileOf(epoch: bigint, number: number): string {
  return segmentFile(1_000 + Number(epoch), epoch.toString(16).padStart(16, '0'), number);
}

function all(tail: SpoolTail, maxBytes = MANY): SpooledRecord[][] {
  const batches: SpooledRecord[][] = [];
  for (let batch = tail.read(maxBytes); batch !== null; batch = tail.read(maxBytes)) batches.push(batch);
  return batches;
}

const sequencesOf = (batches: readonly SpooledRecord[][]): number[] =>
  batches.flat().map(({ sequence }) => sequence);

describe('the tail of a spool', () => {
  test('gives each frame once and in order, however the file grows under it', () => {
    const chunk = fc.integer({ min: 1, max: 700 });
    const segments = fc.array(fc.nat(6), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(segments, fc.array(chunk, { minLength: 1, maxLength: 40 }), (counts, chunks) => {
        const folder = scratchFolder();
        const tail = new SpoolTail(folder, null);
        const got: number[] = [];
        let sequence = 0;
        let turn = 0;
        for (const [i, count] of counts.entries()) {
          const numbers = Array.from({ length: count }, () => ++sequence);
          const bytes = segmentBytes(7n, i + 1, numbers);
          const path = join(folder, fileOf(7n, i + 1));
          for (let at = 0; at < bytes.length; turn++) {
            const to = at + chunks[turn % chunks.length]!;
            appendFileSync(path, bytes.subarray(at, to));
            at = to;
            got.push(...sequencesOf(all(tail)));
          }
        }
        tail.close();
        rmSync(folder, { recursive: true });
        expect(got).toEqual(Array.from({ length: sequence }, (_, i) => i + 1));
        expect(tail.damagedBytes).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('a batch holds one epoch, is at most as large as asked, and goes on where it ended', () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, fileOf(1n, 1)), segmentBytes(1n, 1, [1, 2, 3, 4, 5]));
    writeFileSync(join(folder, fileOf(1n, 2)), segmentBytes(1n, 2, [6, 7]));
    writeFileSync(join(folder, fileOf(2n, 1)), segmentBytes(2n, 1, [1, 2]));
    const batches = all(new SpoolTail(folder, null), 900);
    expect(sequencesOf(batches)).toEqual([1, 2, 3, 4, 5, 6, 7, 1, 2]);
    for (const batch of batches) {
      expect(new Set(batch.map(({ key }) => key.toString())).size).toBe(1);
      const bytes = batch.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
      expect(batch.length === 1 || bytes <= 900).toBe(true);
    }
    expect(batches[0]![0]!.key.toString()).toBe('pod-1/0000000000000001');
    // Begun again behind any record, it gives the rest.
    const flat = batches.flat();
    for (const [i, { segment, nextOffset, sequence }] of flat.entries()) {
      const rest = new SpoolTail(folder, { segment, offset: nextOffset, sequence });
      expect(sequencesOf(all(rest))).toEqual(flat.slice(i + 1).map((record) => record.sequence));
    }
  });

  test('damage is passed over and counted; what stands around it is given', () => {
    const folder = scratchFolder();
    const bytes = segmentBytes(1n, 1, [1, 2, 3, 4]);
    const whole = join(folder, fileOf(1n, 1));
    writeFileSync(whole, bytes);
    const [, second, third] = all(new SpoolTail(folder, null)).flat() as [
      unknown,
      SpooledRecord,
      SpooledRecord,
    ];
    bytes.fill(0, second.offset + 30, second.nextOffset - 5);
    writeFileSync(whole, bytes);
    writeFileSync(join(folder, fileOf(1n, 2)), segmentBytes(1n, 2, [5]));
    const tail = new SpoolTail(folder, null);
    expect(sequencesOf(all(tail))).toEqual([1, 3, 4, 5]);
    expect(tail.damagedBytes).toBe(third.offset - second.offset);
  });

  test('a damaged header costs nothing: the pod is in the records', () => {
    const folder = scratchFolder();
    const bytes = segmentBytes(1n, 1, [1, 2]);
    bytes[10] = bytes[10]! ^ 255;
    writeFileSync(join(folder, fileOf(1n, 1)), bytes);
    const [batch] = all(new SpoolTail(folder, null));
    expect(batch!.map(({ key }) => key.toString())).toEqual(Array(2).fill('pod-1/0000000000000001'));
  });

  test('a segment that is gone is passed by, and an empty or missing folder holds nothing yet', () => {
    const folder = scratchFolder();
    const tail = new SpoolTail(join(folder, 'none'), null);
    expect(tail.read(MANY)).toBeNull();
    writeFileSync(join(folder, fileOf(1n, 3)), segmentBytes(1n, 3, [9]));
    const from = { segment: fileOf(1n, 1), offset: 500, sequence: 4 };
    expect(existsSync(join(folder, from.segment))).toBe(false);
    expect(sequencesOf(all(new SpoolTail(folder, from)))).toEqual([9]);
  });

  test('bytes behind a position', () => {
    const folder = scratchFolder();
    const [one, two] = [segmentBytes(1n, 1, [1, 2]), segmentBytes(1n, 2, [3])];
    writeFileSync(join(folder, fileOf(1n, 1)), one);
    writeFileSync(join(folder, fileOf(1n, 2)), two);
    const tail = new SpoolTail(folder, null);
    expect(tail.bytesBehind(null)).toBe(one.length + two.length);
    const at = { segment: fileOf(1n, 1), offset: one.length - 10, sequence: 1 };
    expect(tail.bytesBehind(at)).toBe(10 + two.length);
  });
});
