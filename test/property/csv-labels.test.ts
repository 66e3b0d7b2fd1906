/** CSV labels against a naive reader of RFC 4180: the same fields, through our scanner and through DuckDB. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CsvRecords } from '../../training/table-file/csv-records.ts';
import { appendToCsv, csvField, plainCsv } from '../../training/labels/labels-csv.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';

type Field = string | null;

let duck: DuckDb;
const folder = mkdtempSync(join(tmpdir(), 'plumb-csv-'));
const file = join(folder, 'labels.csv');

beforeAll(async () => {
  duck = await DuckDb.open();
  await duck.run('SET preserve_insertion_order = true');
});
afterAll(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

/** One character after the other, by the letter of the standard. */
function naive(text: string): Field[][] {
  const records: Field[][] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at < text.length) {
    const record: Field[] = [];
    for (;;) {
      let value = '';
      if (text[at] === '"') {
        for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
          if (text[at] === '"') at += 1;
          value += text[at]!;
        }
        at += 1;
        record.push(value);
      } else {
        while (at < text.length && !',\n\r'.includes(text[at]!)) value += text[at++]!;
        record.push(value === '' ? null : value);
      }
      if (text[at] !== ',') break;
      at += 1;
    }
    if (text[at] === '\r') at += 1;
    at += 1;
    records.push(record);
  }
  return records;
}

const PLAIN = [
  'a',
  'NULL',
  'NaN',
  '#',
  ' ',
  '  lead',
  "'q'",
  ';',
  '|',
  '\t',
  'é',
  '東',
  '\u{1f600}',
  '00123',
  '-',
  '\\',
];
const ODD = [
  '"',
  'x,y',
  'l1\nl2',
  'l1\r\nl2',
  '\r',
  '',
  '\\N',
  '\0',
  '\u001f',
  '\u0085',
  '\u2028',
  '\ufeff',
  'true',
];
const piece = fc.constantFrom(...PLAIN, ...ODD, 'z'.repeat(3_000));
const field = fc.tuple(piece, piece, fc.boolean()).map(([a, b, quoted]) => {
  const plain = a + b;
  return quoted && !/[",\n\r]/.test(plain) ? `"${plain}"` : plain === '' ? '' : csvField(plain);
});
const lineEnd = fc.constantFrom('\n', '\r\n');
const csv = fc
  .tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.array(field, { minLength: 5, maxLength: 5 }), { maxLength: 30 }),
    fc.array(lineEnd, { minLength: 31, maxLength: 31 }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([columns, rows, ends, marked, ended]) => {
    const names = Array.from({ length: columns }, (_, i) => `h${i}`);
    const lines = [names, ...rows.map((row) => row.slice(0, columns))].map((line) => line.join(','));
    const isEnded = ended || lines.at(-1) === '';
    const text = lines.map((line, i) => line + (i < lines.length - 1 || isEnded ? ends[i]! : '')).join('');
    return { text: (marked ? '\ufeff' : '') + text, columns };
  });

describe('any CSV', () => {
  test('is read field by field as the standard says, and by DuckDB in its plain form', async () => {
    await fc.assert(
      fc.asyncProperty(csv, async ({ text, columns }) => {
        writeFileSync(file, text);
        const [header, ...records] = naive(text);
        const read = new CsvRecords(file);
        const found: Field[][] = [];
        while (read.next()) found.push(read.values());
        read.close();
        expect(found).toEqual([header, ...records]);

        const plain = plainCsv(file, join(folder, 'plain.csv'));
        expect(plain.columns).toEqual(header);
        // The client takes a byte order mark at the beginning of a text for none of it.
        const texts = Array.from({ length: columns }, (_, i) => `'=' || c${i} AS c${i}`);
        const rows = await duck.rows(`SELECT rid, ${texts.join(', ')} FROM ${plain.sql}`);
        expect(rows.map((row) => Number(row['rid']))).toEqual(records.map((_, i) => i));
        expect(rows.map((row) => Array.from({ length: columns }, (_, i) => row[`c${i}`]))).toEqual(
          records.map((record) => record.map((value) => (value === null ? null : `=${value}`))),
        );
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test('keeps every byte when columns are put behind it', async () => {
    await fc.assert(
      fc.asyncProperty(csv, async ({ text }) => {
        writeFileSync(file, text);
        const out = join(folder, 'out.csv');
        const values = naive(text)
          .slice(1)
          .map((_, i) => `,v${i}`);
        await appendToCsv(
          file,
          out,
          ',new',
          (async function* () {
            yield values;
          })(),
        );
        const read = new CsvRecords(file);
        let expected = text.startsWith('\ufeff') ? '\ufeff' : '';
        for (const value of [',new', ...values]) {
          read.next();
          expected += `${read.content().toString()}${value}${read.ending().toString()}`;
        }
        read.close();
        expect(readFileSync(out, 'utf8')).toBe(expected);
        const grown = naive(text).map((record, i) => [...record, [',new', ...values][i]!.slice(1)]);
        expect(naive(expected)).toEqual(grown);
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

describe('records longer than a block of the file', () => {
  test.each([
    ['quoted', `"${'x""\n,'.repeat(900_000)}"`],
    ['plain', 'y'.repeat(3_000_000)],
  ])('%s', async (_, long) => {
    const text = `a,b\n1,${long}\r\n2,${long}\n3,z`;
    writeFileSync(file, text);
    const rows = await duck.rows(
      `SELECT rid, c0, length(c1) AS n FROM ${plainCsv(file, join(folder, 'plain.csv')).sql}`,
    );
    const length = BigInt(naive(text)[1]![1]!.length);
    expect(rows.map((row) => [row['c0'], row['n']])).toEqual([
      ['1', length],
      ['2', length],
      ['3', 1n],
    ]);
  });
});
