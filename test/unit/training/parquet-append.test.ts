/** Footers of Parquet files: read and written again they are the same bytes, and columns that do not fit are refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { joinedArrowSchema } from '../../../training/arrow-schema.ts';
import { appendColumns, readParquetFooter } from '../../../training/parquet-append.ts';
import { readThrift, writeThrift } from '../../../training/thrift-compact.ts';
import type { ThriftField, ThriftStruct } from '../../../training/thrift-compact.ts';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';

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
  await appendColumns(labels, [{ name: 'f', type: { kind: 'int64' } }], files, path('out.parquet'));
  return path('out.parquet');
}

const leaf = fc.oneof(
  fc.boolean().map((value): ThriftField => ({ type: value ? 1 : 2, value })),
  fc
    .constantFrom(4, 5, 6)
    .chain((type) => fc.maxSafeInteger().map((n): ThriftField => ({ type, value: Math.trunc(n / 2) }))),
  fc.uint8Array({ maxLength: 200 }).map((bytes): ThriftField => ({ type: 8, value: Buffer.from(bytes) })),
  fc
    .array(fc.integer(), { maxLength: 20 })
    .map((items): ThriftField => ({ type: 9, value: { type: 5, items } })),
  fc
    .array(fc.boolean(), { maxLength: 20 })
    .map((items): ThriftField => ({ type: 9, value: { type: 1, items } })),
);
const fields = (value: fc.Arbitrary<ThriftField>): fc.Arbitrary<ThriftStruct> =>
  fc
    .array(fc.tuple(fc.integer({ min: 1, max: 300 }), value), { maxLength: 8 })
    .map((pairs) => new Map(pairs.toSorted(([a], [b]) => a - b)));
const struct = fields(
  fc.oneof(
    leaf,
    fields(leaf).map((value): ThriftField => ({ type: 12, value })),
  ),
);

describe('the compact protocol', () => {
  test('gives back any tree that it wrote', () => {
    fc.assert(
      fc.property(struct, (tree) => {
        expect(readThrift(writeThrift(tree))).toEqual(tree);
      }),
    );
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

test('an Arrow schema that is none is left out', () => {
  for (const text of [
    '',
    'AAAA',
    Buffer.from('no message at all, long enough to be read').toString('base64'),
  ])
    expect(joinedArrowSchema(text, [])).toBe(null);
});
