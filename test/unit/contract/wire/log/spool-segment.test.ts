import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readServedLog } from '../../../../../contract/wire/log/served-log.ts';
import type { LogItem } from '../../../../../contract/wire/log/served-log.ts';
import { writeDurably } from '../../../../../contract/std/files/durable-file.ts';
import { PASSED_FILE, passedMarkText } from '../../../../../contract/wire/log/passed-mark.ts';
import { SegmentReader } from '../../../../../contract/wire/log/segment-reader.ts';
import { MAX_PART_BYTES, RecordEncoder } from '../../../../../contract/wire/log/served-encoder.ts';
import { advanceCursor } from '../../../../../contract/wire/log/spool-cursor.ts';
import {
  parseSegmentFile,
  readSegmentHeader,
  segmentFile,
  segmentHeader,
} from '../../../../../contract/wire/log/spool-segment.ts';
import type { SegmentLink } from '../../../../../contract/wire/log/spool-segment.ts';
import { servedRequest } from '../../../../support/fixtures/served-requests.ts';

const EPOCH = 0xabcdn;
const HEX = '000000000000abcd';
const HEADER = { epoch: EPOCH, number: 1, firstSequence: 1, createdUs: 5, previous: null, pod: 'pod-1' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a segment with the given records: numbers are served requests, 'last' and 'beat' what they say. */
function write(
  number: number,
  records: readonly (number | ['beat' | 'last', number])[],
  epoch = EPOCH,
  previous: SegmentLink | null = null,
): string {
  const encoder = new RecordEncoder('pod-1', epoch);
  for (const record of records) {
    if (typeof record === 'number') encoder.appendServed(servedRequest(`r${record}`), record);
    else {
      const heartbeat = {
        atUs: 1,
        highestSequence: record[1],
        served: 0,
        shed: 0,
        clockOffsetUs: 0,
        bundle: '',
        version: '',
        engine: '',
        ranges: [],
      };
      encoder.appendHeartbeat(heartbeat, record[1], record[0] === 'last');
    }
  }
  const hex = epoch.toString(16).padStart(16, '0');
  const path = join(folder, segmentFile(7, hex, number));
  const header = segmentHeader({ ...HEADER, epoch, number, previous });
  writeFileSync(path, Buffer.concat([header, encoder.frames()]));
  return path;
}

/** The log in short: numbers of records, and for what is missing `[from, to, reason]`. */
function read(items: Iterable<LogItem> = readServedLog(folder)): unknown[] {
  return [...items].map((item) => {
    if (item.kind === 'served') return item.record.sequence;
    if (item.kind === 'gap') return [item.gap.fromSequence, item.gap.toSequence, item.gap.reason];
    return item.kind === 'torn' ? 'torn' : [item.kind, item.origin.sequence];
  });
}

/** Breaks the frame of the i-th record of a segment. */
function damage(path: string, i: number): void {
  const bytes = readFileSync(path);
  let at = bytes.indexOf('PLf1');
  for (let n = 0; n < i; n++) at = bytes.indexOf('PLf1', at + 20 + bytes.readUInt32LE(at + 4));
  bytes[at + 30]! ^= 0xff;
  writeFileSync(path, bytes);
}

describe('names and headers', () => {
  test('a name gives back what it was made of, and sorts in order of writing', () => {
    const names = [segmentFile(7, HEX, 1), segmentFile(7, HEX, 2), segmentFile(10 ** 15, '0'.repeat(16), 1)];
    expect(names.toSorted()).toEqual(names);
    expect(parseSegmentFile(names[1]!)).toEqual({ file: names[1], startUs: 7, epoch: HEX, number: 2 });
    for (const other of ['lock.db', 'x.seg', `${names[0]!}.tmp`, 'ingest.cursor']) {
      expect(parseSegmentFile(other)).toBeNull();
    }
  });

  test('a header is read back, and refused with any bit flipped or cut short', () => {
    const previous = { file: segmentFile(3, 'ffffffffffffffff', 9), bytes: 2 ** 40 };
    const bytes = segmentHeader({ ...HEADER, previous, pod: 'pod-é' });
    expect(readSegmentHeader(bytes)).toEqual({ ...HEADER, previous, pod: 'pod-é', bytes: bytes.length });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(readSegmentHeader(flipped), `bit ${bit}`).toBeNull();
    }
    expect(readSegmentHeader(bytes.subarray(0, -1))).toBeNull();
  });
});

test('a header of version 1, without a chain, is read', () => {
  const now = segmentHeader(HEADER);
  const bytes = Buffer.concat([now.subarray(0, 36), now.subarray(64)]);
  bytes.writeUInt16LE(1, 4);
  bytes.writeUInt16LE(bytes.length, 6);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  expect(readSegmentHeader(bytes)).toEqual({ ...HEADER, bytes: bytes.length });
});

describe('the chain of segments', () => {
  const linkTo = (path: string): SegmentLink => ({ file: basename(path), bytes: statSync(path).size });
  const mark = (path: string): void =>
    writeDurably(join(folder, PASSED_FILE), passedMarkText(basename(path)));

  test('shows that a whole start is gone, by which no number is missing', () => {
    const last = write(2, [3, ['last', 4]]);
    write(1, [1, 2], EPOCH + 1n, linkTo(last));
    const { size } = statSync(last);
    unlinkSync(last);
    expect(read()).toEqual([[null, null, 'missing'], 1, 2]);
    const [item] = readServedLog(folder);
    expect(item).toMatchObject({ gap: { segment: basename(last), offset: 0, bytes: size } });
  });

  test('shows that a segment shrank, be it at a frame', () => {
    const first = write(1, [1, 2]);
    write(1, [1, 2], EPOCH + 1n, linkTo(first));
    truncateSync(first, readFileSync(first).lastIndexOf('PLf1'));
    expect(read()).toEqual([1, [null, null, 'missing'], 1, 2]);
  });

  test('gives the numbers with the segment that held them, once', () => {
    const first = write(1, [1, 2]);
    const second = write(2, [3, 4], EPOCH, linkTo(first));
    write(3, [5], EPOCH, linkTo(second));
    unlinkSync(second);
    expect(read()).toEqual([1, 2, [3, 4, 'missing'], 5]);
  });

  test('knows what was deleted in order by the mark, and by nothing else', () => {
    const first = write(1, [1, 2]);
    const second = write(2, [3, 4], EPOCH, linkTo(first));
    const third = write(3, [5], EPOCH, linkTo(second));
    advanceCursor(folder, 'ingest', { segment: basename(third), offset: 0, sequence: 4 });
    unlinkSync(first);
    unlinkSync(second);
    expect(read()).toEqual([[1, 4, 'missing'], 5]);
    mark(first);
    expect(read()).toEqual([[1, 4, 'missing'], 5]);
    mark(second);
    expect(read()).toEqual([5]);
  });

  test('does not take a number that no file ever had for a missing segment', () => {
    const first = write(1, [1, 2]);
    write(4, [3], EPOCH, linkTo(first));
    expect(read()).toEqual([1, 2, 3]);
  });

  test('is not judged before where reading begins', () => {
    const first = write(1, [1, 2]);
    const second = write(2, [3, 4], EPOCH, linkTo(first));
    write(3, [5], EPOCH, linkTo(second));
    unlinkSync(first);
    const from = { segment: basename(second), offset: 0, sequence: 2 };
    expect(read(readServedLog(folder, from))).toEqual([3, 4, 5]);
  });
});

describe('reading a spool', () => {
  test('gives every record in order, over segments and epochs', () => {
    write(1, [1, 2]);
    write(2, [3, ['beat', 4], ['last', 5]]);
    write(1, [1, 2], EPOCH + 1n);
    expect(read()).toEqual([1, 2, 3, ['heartbeat', 4], ['last', 5], 1, 2]);
  });

  test('of a folder that does not exist gives nothing', () => {
    expect(read(readServedLog(join(folder, 'none')))).toEqual([]);
  });

  test('passes over a damaged frame and counts it', () => {
    const path = write(1, [1, 2, 3]);
    damage(path, 1);
    const gap = [...readServedLog(folder)].find((item) => item.kind === 'gap')!.gap;
    expect(read()).toEqual([1, [2, 2, 'damaged'], 3]);
    expect(gap.segment).toBe(segmentFile(7, HEX, 1));
    expect(gap.bytes).toBe(readFileSync(path).indexOf('PLf1', gap.offset + 1) - gap.offset);
  });

  test('tells a torn tail from a gap: only the last segment of an epoch may have one', () => {
    const first = write(1, [1, 2]);
    truncateSync(first, statSync(first).size - 3);
    expect(read()).toEqual([1, 'torn']);
    write(2, [3]);
    expect(read()).toEqual([1, [2, 2, 'damaged'], 3]);
  });

  test('finds what a missing segment held by the numbers', () => {
    write(1, [1, 2]);
    unlinkSync(write(2, [3, 4]));
    write(3, [5]);
    expect(read()).toEqual([1, 2, [3, 4, 'missing'], 5]);
    unlinkSync(join(folder, segmentFile(7, HEX, 1)));
    expect(read()).toEqual([[1, 4, 'missing'], 5]);
  });

  test.each([
    ['one number', [1, 3, ['last', 4]], [1, [2, 2, 'missing'], 3, ['last', 4]]],
    ['several numbers', [1, 4, ['last', 5]], [1, [2, 3, 'missing'], 4, ['last', 5]]],
    ['the first number', [2, ['last', 3]], [[1, 1, 'missing'], 2, ['last', 3]]],
    ['no number', [1, 2, ['last', 3]], [1, 2, ['last', 3]]],
  ] as const)('finds by the numbers of whole frames that %s is missing', (_, records, items) => {
    write(1, records as Parameters<typeof write>[1]);
    expect(read()).toEqual(items);
  });

  test('does not miss the front of an epoch that a consumer had passed', () => {
    write(3, [5, 6]);
    advanceCursor(folder, 'ingest', { segment: segmentFile(7, HEX, 3), offset: 0, sequence: 4 });
    expect(read()).toEqual([5, 6]);
  });

  test('gives the frames of a segment whose header is damaged', () => {
    const path = write(1, [1, 2]);
    const bytes = readFileSync(path);
    bytes[9]! ^= 1;
    writeFileSync(path, bytes);
    expect(read()).toEqual([[null, null, 'damaged'], 1, 2]);
  });

  test('is stopped by no empty, foreign or unreadable file', () => {
    write(1, [1]);
    writeFileSync(join(folder, segmentFile(7, HEX, 2)), '');
    writeFileSync(join(folder, segmentFile(7, HEX, 3)), 'PLf1PLf1 this is somebody else’s file PLs1');
    mkdirSync(join(folder, segmentFile(7, HEX, 4)));
    write(5, [2]);
    writeFileSync(join(folder, 'notes.seg'), 'x');
    const [first, ...rest] = read();
    expect(first).toBe(1);
    expect(rest.at(-1)).toBe(2);
    expect(rest.slice(0, -1)).toEqual([
      [null, null, 'damaged'],
      [null, null, 'unreadable'],
    ]);
  });

  test('is not misled by frames and magics inside a payload', () => {
    const inner = new RecordEncoder('pod-1', EPOCH + 1n);
    inner.appendServed(servedRequest('inner'), 2);
    const encoder = new RecordEncoder('pod-1', EPOCH);
    const answer = Buffer.concat([Buffer.from('PLf1PLf1'), inner.frames(), Buffer.from('PLf1')]);
    encoder.appendServed({ ...servedRequest('outer'), answer }, 1);
    encoder.appendServed(servedRequest('next'), 2);
    const path = join(folder, segmentFile(7, HEX, 1));
    writeFileSync(path, Buffer.concat([segmentHeader(HEADER), encoder.frames()]));
    expect(read()).toEqual([1, 2]);
    damage(path, 0);
    expect(read()).toEqual([[1, 1, 'damaged'], 2]);
  });

  test('goes on where it ended, and sees what is missing right there', () => {
    const path = write(1, [1, 2, 3, 4]);
    const second = [...readServedLog(folder)].filter((item) => item.kind === 'served')[1]!;
    expect(read(readServedLog(folder, second.next))).toEqual([3, 4]);
    damage(path, 2);
    expect(read(readServedLog(folder, second.next))).toEqual([[3, 3, 'damaged'], 4]);
    write(2, [6]);
    unlinkSync(path);
    expect(read(readServedLog(folder, second.next))).toEqual([[3, 5, 'missing'], 6]);
  });

  test('joins the parts of a large record, and gives up one that lost a part', () => {
    const encoder = new RecordEncoder('pod-1', EPOCH);
    encoder.appendServed(servedRequest('r1'), 1);
    encoder.appendServed(servedRequest('r2', 2 * MAX_PART_BYTES), 2);
    encoder.appendServed(servedRequest('r3'), 3);
    const path = join(folder, segmentFile(7, HEX, 1));
    const bytes = Buffer.concat([segmentHeader(HEADER), encoder.frames()]);
    writeFileSync(path, bytes);
    expect(read()).toEqual([1, 2, 3]);
    for (const part of [1, 2, 3]) {
      writeFileSync(path, bytes);
      damage(path, part);
      expect(read()).toEqual([1, [null, null, 'damaged'], [2, 2, 'incomplete'], 3]);
    }
    // Torn between its parts: it was never answered.
    writeFileSync(path, bytes.subarray(0, bytes.length - 200_000));
    expect(read()[0]).toBe(1);
    expect(new Set(read().slice(1))).toEqual(new Set(['torn']));
  });

  test('is the same through a window much smaller than the segment', () => {
    const encoder = new RecordEncoder('pod-1', EPOCH);
    for (let sequence = 1; sequence <= 150; sequence++) {
      encoder.appendServed(servedRequest(`r${sequence}`, sequence * 1_000), sequence);
    }
    const path = join(folder, segmentFile(7, HEX, 1));
    writeFileSync(path, Buffer.concat([segmentHeader(HEADER), encoder.frames()]));
    damage(path, 30);
    const reader = new SegmentReader();
    reader.open(path, parseSegmentFile(segmentFile(7, HEX, 1))!, 0);
    const found: number[] = [];
    while (reader.next()) found.push(reader.sequence);
    expect(found).toEqual(Array.from({ length: 150 }, (_, i) => i + 1).filter((i) => i !== 31));
    expect(reader.skippedBytes).toBe(0);
    reader.close();
  });
});
