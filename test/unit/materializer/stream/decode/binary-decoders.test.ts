/**
 * Protocol Buffers and Avro from definition to values. Messages of Protocol Buffers are written by protobufjs, those of
 * Avro by hand from the specification.
 */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import type { Source } from '../../../../../contract/model.ts';
import { compileDecoder } from '../../../../../materializer/stream/decode/decoder.ts';
import { compileProject } from '../../../../../registry/definitions/compile.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

const PROTO = `
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "common/place.proto";
enum Kind { UNKNOWN = 0; VIEW = 1; BUY = 2; }
message Click {
  int64 user_id = 1;
  optional string page = 2;
  double price = 3;
  google.protobuf.Timestamp at = 4;
  Kind kind = 5;
  repeated sint32 steps = 6;
  map<string, uint64> counts = 7;
  Place place = 8;
  google.protobuf.Int32Value visits = 9;
  bytes raw = 10;
  fixed64 big = 11;
  repeated Place places = 12;
  bool open = 13;
  repeated float vector = 14;
  string more = 99;
}`;
const PLACE = 'syntax = "proto3"; package shop; message Place { double lat = 1; optional int32 floor = 2; }';

const AVRO = JSON.stringify({
  type: 'record',
  name: 'Click',
  namespace: 'shop',
  fields: [
    { name: 'user_id', type: 'long' },
    { name: 'more', type: ['null', 'Click'] },
    { name: 'page', type: ['null', 'string'], default: null },
    { name: 'price', type: 'double', doc: 'in euros' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['VIEW', 'BUY'] } },
    { name: 'steps', type: { type: 'array', items: 'int' } },
    { name: 'place', type: { type: 'record', name: 'Place', fields: [{ name: 'lat', type: 'double' }] } },
  ],
});

const COMMON =
  'user_id: int64, page: string, price: float64, at: timestamp, kind: string, steps: list<int32>';

async function sourceOf(format: string, fields: string): Promise<Source> {
  const yaml = `
entity: user
joinKeys: { user_id: int64 }
---
source: clicks
stream: { topic: clicks, format: ${format}, archive: data/clicks }
fields: { ${fields} }
eventTime: at
---
featureView: clicks
entity: user
source: clicks
features: { n: { agg: count } }
`;
  const folder = scratchFolder({
    'clicks.yaml': yaml,
    'schemas/click.proto': PROTO,
    'common/place.proto': PLACE,
    'schemas/click.avsc': AVRO,
  });
  const { views } = await compileProject({ folder, definitions: ['*.yaml'] });
  return views.get('clicks')!.source;
}

const FULL = `${COMMON}, counts: map<int64>, place: "struct<lat: float64, floor: int32>", visits: int32, raw: bytes,
  big: int64, places: "list<struct<lat: float64>>", open: bool, vector: embedding(2)`;
const PROTOBUF = '{ protobuf: { file: schemas/click.proto, message: Click } }';

function clickType(): protobuf.Type {
  const root = new protobuf.Root();
  for (const text of [PLACE, PROTO]) protobuf.parse(text, root, { keepCase: true });
  for (const name of ['google/protobuf/timestamp.proto', 'google/protobuf/wrappers.proto'])
    root.addJSON((protobuf.common as unknown as { get(of: string): { nested: never } }).get(name).nested);
  return root.lookupType('shop.Click');
}

const write = (message: object): Buffer => {
  const type = clickType();
  return Buffer.from(type.encode(type.fromObject(message as Record<string, unknown>)).finish());
};

test('fields of a message are read as values of their types, and others passed over', async () => {
  const decode = compileDecoder(await sourceOf(PROTOBUF, FULL));
  const message = {
    user_id: '-9007199254740993',
    page: 'é',
    price: 0.1,
    at: { seconds: 1_700_000_000, nanos: 123_456_789 },
    kind: 2,
    steps: [-1, 2, -(2 ** 31)],
    counts: { a: 1, b: '9223372036854775807' },
    place: { lat: 52.1 },
    visits: { value: 0 },
    raw: Buffer.from([0, 255]),
    big: 7,
    places: [{ lat: 1 }, {}],
    open: true,
    vector: [1, 0.5],
    more: 'x',
  };
  const us = 1_700_000_000_123_456n;
  const values = [
    -9007199254740993n,
    'é',
    0.1,
    us,
    'BUY',
    [-1, 2, -(2 ** 31)],
    new Map([
      ['a', 1n],
      ['b', 2n ** 63n - 1n],
    ]),
    { lat: 52.1, floor: null },
    0,
    new Uint8Array([0, 255]),
    7n,
    [{ lat: 1 }, { lat: 0 }],
    true,
    Float32Array.of(1, 0.5),
  ];
  const expected = [{ values, eventUs: Number(us), id: null, op: 1 }];
  const bytes = write(message);
  expect(decode(bytes)).toEqual(expected);
  expect(decode(Buffer.concat([Buffer.from([0, 0, 0, 0, 7, 0]), bytes]))).toEqual(expected);
  expect(decode(Buffer.concat([Buffer.from([0, 0, 0, 0, 7, 4, 2, 0]), bytes]))).toEqual(expected);
});

test('what proto3 leaves out is its default, and null where it can be left out', async () => {
  const decode = compileDecoder(await sourceOf(PROTOBUF, FULL.replace('embedding(2)', 'list<float64>')));
  expect(decode(write({ at: {} }))).toEqual([
    {
      values: [0n, null, 0, 0n, 'UNKNOWN', [], new Map(), null, null, new Uint8Array(0), 0n, [], false, []],
      eventUs: 0,
      id: null,
      op: 1,
    },
  ]);
});

test('a message of Protocol Buffers that does not fit is bad, and says why', async () => {
  const decode = compileDecoder(await sourceOf(PROTOBUF, FULL));
  const good = { at: {}, vector: [1, 2] };
  const max = '18446744073709551615';
  expect(decode(null)).toBe('the message has no value');
  expect(decode(write({}))).toMatch('vector should be embedding(2), got no number');
  expect(decode(write({ ...good, big: max }))).toBe(
    'the message is no shop.Click: big should be int64, got 18446744073709551615',
  );
  expect(decode(write({ ...good, kind: 9 }))).toBe(
    'the message is no shop.Click: kind has no name for the number 9',
  );
  expect(decode(write({ ...good, at: { seconds: 1, nanos: -1 } }))).toMatch('at is no time');
  const cut = write({ ...good, page: 'abc' });
  expect(decode(cut.subarray(0, cut.length - 1))).toMatch('the message is no shop.Click: ');
  expect(decode(Buffer.from([0x12, 0x01, 0xff]))).toMatch('field 2 is not UTF-8');
  expect(decode(Buffer.from([0, 0, 0]))).toMatch('its header has no end');
});

const zigzag = (value: bigint | number): number[] => {
  let left = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return [...bytes, Number(left)];
};
const text = (value: string): number[] => [...zigzag(Buffer.byteLength(value)), ...Buffer.from(value)];
const double = (value: number): number[] => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [...bytes];
};
const NOBODY = [0];
const click = (user: bigint, more: number[] = NOBODY): number[] => [
  ...zigzag(user),
  ...more,
  ...zigzag(1),
  ...text('é'),
  ...double(0.1),
  ...zigzag(1_700_000_000_123n),
  ...zigzag(1),
  ...zigzag(-2),
  ...zigzag(2),
  ...zigzag(-1),
  ...zigzag(7),
  0,
  ...double(52.1),
];
const AVRO_FORMAT = '{ avro: { file: schemas/click.avsc } }';

test('a record of Avro is read as values of its types, with and without a header', async () => {
  const decode = compileDecoder(await sourceOf(AVRO_FORMAT, `${COMMON}, place: "struct<lat: float64>"`));
  const user = -(2n ** 63n);
  const us = 1_700_000_000_123_000n;
  const values = [user, 'é', 0.1, us, 'BUY', [-1, 7], { lat: 52.1 }];
  const expected = [{ values, eventUs: Number(us), id: null, op: 1 }];
  expect(decode(Buffer.from(click(user)))).toEqual(expected);
  expect(decode(Buffer.from([0, 0, 0, 0, 9, ...click(user)]))).toEqual(expected);
  expect(decode(Buffer.from(click(user, [2, ...click(5n)])))).toEqual(expected);
});

test('bytes that are no record are bad, whatever they are', async () => {
  const decode = compileDecoder(await sourceOf(AVRO_FORMAT, COMMON));
  const whole = click(1n);
  expect(decode(Buffer.from(whole.slice(0, -1)))).toBe(
    'the message should have 8 bytes more, and 7 are left',
  );
  expect(decode(Buffer.from([...whole, 0]))).toBe('the message has 1 bytes behind its record');
  expect(decode(Buffer.from([...zigzag(1), 4]))).toBe('the message names the type or symbol 2 of 2');
  // A record in a record, and so on, until the message ends.
  const nested = Buffer.concat([Buffer.from(zigzag(1)), Buffer.alloc(200_000, 2)]);
  expect(decode(nested)).toBe('the message is nested too deep');
  let seed = 1;
  for (let i = 0; i < 5_000; i++) {
    const bytes = Buffer.from(whole);
    for (let n = 0; n < 3; n++) {
      seed = (seed * 48_271) % 2_147_483_647;
      bytes[seed % bytes.length] = seed & 255;
    }
    const decoded = decode(bytes);
    if (typeof decoded !== 'string') expect(decoded).toHaveLength(1);
  }
});

test.each([
  [
    '{ protobuf: { file: schemas/click.proto } }',
    COMMON,
    'format: expected { protobuf: { file: ..., message: ... } }',
  ],
  ['{ avro: { file: schemas/none.avsc } }', COMMON, 'cannot be read with schemas/none.avsc: ENOENT'],
  ['{ avro: { file: common/place.proto } }', COMMON, 'cannot be read with common/place.proto: it is no JSON'],
  [
    '{ protobuf: { file: schemas/click.avsc, message: Click } }',
    COMMON,
    'cannot be read with schemas/click.avsc: illegal token',
  ],
  ['{ protobuf: { file: schemas/click.proto, message: Clack } }', COMMON, 'no such type: Clack'],
  [
    PROTOBUF,
    `${COMMON}, pages: string`,
    'field "pages": shop.Click has no field "pages", did you mean "page"?',
  ],
  [
    PROTOBUF,
    `${COMMON}, raw: string`,
    'field "raw": shop.Click.raw is bytes, which cannot be read as string',
  ],
  [
    PROTOBUF,
    `${COMMON}, big: timestamp`,
    'shop.Click.big is fixed64, which cannot be read as timestamp without a unit',
  ],
  [
    PROTOBUF,
    `${COMMON}, place: "struct<lat: string>"`,
    'shop.Place.lat is double, which cannot be read as string',
  ],
  [
    AVRO_FORMAT,
    `${COMMON}, place: "struct<lot: float64>"`,
    'shop.Place has no field "lot", did you mean "lat"?',
  ],
  [
    AVRO_FORMAT,
    `${COMMON}, more: int64`,
    'shop.Click.more is one of null, the record shop.Click, which cannot be read as int64',
  ],
])('%s with %s is a mistake', async (format, fields, sentence) => {
  await expect(sourceOf(format, fields)).rejects.toThrow(sentence);
});

test('a bundle holds the schema, and the file is needed no more', async () => {
  const { stream } = await sourceOf(PROTOBUF, COMMON);
  expect(stream!.format).toMatchObject({ file: join('schemas', 'click.proto'), message: 'shop.Click' });
});
