import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { advanceCursor } from '../../../../contract/wire/log/spool-cursor.ts';
import { segmentFile } from '../../../../contract/wire/log/spool-segment.ts';
import { passedSegments } from '../../../../sidecar/spool/passed-segments.ts';

const names = [1, 2, 3].map((number) => segmentFile(7, '00000000000000ff', number));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  for (const name of names) writeFileSync(join(folder, name), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

const passedBy = (consumer: string, i: number): void =>
  advanceCursor(folder, consumer, { segment: names[i]!, offset: 0, sequence: 0 });

test('nothing is passed without consumers, nor while one of them has not come yet', () => {
  passedBy('ingest', 2);
  expect(passedSegments(folder, [], null)).toEqual([]);
  expect(passedSegments(folder, ['ingest', 'kafka'], null)).toEqual([]);
});

test('the slowest consumer decides, and those that are not configured do not', () => {
  passedBy('ingest', 2);
  passedBy('kafka', 1);
  passedBy('former', 0);
  expect(passedSegments(folder, ['ingest', 'kafka'], null)).toEqual([names[0]]);
  expect(passedSegments(folder, ['ingest'], null)).toEqual([names[0], names[1]]);
});

test('the segment that is being written is never passed', () => {
  passedBy('ingest', 2);
  expect(passedSegments(folder, ['ingest'], names[1]!)).toEqual([names[0]]);
});
