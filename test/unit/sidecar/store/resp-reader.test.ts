import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RespReader } from '../../../../sidecar/store/resp-reader.ts';

type Reply = readonly (Buffer | null)[] | string;

const bytes = fc
  .oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Uint8Array.from(Buffer.from('\r\n$3\r\n*1\r\n-'))))
  .map((array) => Buffer.from(array));
const anyReply: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.option(bytes, { freq: 4 }), { maxLength: 6 }) },
  fc.constantFrom('MOVED 7 127.0.0.1:7001', 'LOADING', 'ERR'),
);

const NOTHING_KNOWN = { knownRow: () => null };

function encode(reply: Reply): Buffer {
  if (typeof reply === 'string') return Buffer.from(`-${reply}\r\n`);
  const parts = reply.map((value) =>
    value === null
      ? Buffer.from('$-1\r\n')
      : Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]),
  );
  return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...parts]);
}

/** Hands the bytes in as they would be received, and reads after each portion. */
function readAll(replies: readonly Reply[], sizes: readonly number[]): unknown[] {
  const reader = new RespReader();
  const all = Buffer.concat(replies.map(encode));
  const read: unknown[] = [];
  let at = 0;
  for (let i = 0; at < all.length; i++) {
    const room = reader.room();
    const size = Math.min(sizes[i % sizes.length]!, room.length, all.length - at);
    all.copy(room, 0, at, at + size);
    reader.received(size);
    at += size;
    while (reader.hasMore) {
      const expected = replies[read.length]!;
      const rows: (string | null)[] = [];
      const state = reader.rows(typeof expected === 'string' ? 1 : expected.length, NOTHING_KNOWN, rows);
      if (state === 'begun') break;
      read.push(state === 'refused' ? reader.refusal : rows);
    }
  }
  return read;
}

describe('the reader of replies', () => {
  test('reads what was sent, wherever it was cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyReply, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
        (replies, sizes) => {
          const expected = replies.map((reply) =>
            typeof reply === 'string' ? reply : reply.map((value) => value?.toString('latin1') ?? null),
          );
          expect(readAll(replies, sizes)).toEqual(expected);
        },
      ),
    );
  });

  test('reads what was sent, whatever it is told to be known', () => {
    const known = fc.constantFrom(null, undefined, '', 'same', 'sama', 'tame', 'same ', '\xe9');
    const value = fc.constantFrom(null, '', 'same', 'other', '\xe9');
    fc.assert(
      fc.property(fc.array(fc.tuple(value, known), { minLength: 1, maxLength: 6 }), (pairs) => {
        const reader = new RespReader();
        const values = pairs.map(([of]) => (of === null ? null : Buffer.from(of, 'latin1')));
        reader.received(encode(values).copy(reader.room()));
        const rows: (string | null)[] = [];
        expect(reader.rows(values.length, { knownRow: (i) => pairs[i]![1] }, rows)).toBe('whole');
        expect(rows).toEqual(pairs.map(([of]) => of));
      }),
    );
  });

  test('a reply larger than its buffer comes whole', () => {
    const large = Buffer.alloc(300_000, 0xe9);
    const read = readAll([[Buffer.from('before')], [large, null]], [50_000]);
    expect(read).toEqual([['before'], [large.toString('latin1'), null]]);
  });

  test.each([
    '+OK\r\n',
    '*2\r\n',
    '*x\r\n',
    '*1\r\n:5\r\n',
    '*1\r\n$2\r\nabc\r\n',
    '*-1\r\n',
    'HTTP/1.1 400\r\n',
  ])('%j is no array of one value, and nothing behind it is read', (text) => {
    const reader = new RespReader();
    const rows: (string | null)[] = [];
    reader.received(reader.room().write(text));
    expect([reader.rows(1, NOTHING_KNOWN, rows), rows]).toEqual(['unreadable', []]);
  });

  test('a line is whole with its end, or refused', () => {
    const reader = new RespReader();
    reader.received(reader.room().write('+PO'));
    expect(reader.line()).toBe('begun');
    reader.received(reader.room().write('NG\r\n-NOAUTH please\r\n:1\r\n'));
    expect([reader.line(), reader.line(), reader.refusal]).toEqual(['whole', 'refused', 'NOAUTH please']);
    expect(reader.line()).toBe('unreadable');
  });
});
