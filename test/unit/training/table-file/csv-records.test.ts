/** What is no CSV is refused with its line and column, and nothing is guessed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { plainCsv } from '../../../../training/labels/labels-csv.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumb-csv-'));
const file = join(folder, 'labels.csv');
afterAll(() => rmSync(folder, { recursive: true }));

function mistakeOf(bytes: string | Buffer): unknown {
  writeFileSync(file, bytes);
  try {
    return plainCsv(file, join(folder, 'plain.csv')).columns;
  } catch (error) {
    return error;
  }
}

describe('a mistake is named with its line and column', () => {
  test.each<[string, string | Buffer, number, RegExp]>([
    ['an empty file', '', 1, /line 1: .* is empty; its first line should name the columns/],
    [
      'a field too few',
      'a,b,c\n1,2,3\n4,5\n',
      3,
      /line 3: it has 2 fields, the header names 3 columns; c is the first/,
    ],
    ['a field too many', 'a,b\n1,2,3\n', 2, /line 2: it has 3 fields, the header names 2; .* column 3/],
    ['an empty line', 'a,b\n1,2\n\n3,4\n', 3, /line 3: it is empty, the header names 2 columns/],
    [
      'a quote never closed',
      'a,b\n1,"x\n3,4\n',
      2,
      /line 2, column 2: it has a quote that is never closed, at "1,\\"x/,
    ],
    [
      'a quote within a field',
      'a,b\n"x\ny",2\n5" pipe,3\n',
      4,
      /line 4, column 1: it has a quote within a field/,
    ],
    ['text behind a quote', 'a,b\n1,"x"y\n', 2, /line 2, column 2: it has text behind its closing quote/],
    ['a blank before a quote', 'a,b\n1, "x"\n', 2, /line 2, column 2: it has a quote within a field/],
    [
      'old Macintosh line ends',
      'a,b\r1,2\r',
      1,
      /line 1, column 2: it has a carriage return that ends no line/,
    ],
    ['a carriage return at the end', 'a,b\n1,2\r', 2, /line 2, column 2: it has a carriage return/],
    [
      'Latin-1',
      Buffer.from('a,b\n1,"x\ncaf\xe9"\n', 'latin1'),
      3,
      /line 3: it is not UTF-8 \(byte 9 .* 0xE9\)/,
    ],
    ['UTF-16', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), 1, /line 1: it is not UTF-8 \(byte 1 .* 0xFF\)/],
    ['half a character', Buffer.from('a,b\n東東,"é東\xe6', 'latin1'), 2, /./],
  ])('%s', (_, bytes, line, message) => {
    expect(mistakeOf(bytes)).toMatchObject({
      code: 'TRAIN_LABELS',
      message: expect.stringMatching(message) as string,
      details: { line },
    });
  });

  test('the byte that is no UTF-8 is the first one, whatever stands before it', () => {
    for (let before = 0; before < 40; before++) {
      const good = 'a東é\u{1f600}'
        .repeat(10)
        .slice(0, before)
        .replaceAll(/[\ud800-\udbff]$/g, '');
      const bytes = Buffer.concat([Buffer.from(`h\n${good}`), Buffer.from([0xe9]), Buffer.from('z東\n')]);
      const at = Buffer.byteLength(good) + 1;
      expect(mistakeOf(bytes)).toMatchObject({ message: expect.stringContaining(`(byte ${at} `) as string });
    }
  });
});

describe('what only looks odd is read as it is', () => {
  test.each<[string, string, string[]]>([
    ['names in quotes', '"a ""b""","c,d"\n', ['a "b"', 'c,d']],
    ['no name, as pandas writes an index', ',a\n0,1\n', ['column0', 'a']],
    ['blanks around names', ' a ,b\n', [' a ', 'b']],
    ['a byte order mark', '\ufeffa,b\n', ['a', 'b']],
    ['a header alone, without a line end', 'a,b', ['a', 'b']],
    ['semicolons', 'a;b\n1;2\n', ['a;b']],
    ['an empty line in a file of one column', 'a\n\nx\n', ['a']],
  ])('%s', (_, text, columns) => {
    expect(mistakeOf(text)).toEqual(columns);
  });
});
