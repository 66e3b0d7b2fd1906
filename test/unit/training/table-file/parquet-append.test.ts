/**
 * Footers of Parquet files: read and written again they are the same bytes, and columns that do not fit are refused.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { joinedArrowSchema } from '../../../../training/table-file/arrow-schema.ts';
import { readParquetFooter } from '../../../../project/parquet/parquet-footer.ts';
import { appendColumns } from '../../../../training/table-file/parquet-append.ts';
import { readThrift, writeThrift } from '../../../../project/parquet/thrift-compact.ts';
import type {
  ThriftField,
  ThriftShape,
  ThriftStruct,
  ThriftValue,
} from '../../../../project/parquet/thrift-compact.ts';
import { DuckDb, quoteText } from '../../../../project/engine/duckdb/duckdb.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumb-parquet-'));
const path = (name: string): string => join(folder, name);
let duck: DuckDb;

beforeAll(async () => {
  duck = await DuckDb.open();
  await duck.run('SET preserve_insertion_order = true');
});
afterAll(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

async function write(name: string, sql: string, options = ''): Promise<string> {
  await duck.run(`COPY (${sql}) TO ${quoteText(path(name))} (FORMAT parquet${options})`);
  return path(name);
}

async function append(labels: string, features: readonly string[]): Promise<string> {
  const files = (async function* () {
    yield* features;
  })();
  const columns = [{ name: 'f', type: { kind: 'int64' } as const }];
  await appendColumns(labels, { columns, zone: 'UTC' }, files, path('out.parquet'));
  return path('out.parquet');
}

const kinds: [number, fc.Arbitrary<ThriftValue>][] = [
  [3, fc.integer({ min: 0, max: 255 })],
  [4, fc.maxSafeInteger().map((n) => Math.trunc(n / 2))],
  [5, fc.integer()],
  [8, fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))],
  [9, fc.array(fc.integer(), { maxLength: 20 }).map((items) => ({ type: 5, items }))],
];
const leaf = fc.oneof(
  fc.boolean().map((value): ThriftField => ({ type: value ? 1 : 2, value })),
  ...kinds.map(([type, value]) => value.map((one): ThriftField => ({ type, value: one }))),
);
const fields = (value: fc.Arbitrary<ThriftField>): fc.Arbitrary<ThriftStruct> =>
  fc
    .array(fc.tuple(fc.integer({ min: 1, max: 30 }), value), { maxLength: 8 })
    .map((pairs) => new Map(pairs.toSorted(([a], [b]) => a - b)));
const within = (inner: fc.Arbitrary<ThriftStruct>): fc.Arbitrary<ThriftStruct> =>
  fields(
    fc.oneof(
      leaf,
      inner.map((value): ThriftField => ({ type: 12, value })),
      fc
        .array(inner, { maxLength: 20 })
        .map((items): ThriftField => ({ type: 9, value: { type: 12, items } })),
    ),
  );
const struct = within(within(fields(leaf)));
const shapeOf = (inner: fc.Arbitrary<ThriftShape | null>): fc.Arbitrary<ThriftShape> =>
  fc
    .array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.option(inner)), { maxLength: 20 })
    .map((pairs) => new Map(pairs));
const shape = shapeOf(shapeOf(shapeOf(fc.constant(null))));

/** A footer of one field more than a file has, as any writer of a later version may add. */
function withField(file: string, type: number, value: Buffer): string {
  const bytes = readFileSync(file);
  const footer = bytes.subarray(readParquetFooter(file).start, bytes.length - 9);
  const more = Buffer.concat([footer, Buffer.from([type, 200, 1]), value, Buffer.from([0])]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(more.length);
  const pages = bytes.subarray(0, bytes.length - 9 - footer.length);
  writeFileSync(path('more.parquet'), Buffer.concat([pages, more, length, Buffer.from('PAR1')]));
  return path('more.parquet');
}

describe('the compact protocol', () => {
  test('gives back the bytes of any tree, whatever of it was asked for', () => {
    fc.assert(
      fc.property(struct, shape, (tree, asked) => {
        const bytes = writeThrift(tree);
        const read = readThrift(bytes, asked);
        expect(writeThrift(read).equals(bytes)).toBe(true);
        for (const [id, { type, value }] of tree) {
          const isPlain = type <= 2 || (asked.get(id) === null && type <= 8);
          if (isPlain) expect(read.get(id)).toEqual({ type, value });
        }
      }),
    );
  });

  test('fields that nobody asked for take no memory of their own, however many items they have', async () => {
    const file = await write('plain.parquet', 'SELECT 1 AS i');
    const size = Buffer.from([0x80, 0xad, 0xe2, 0x04]);
    const structs = Buffer.concat([Buffer.from([0xfc]), size, Buffer.alloc(10_000_000)]);
    expect(readParquetFooter(withField(file, 9, structs))).toMatchObject({ columns: ['i'], groupRows: [1] });
    const pairs = Buffer.from([2, 0x85, 1, 97, 2, 1, 98, 4]);
    expect(readParquetFooter(withField(file, 11, pairs)).columns).toEqual(['i']);
    expect(readParquetFooter(withField(file, 6, Buffer.alloc(10, 255).fill(1, 9))).columns).toEqual(['i']);
    const out = await append(path('more.parquet'), [await write('one.parquet', 'SELECT 2 AS f')]);
    expect(readParquetFooter(out).columns).toEqual(['i', 'f']);
  });

  test.each([
    ['more items than bytes', 9, [0xf3, 255, 255, 255, 255, 7], /claims 2147483647 items, more than it has/],
    ['more pairs than bytes', 11, [255, 255, 255, 255, 7, 0x55], /claims 2147483647 items, more than it has/],
    ['structs in structs', 12, Array<number>(200_000).fill(0x1c), /is nested deeper than 64/],
    ['lists in lists', 9, Array<number>(200_000).fill(0x19), /is nested deeper than 64/],
    ['unknown types', 14, [0], /type 14 at byte \d+ of the footer is not known/],
  ])('%s are refused', async (_, type, value, message) => {
    const file = await write('plain.parquet', 'SELECT 1 AS i');
    expect(() => readParquetFooter(withField(file, type, Buffer.from(value)))).toThrow(message);
  });

  test('more fields than a machine holds are refused where they are asked for', () => {
    const structs = Buffer.concat([
      Buffer.from([0x19, 0xfc, 0x80, 0xad, 0xe2, 0x04]),
      Buffer.alloc(10_000_001),
    ]);
    expect(() => readThrift(structs, new Map([[1, new Map()]]))).toThrow('more than 10000000 fields');
  });

  test("gives back the very bytes of a writer's footer", async () => {
    const file = await write(
      'rich.parquet',
      `SELECT i, i::VARCHAR AS s, [i] AS l, {'a': i, 'b': [1.5]} AS o, MAP {'k': i} AS m, uuid() AS u, i::DECIMAL(30, 2) AS d,
        TIMESTAMP '2026-01-01' AS t FROM range(5000) t(i)`,
      ', ROW_GROUP_SIZE 2048, KV_METADATA {mine: 1}',
    );
    const bytes = readFileSync(file);
    const { start, metadata, columns, groupRows } = readParquetFooter(file);
    expect(writeThrift(metadata).equals(bytes.subarray(start, bytes.length - 8))).toBe(true);
    expect(columns).toEqual(['i', 's', 'l', 'o', 'm', 'u', 'd', 't']);
    expect(groupRows).toEqual([2_048, 2_048, 904]);
  });
});

describe('columns put behind a file', () => {
  test('must have its row groups', async () => {
    const labels = await write('labels.parquet', 'SELECT i FROM range(5000) t(i)', ', ROW_GROUP_SIZE 2048');
    const part = async (rows: number): Promise<string> =>
      await write(`part-${rows}.parquet`, `SELECT i AS f FROM range(${rows}) t(i)`);
    const [full, rest] = [await part(2_048), await part(904)];
    await expect(append(labels, [full, full])).rejects.toThrow('features for 2 of 3 row groups');
    await expect(append(labels, [full, rest])).rejects.toThrow(
      "row group 1 of the features does not fit the labels'",
    );
    await expect(append(labels, [full, full, rest, rest])).rejects.toThrow('row group 3 of the features');
    const out = await append(labels, [full, full, rest]);
    const rows = await duck.rows(
      `SELECT count(*) AS n, sum(i) AS i, sum(f) AS f FROM read_parquet(${quoteText(out)})`,
    );
    expect(rows).toEqual([{ n: 5_000n, i: 12_497_500n, f: 2n * 2_096_128n + 408_156n }]);
  });

  test('are seen by readers that keep a list of columns: the list goes, other metadata stays', async () => {
    const metadata = "'org.apache.spark.sql.parquet.row.metadata': '{}', mine: 'x', 'ARROW:schema': 'AAAA'";
    const labels = await write('labels.parquet', 'SELECT 1 AS i', `, KV_METADATA {${metadata}}`);
    const out = await append(labels, [await write('one.parquet', 'SELECT 2 AS f')]);
    const kept = await duck.rows(`SELECT key::VARCHAR AS key FROM parquet_kv_metadata(${quoteText(out)})`);
    expect(kept.map((row) => row['key'])).toEqual(['mine']);
  });

  test.each([
    ['an empty file', '', 'it is no Parquet file'],
    ['text', 'no Parquet at all', 'it is no Parquet file'],
    ['an encrypted file', 'PAR1........PARE', 'it is encrypted'],
    ['a length past the file', 'PAR1....\xff\xff\xff\x7fPAR1', 'it is no Parquet file'],
    ['a footer that ends early', 'PAR1\x15\x02\x02\x00\x00\x00PAR1', 'the footer ends within a field'],
  ])('%s is refused', (_, content, message) => {
    writeFileSync(path('bad.parquet'), Buffer.from(content, 'latin1'));
    expect(() => readParquetFooter(path('bad.parquet'))).toThrow(message);
  });
});

test('an Arrow schema that is none, or claims more fields than it holds, is left out', () => {
  const columns = [{ name: 'f', type: { kind: 'int64' } as const }];
  // Root -> Message at 16 (slots at 4, its header in the third) -> Schema at 36 (slots at 24) -> count of fields at 44.
  const message = Buffer.alloc(48);
  const numbers = { 0: 16, 4: 10, 12: 4, 16: 12, 20: 16, 24: 8, 30: 4, 36: 12, 40: 4 };
  for (const [at, number] of Object.entries(numbers)) message.writeUInt16LE(number, Number(at));
  const withFields = (count: number): string | null => {
    message.writeUInt32LE(count, 44);
    const head = Buffer.from([255, 255, 255, 255, 48, 0, 0, 0]);
    return joinedArrowSchema(Buffer.concat([head, message]).toString('base64'), { columns, zone: 'UTC' });
  };
  expect(withFields(0)).not.toBe(null);
  for (const count of [1, 3, 2 ** 26, 2 ** 28, 2 ** 31, 2 ** 32 - 1]) expect(withFields(count)).toBe(null);
  for (const text of [
    '',
    'AAAA',
    Buffer.from('no message at all, long enough to be read').toString('base64'),
  ])
    expect(joinedArrowSchema(text, { columns: [], zone: null })).toBe(null);
});
