import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PASSED_FILE, passedMarkText } from '../../../../../contract/wire/log/passed-mark.ts';
import { SegmentChain } from '../../../../../contract/wire/log/segment-chain.ts';
import { advanceCursor } from '../../../../../contract/wire/log/spool-cursor.ts';
import { parseSegmentFile, segmentFile } from '../../../../../contract/wire/log/spool-segment.ts';
import type { SegmentHeader, SegmentLink } from '../../../../../contract/wire/log/spool-segment.ts';

const [A, B] = ['00000000000000aa', '00000000000000bb'];
const [first, second, third] = [1, 2, 3].map((number) => segmentFile(7, A, number)) as [
  string,
  string,
  string,
];
const later = segmentFile(8, B, 1);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const header = (previous: SegmentLink | null): SegmentHeader => ({
  epoch: 1n,
  number: 2,
  firstSequence: 1,
  createdUs: 1,
  previous,
  pod: 'pod',
});
const mark = (segment: string): void => writeFileSync(join(folder, PASSED_FILE), passedMarkText(segment));

describe('what a segment says is missing before it', () => {
  test.each([
    ['nothing, where the one before has its length', 10, null],
    ['nothing, where it has grown since', 11, null],
    ['what the one before lacks', 9, { segment: first, offset: 9, bytes: 1 }],
    ['all of one that is empty', 0, { segment: first, offset: 0, bytes: 10 }],
  ])('%s', (_, size, loss) => {
    writeFileSync(join(folder, first), Buffer.alloc(size));
    expect(new SegmentChain(folder).lossBefore(header({ file: first, bytes: 10 }))).toEqual(loss);
  });

  test('all of one that is gone, unless the mark covers it or it was read earlier', () => {
    const link = header({ file: second, bytes: 10 });
    const gone = { segment: second, offset: 0, bytes: 10 };
    expect(new SegmentChain(folder).lossBefore(link)).toEqual(gone);
    mark(first);
    expect(new SegmentChain(folder).lossBefore(link)).toEqual(gone);
    mark(second);
    expect(new SegmentChain(folder).lossBefore(link)).toBeNull();
    rmSync(join(folder, PASSED_FILE));
    expect(new SegmentChain(folder, second).lossBefore(link)).toEqual(gone);
    expect(new SegmentChain(folder, third).lossBefore(link)).toBeNull();
  });

  test('nothing, where it names none or cannot be read', () => {
    expect(new SegmentChain(folder).lossBefore(header(null))).toBeNull();
    expect(new SegmentChain(folder).lossBefore(null)).toBeNull();
  });
});

describe('the front of an epoch was deleted in order', () => {
  const isPassed = (file: string, previous: SegmentLink | null): boolean =>
    new SegmentChain(folder).isFrontPassed(parseSegmentFile(file)!, header(previous));

  test('where the mark covers the segment that the first one there names', () => {
    const link = { file: second, bytes: 10 };
    expect(isPassed(third, link)).toBe(false);
    mark(second);
    expect(isPassed(third, link)).toBe(true);
  });

  test('where the first one there names none, and the mark or a consumer stands at it', () => {
    expect(isPassed(second, null)).toBe(false);
    advanceCursor(folder, 'ingest', { segment: first, offset: 1, sequence: 1 });
    expect(isPassed(second, null)).toBe(false);
    advanceCursor(folder, 'ingest', { segment: second, offset: 1, sequence: 1 });
    expect(isPassed(second, null)).toBe(true);
    mark(third);
    expect(isPassed(third, null)).toBe(true);
  });

  test('never where its first segment is there, nor by a segment of another epoch', () => {
    mark(later);
    expect(isPassed(first, null)).toBe(false);
    expect(isPassed(first, { file: first, bytes: 1 })).toBe(false);
    expect(isPassed(segmentFile(9, A, 2), { file: later, bytes: 1 })).toBe(false);
  });
});
