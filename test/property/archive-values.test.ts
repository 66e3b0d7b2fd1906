/**
 * The archive's decoder against `decodeRowValues`: rows of any types and values, whole or damaged anywhere, are logged,
 * archived, and read back from Parquet. A row is there bit for bit, or its bytes are.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Bundle } from '../../contract/model.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { formatType, parseType } from '../../contract/value-type.ts';
import { decodeRowValues, RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES, readHeader } from '../../contract/wire/online/row-header.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import { anyType, anyValueOf } from '../support/fixtures/any-value.ts';
import { archivedRecords, recordsOf } from '../support/fixtures/archived-requests.ts';
import { bundleContent, customer, feature, service, view } from '../support/fixtures/serving-fixture.ts';
import { scratchFolder } from '../support/scratch.ts';
import { SERVED_US } from '../support/fixtures/served-requests.ts';

/** How a row is damaged: cut off, a byte changed, or bytes behind it. */
const damage = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constantFrom('cut' as const, 'change' as const, 'add' as const),
      where: fc.double({ min: 0, max: 1, noNaN: true }),
      byte: fc.nat(255),
    }),
  },
);

const rowsOfTypes = fc.array(anyType, { minLength: 1, maxLength: 8 }).chain((types) =>
  fc.record({
    types: fc.constant(types),
    rows: fc.array(fc.record({ values: fc.tuple(...types.map(anyValueOf)), damage }), {
      minLength: 1,
      maxLength: 60,
    }),
  }),
);

test('a row of any types is there bit for bit, and a damaged one keeps its bytes', async () => {
  const scratch = scratchFolder();
  let [whole, broken] = [0, 0];
  await fc.assert(
    fc.asyncProperty(rowsOfTypes, async ({ types, rows }) => {
      const folder = join(scratch, 'case');
      rmSync(folder, { recursive: true, force: true });
      const [bundle, schema] = bundleOf(folder, types);
      const encoder = new RowEncoder(schema);
      const stored = rows.map((row) => damaged(encoder.encode(SERVED_US, 0, 1_000, row.values), row.damage));
      const found = await archived(folder, bundle, stored);
      expect(found.map((row) => Number(row['_sequence']))).toEqual(stored.map((_, i) => i + 1));
      for (const [i, bytes] of stored.entries()) {
        const expected = readHeader(bytes) === null ? null : valuesOf(schema, bytes);
        const row = found[i]!;
        const got = types.map((type, f) => valueFromDuck(type, row[`v__f${f}`]!));
        if (expected === null) {
          broken += 1;
          expect(got).toEqual(types.map(() => null));
          expect(Buffer.from((row['undecoded'] as unknown as { bytes: Uint8Array }).bytes)).toEqual(bytes);
        } else {
          whole += 1;
          expect(row['undecoded']).toBe(null);
          expect(encoder.encode(0, 0, 0, got)).toEqual(encoder.encode(0, 0, 0, expected));
        }
      }
    }),
    { numRuns: 30 },
  );
  expect(whole).toBeGreaterThan(100);
  expect(broken).toBeGreaterThan(50);
});

test.each([
  ['an integer past 64 bits with a sign', 'int64', '91cfffffffffffffffff'],
  ['an integer past 32 bits', 'int32', '91ce80000000'],
  ['a negative integer past 32 bits', 'int32', '91d3ffffffff7fffffff'],
  ['a double for a float', 'float32', '91cb3ff0000000000000'],
  ['a map whose keys are out of order', 'map<bool>', '9182a162c3a161c3'],
  ['a map with a key twice', 'map<bool>', '9182a161c3a161c3'],
  ['text that is no UTF-8', 'string', '91a1ff'],
  ['a list that says it has four billion items', 'list<bool>', '91ddffffffffc3'],
  ['an embedding of another size', 'embedding(2)', '91c404 00000000'.replace(' ', '')],
  ['no value at all', 'bool', '91'],
])('%s is none of ours: the row keeps its bytes', async (_, type, values) => {
  const folder = scratchFolder();
  const [bundle, schema] = bundleOf(folder, [parseType(type)!]);
  const header = new RowEncoder(schema).encode(SERVED_US, 0, 1_000, [null]).subarray(0, HEADER_BYTES);
  const stored = Buffer.concat([header, Buffer.from(values, 'hex')]);
  expect(() => decodeRowValues(schema, stored)).toThrow(TypeError);
  const [found] = await archived(folder, bundle, [stored]);
  expect(found!['v__f0']).toBe(null);
  expect(Buffer.from((found!['undecoded'] as unknown as { bytes: Uint8Array }).bytes)).toEqual(stored);
});

test('a record without vectors, whatever comes behind it, takes no columns from those of its kind', async () => {
  const folder = scratchFolder();
  const [bundle, schema] = bundleOf(folder, [parseType('int64')!]);
  const stored = new RowEncoder(schema).encode(SERVED_US, 0, 1_000, [7n]);
  const found = await archived(folder, bundle, [null, stored]);
  expect(found.map((row) => [row['_sequence'], row['v__f0']])).toEqual([[2n, 7n]]);
});

function bundleOf(folder: string, types: readonly ValueType[]) {
  const features = types.map((type, i) => feature(`f${i}`, formatType(type)));
  const of = view('v', customer, features);
  const content = bundleContent([of]);
  const services = new Map([['all', service('all', [{ view: of, of: customer }])]]);
  const bundle = publishBundle(join(folder, 'bundles'), { ...content, services });
  return [bundle, bundle.schemas.get('v')![0]!] as const;
}

function valuesOf(schema: Parameters<typeof decodeRowValues>[0], row: Buffer): Value[] | null {
  if (readHeader(row)!.definitionId !== schema.definitionId) return null;
  try {
    return decodeRowValues(schema, row);
  } catch {
    return null;
  }
}

function damaged(row: Buffer, how: { what: string; where: number; byte: number } | null): Buffer {
  if (how === null) return row;
  const at = Math.min(row.length - 1, Math.floor(how.where * row.length));
  if (how.what === 'cut') return row.subarray(0, at);
  if (how.what === 'add') return Buffer.concat([row, Buffer.from([how.byte])]);
  const changed = Buffer.from(row);
  changed[at] = how.byte;
  return changed;
}

/**
 * @param stored  null: a record without vectors
 * @returns       a row a stored row, as the Parquet has them
 */
async function archived(folder: string, bundle: Bundle, stored: readonly (Buffer | null)[]) {
  const records = recordsOf(stored.map((row) => request(bundle, row)));
  return await archivedRecords(folder, records, { select: '*, _view__v.undecoded AS undecoded' });
}

function request(bundle: Bundle, row: Buffer | null): ServedRequest {
  const times = { fetchedUs: SERVED_US - 1, watermarkUs: 0 };
  return {
    requestId: 'r',
    servedUs: SERVED_US,
    surface: 0,
    service: 'all',
    serviceVersion: 3,
    bundle: bundle.hash,
    keyNames: ['customer_id'],
    features: [],
    vectors:
      row === null
        ? []
        : [{ keys: ['17'], rows: [{ role: 'v', view: 'v', status: 0, source: 2, row, ...times }] }],
    answer: null,
  };
}
