import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { advanceCursor, cursorConsumers, readCursor } from '../../../../../contract/wire/log/spool-cursor.ts';
import { segmentFile } from '../../../../../contract/wire/log/spool-segment.ts';

const segment = segmentFile(7, '00000000000000ff', 1);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a cursor', () => {
  test('is null before its consumer has advanced, and then where it was put', () => {
    expect(readCursor(folder, 'ingest')).toBeNull();
    advanceCursor(folder, 'ingest', { segment, offset: 10, sequence: 3 });
    advanceCursor(folder, 'ingest', { segment, offset: 20, sequence: 4 });
    advanceCursor(folder, 'kafka', { segment, offset: 5, sequence: 1 });
    expect(readCursor(folder, 'ingest')).toEqual({ segment, offset: 20, sequence: 4 });
    expect(cursorConsumers(folder)).toEqual(['ingest', 'kafka']);
    expect(readdirSync(folder)).toEqual(['ingest.cursor', 'kafka.cursor']);
    expect(readFileSync(join(folder, 'kafka.cursor'), 'utf8')).toBe(
      `{"consumer":"kafka","format":1,"offset":5,"segment":"${segment}","sequence":1}\n`,
    );
  });

  test('may stay where it is, and never goes back', () => {
    advanceCursor(folder, 'ingest', { segment, offset: 10, sequence: 3 });
    advanceCursor(folder, 'ingest', { segment, offset: 10, sequence: 3 });
    expect(() => advanceCursor(folder, 'ingest', { segment, offset: 9, sequence: 2 })).toThrow(
      /cannot go back/,
    );
    advanceCursor(folder, 'ingest', {
      segment: segmentFile(7, '00000000000000ff', 2),
      offset: 0,
      sequence: 3,
    });
  });

  test.each(['', '{', '[]', 'null', '{"format":2}', '{"format":1,"segment":"../x","offset":1,"sequence":1}'])(
    'that holds %j is refused by name',
    (content) => {
      writeFileSync(join(folder, 'ingest.cursor'), content);
      expect(() => readCursor(folder, 'ingest')).toThrow(
        expect.objectContaining({
          code: 'REG_STORE',
          message: expect.stringContaining('ingest.cursor should hold a cursor'),
        }),
      );
    },
  );

  test('has no consumer whose name would leave the folder', () => {
    expect(() => readCursor(folder, '../ingest')).toThrow(TypeError);
  });
});
