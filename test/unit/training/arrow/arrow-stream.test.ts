/** Arrow streams: what is written reads back to the bit, from pieces of any size; what is cut or bent is refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { ArrowStream, StreamFault } from '../../../../training/arrow/arrow-stream.ts';
import { BadValue } from '../../../../training/arrow/arrow-values.ts';
import { misfitOf } from '../../../../training/arrow/arrow-field.ts';
import type { ArrowColumn } from '../../../../training/arrow/arrow-field.ts';
import { anyType, anyValueOf } from '../../../support/fixtures/any-value.ts';
import { inPieces, rowsOf, streamOf } from '../../../support/fixtures/arrow-stream.ts';
import { isSameBits } from '../../../support/fixtures/random-values.ts';

const anyStream = fc.array(anyType, { minLength: 1, maxLength: 6 }).chain((types) =>
  fc.record({
    columns: fc.constant(types.map((type, i): ArrowColumn => ({ name: `c${i} é`, type }))),
    batches: fc.array(
      fc.array(fc.tuple(...types.map((type) => fc.option(anyValueOf(type)))), { maxLength: 20 }),
      {
        maxLength: 3,
      },
    ),
  }),
);

test('values of any types read back to the bit, whatever pieces the bytes come in', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyStream,
      fc.integer({ min: 1, max: 5_000 }),
      async ({ columns, batches }, pieceBytes) => {
        const found = await rowsOf(streamOf(columns, batches), columns, pieceBytes);
        expect(found.map((rows) => rows.length)).toEqual(batches.map((rows) => rows.length));
        for (const [b, rows] of batches.entries())
          for (const [r, row] of rows.entries())
            for (const [c, value] of row.entries())
              expect(
                isSameBits(columns[c]!.type, value, found[b]![r]![c]!),
                `${columns[c]!.name} of row ${r}`,
              ).toBe(true);
      },
    ),
  );
});

test('the schema that is written is that of the types', async () => {
  await fc.assert(
    fc.asyncProperty(anyType, async (type) => {
      const [field] = await new ArrowStream(inPieces(streamOf([{ name: 'x', type }], []), 64)).schema();
      expect(misfitOf(field!, type)).toBe(null);
    }),
  );
});

describe('damage', () => {
  const columns: ArrowColumn[] = [
    { name: 'id', type: { kind: 'int64' } },
    { name: 'texts', type: parseType('list<string>')! },
    { name: 'map', type: parseType('map<struct<a: float64>>')! },
  ];
  const rows: Value[][] = [
    [1n, ['a', null, 'bcd'], new Map([['k', { a: -0 }]])],
    [null, null, new Map()],
    [3n, [], null],
  ];
  const whole = streamOf(columns, [rows, rows]);

  test('a stream that is cut anywhere is refused', async () => {
    for (let bytes = 0; bytes < whole.length; bytes++)
      await expect(rowsOf(whole.subarray(0, bytes), columns, 97), `${bytes} bytes`).rejects.toThrow(
        StreamFault,
      );
    expect(await rowsOf(whole, columns, 97)).toHaveLength(2);
  });

  test('a byte that is another gives values or a fault, and never another error', async () => {
    let faults = 0;
    for (let at = 0; at < whole.length; at++) {
      for (const bits of [0x01, 0x80, 0xff]) {
        const bent = Buffer.from(whole);
        bent[at]! ^= bits;
        try {
          await rowsOf(bent, columns, whole.length);
        } catch (error) {
          expect(
            error instanceof StreamFault || error instanceof BadValue,
            `byte ${at}: ${(error as Error).stack}`,
          ).toBe(true);
          faults += 1;
        }
      }
    }
    expect(faults).toBeGreaterThan(whole.length / 4);
  });

  test.each([
    ['nothing', Buffer.alloc(0), 'nothing came'],
    ['text', Buffer.from('{"a": 1}\n{"a": 2}\n'), 'no message of Arrow begins'],
    ['a file in place of a stream', Buffer.from('ARROW1\0\0aaaaaaaaaaaa'), 'it is an Arrow file'],
    ['an end alone', Buffer.from('ffffffff00000000', 'hex'), 'it ends before its schema'],
    ['two streams', Buffer.concat([whole, whole]), 'more bytes come behind its end'],
    ['a stream that was not closed', whole.subarray(0, -8), 'it has no end'],
    ['a second schema', Buffer.concat([streamOf(columns, []).subarray(0, -8), whole]), 'a second schema'],
    ['a batch first', whole.subarray(streamOf(columns, []).length - 8), 'it begins with a batch'],
  ])('%s', async (_, bytes, message) => {
    await expect(rowsOf(bytes, columns)).rejects.toThrow(message);
  });
});

/** What pyarrow wrote of every layout that is read: test/golden/arrow-streams.py makes it. */
const GOLDEN = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../golden/arrow-streams.json'), 'utf8'),
) as Readonly<Record<string, { readonly type: string; readonly stream: string }>>;

describe('streams of pyarrow', () => {
  const read = async (name: string): Promise<Value[]> => {
    const { type, stream } = GOLDEN[name]!;
    const column = { name: 'x', type: parseType(type)! };
    const bytes = Buffer.from(stream, 'base64');
    const [field] = await new ArrowStream(inPieces(bytes, 50)).schema();
    expect(misfitOf(field!, column.type)).toBe(null);
    return (await rowsOf(bytes, [column])).flatMap((rows) => rows.map(([value]) => value!));
  };

  test.each<[string, Value[]]>([
    ['bool', [true, null, false, true, true, true, true, true, false, true]],
    ['int8', [-128, null, 127]],
    ['uint16', [0, null, 65_535]],
    ['int32', [-(2 ** 31), null, 2 ** 31 - 1]],
    ['uint32', [0n, null, 2n ** 32n - 1n]],
    ['int64', [-(2n ** 63n), null, 2n ** 63n - 1n]],
    ['float32', [-0, null, Math.fround(0.1), NaN, Infinity]],
    ['float64', [-0, null, 0.1, NaN, -Infinity, 5e-324]],
    ['string', ['', null, '\ufeffé\0', '\u{1f600}']],
    ['large_string', ['a', null, 'bc']],
    ['bytes', [Uint8Array.of(), null, Uint8Array.of(0, 255)]],
    ['large_binary', [Uint8Array.of(1), null, Uint8Array.of(2, 3)]],
    ['timestamp_s', [1_000_000n, null, -1_000_000n]],
    ['timestamp_ms', [1_000n, null, -1_000n]],
    ['timestamp_us', [1n, null, -1n]],
    ['timestamp_ns', [1n, null, -1n]],
    ['list', [[1n, null], null, [], [2n]]],
    ['large_list', [['a'], null, [null, 'b']]],
    ['fixed_list', [[1, 2], null, [3, null]]],
    ['embedding', [Float32Array.of(1, -0), null, Float32Array.of(0.5, 2)]],
    ['embedding_of_list', [Float32Array.of(1, -0), null]],
    [
      'map',
      [
        new Map([
          ['b', 1.5],
          ['a', null],
        ]),
        null,
        new Map(),
      ],
    ],
    ['struct', [{ a: 1, b: ['x'] }, null, { a: null, b: null }]],
    ['nulls', [null, null]],
    ['sliced', [['c'], ['d', 'e']]],
    ['two_batches', [1n, 2n, 3n]],
  ])('%s', async (name, expected) => {
    const { type } = GOLDEN[name]!;
    const found = await read(name);
    expect(found).toHaveLength(expected.length);
    for (const [i, value] of expected.entries())
      expect(isSameBits(parseType(type)!, value, found[i]!), `${name} ${i}: ${String(found[i])}`).toBe(true);
  });

  test.each([
    ['dictionary', 'string', 'expected string, got dictionary'],
    ['decimal', 'float64', 'expected float64, got decimal'],
    ['date', 'timestamp', 'expected timestamp, got date'],
    ['uint64', 'int64', 'expected int64, got uint64'],
    ['int64', 'int32', 'expected int32, got int64'],
    ['int64', 'float64', 'expected float64, got int64'],
    ['float64', 'float32', 'expected float32, got float64'],
    ['struct', 'struct<a: int32>', 'expected struct<a: int32>, got struct<b: list<string>, a: int32>'],
    ['map', 'map<string>', 'expected map<string>, got map<string, float64>'],
    ['fixed_list', 'embedding(3)', 'expected embedding(3), got list<int32>'],
  ])('%s is no %s', async (name, type, message) => {
    const stream = new ArrowStream(inPieces(Buffer.from(GOLDEN[name]!.stream, 'base64'), 100));
    const [field] = await stream.schema();
    expect(misfitOf(field!, parseType(type)!)).toBe(message);
  });

  test('compressed buffers are refused with what to do', async () => {
    await expect(read('compressed')).rejects.toThrow('write them without compression');
  });

  test.each([
    ['time_between', 'timestamp', 'the time 1001 ns is no whole microsecond'],
    ['time_past', 'timestamp', 'is past 2^63 microseconds'],
    ['map_twice', 'map<int32>', 'a map has the key "a" twice'],
    ['embedding_short', 'embedding(2)', 'it has 1 numbers, and an embedding(2) was expected'],
    ['embedding_null', 'embedding(2)', 'an embedding has a null in it'],
    ['no_utf8', 'string', 'its text is no UTF-8'],
  ])('%s is a bad value', async (name, type, message) => {
    const bytes = Buffer.from(GOLDEN[name]!.stream, 'base64');
    await expect(rowsOf(bytes, [{ name: 'x', type: parseType(type)! }])).rejects.toThrow(message);
  });
});
