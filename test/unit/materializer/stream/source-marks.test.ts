/** How far a source has come by the marks beside its tiles. */
import { expect, test } from 'vitest';
import type { TileMark } from '../../../../contract/aggregation/tile-message.ts';
import { SourceMarks } from '../../../../materializer/stream/tiles/source-marks.ts';

const NOW_MS = 1_000_000_000;
const NONE = { unreadable: 0, excluded: 0, refused: 0, late: 0 };

function mark(partition: number, eventUs: number, offset: number): TileMark {
  return { partition, eventUs, appendedUs: eventUs + 5, offset, leftOut: NONE, horizonUs: 0, holdMs: 4_000 };
}

test('a mark counts once its tiles had their time, and the least of the partitions is the source', () => {
  const marks = new SourceMarks();
  marks.take(mark(0, 100, 9), NOW_MS);
  marks.take(mark(1, 300, 9), NOW_MS);
  expect(marks.seenUs(NOW_MS + 3_999, [20, 20])).toBe(0);
  expect(marks.seenUs(NOW_MS + 4_000, [20, 20])).toBe(100);
  marks.take(mark(0, 200, 10), NOW_MS + 4_000);
  expect(marks.seenUs(NOW_MS + 7_999, [20, 20])).toBe(100);
  expect(marks.seenUs(NOW_MS + 8_000, [20, 20])).toBe(200);
});

test('a partition without a mark holds the source, unless it has no message', () => {
  const marks = new SourceMarks([mark(0, 100, 9)]);
  expect(marks.seenUs(NOW_MS, [20, 1])).toBe(0);
  expect(marks.seenUs(NOW_MS, [20, 0])).toBe(100);
});

test('time goes on by the clock where the tiles hold every message, and never falls', () => {
  const marks = new SourceMarks([mark(0, 100, 9)]);
  expect(marks.seenUs(NOW_MS, null)).toBe(0);
  expect(marks.seenUs(NOW_MS, [10])).toBe(NOW_MS * 1_000 - 30_000_000);
  expect(marks.seenUs(NOW_MS, [11])).toBe(NOW_MS * 1_000 - 30_000_000);
  expect(marks.newest).toEqual([mark(0, 100, 9)]);
});
