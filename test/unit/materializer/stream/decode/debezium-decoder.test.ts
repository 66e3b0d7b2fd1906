import { expect, test } from 'vitest';
import type { Source } from '../../../../../contract/model.ts';
import { compileDecoder } from '../../../../../materializer/stream/decode/decoder.ts';

const source: Source = {
  name: 'orders',
  path: 'a',
  eventTime: 'at',
  createdTime: '_appended',
  maxAheadUs: null,
  stream: {
    topic: 'db.orders',
    folder: null,
    format: { kind: 'debezium' },
    fields: [
      { name: 'id', type: { kind: 'int64' }, unit: null },
      { name: 'at', type: { kind: 'timestamp' }, unit: 'us' },
    ],
    id: null,
    keyedBy: null,
    op: null,
  },
};
const decode = compileDecoder(source);
const decodeJson = (json: unknown) => decode(Buffer.from(JSON.stringify(json)));
const change = expect.stringMatching(/^[\w-]{22}$/) as string;
const event = (id: bigint, op: 1 | -1) => ({ values: [id, 5n], eventUs: 5, id: change, op });
const [OLD, NEW] = [
  { id: 1, at: 5, more: 'x' },
  { id: 2, at: 5 },
];

test.each([
  ['c', null, NEW, [event(2n, 1)]],
  ['r', null, NEW, [event(2n, 1)]],
  ['u', OLD, NEW, [event(1n, -1), event(2n, 1)]],
  ['d', OLD, null, [event(1n, -1)]],
  ['m', null, null, []],
])('a change %s takes back the row before and counts the row after', (op, before, after, events) => {
  const envelope = { before, after, source: { lsn: 1 }, op, ts_ms: 1 };
  expect(decodeJson(envelope)).toEqual(events);
  expect(decodeJson({ schema: { type: 'struct' }, payload: envelope })).toEqual(events);
});

test('a change is known by where it stands in the log and by its rows, not by when it was sent', () => {
  const idOf = (place: unknown, after: unknown = NEW, ts_ms = 1): unknown => {
    const events = decodeJson({ op: 'c', before: null, after, source: place, ts_ms });
    return typeof events === 'string' ? events : events[0]!.id;
  };
  const postgres = { connector: 'postgresql', name: 'shop', lsn: 7, txId: 3, sequence: '["1","7"]' };
  const mysql = { connector: 'mysql', name: 'shop', file: 'bin.1', pos: 9, row: 0 };
  const changes = [postgres, { ...postgres, lsn: 8 }, mysql, { ...mysql, row: 1 }, { ...mysql, name: 'b' }];
  expect(new Set(changes.map((one) => idOf(one))).size).toBe(changes.length);
  // Rows that one statement has written may stand at one place.
  expect(idOf(postgres, OLD)).not.toBe(idOf(postgres));
  expect(idOf({ ...postgres, sequence: null, ts_ms: 5 }, NEW, 2)).toBe(idOf(postgres));
  for (const nothing of [undefined, null, {}, { name: 'shop', ts_ms: 1 }, 'x'])
    expect(idOf(nothing)).toBeNull();
});

test('a tombstone says nothing, and what is no change is bad', () => {
  expect(decode(null)).toEqual([]);
  expect(decodeJson({ op: 'u', before: null, after: NEW })).toBe(
    'the message has the op u and no row before, which PostgreSQL writes with REPLICA IDENTITY FULL',
  );
  expect(decodeJson({ op: 't' })).toBe('the message has an op that should be one of c, r, u, d, m, got t');
  expect(decodeJson(NEW)).toBe('the message has an op that should be one of c, r, u, d, m, got null');
  expect(decodeJson({ op: '__proto__' })).toMatch(/got __proto__$/);
  expect(decodeJson({ op: 'c', after: { id: '1.0', at: 5 } })).toBe(
    'the message has after.id that should be int64, got "1.0"',
  );
  expect(decodeJson({ op: 'c', after: { id: 1 } })).toBe(
    'after.at is null, and says when the event happened',
  );
});
