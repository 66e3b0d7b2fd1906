import { expect, test } from 'vitest';
import type { Source } from '../../../../../contract/model.ts';
import type { StreamSource, TimeUnit } from '../../../../../contract/stream-source.ts';
import { parseType } from '../../../../../contract/value-type.ts';
import { compileDecoder } from '../../../../../materializer/stream/decode/decoder.ts';

function sourceOf(
  fields: Readonly<Record<string, string>>,
  more: Partial<StreamSource> = {},
  unit: TimeUnit = 'ms',
): Source {
  const stream: StreamSource = {
    topic: 'clicks',
    folder: null,
    format: { kind: 'json' },
    fields: Object.entries({ at: 'timestamp', ...fields }).map(([name, type]) => ({
      name,
      type: parseType(type)!,
      unit: type.includes('timestamp') ? unit : null,
    })),
    id: null,
    keyedBy: null,
    op: null,
    ...more,
  };
  return { name: 'clicks', path: 'a', eventTime: 'at', createdTime: '_appended', maxAheadUs: null, stream };
}

const AT = 1_700_000_000_000;
const decodeText = (source: Source, text: string | Uint8Array | null) =>
  compileDecoder(source)(typeof text === 'string' ? Buffer.from(text) : text);

/** Of one field `x`: its value, or why the message is bad. */
function valueOf(type: string, json: string): unknown {
  const decoded = decodeText(sourceOf({ x: type }), `{"at":${AT},"x":${json}}`);
  return typeof decoded === 'string' ? decoded : decoded[0]!.values[1];
}

test('a message is one event: values in the order of the fields, time, id and op', () => {
  const source = sourceOf(
    { user_id: 'int64', page: 'string', price: 'float64', id: 'string', kind: 'string' },
    { id: 'id', op: { column: 'kind', insert: ['c', 'r'], delete: ['d'] } },
  );
  const message = `{"page":"/é","kind":"d","more":{"a":[1,{"b":"}"}]},"at":${AT},"user_id":9007199254740993,"id":"7"}`;
  expect(decodeText(source, message)).toEqual([
    {
      values: [BigInt(AT) * 1000n, 9007199254740993n, '/é', null, '7', 'd'],
      eventUs: AT * 1000,
      id: '7',
      op: -1,
    },
  ]);
  expect(decodeText(source, message.replace('"d"', '"x"'))).toBe('kind should be one of c, r, d, got x');
});

test.each([
  ['int64', '9223372036854775807', 9223372036854775807n],
  ['int64', '"-9223372036854775808"', -9223372036854775808n],
  ['int64', '-0', 0n],
  ['int32', '-2147483648', -2147483648],
  ['float64', '0.1', 0.1],
  ['float64', '-1.5e-7', -1.5e-7],
  ['float64', '-0', -0],
  ['float64', '123456789012345678', 123456789012345680],
  ['float32', '0.1', Math.fround(0.1)],
  ['bool', 'true', true],
  ['string', '"a\\u0041\\n\\ud83d\\ude00"', 'aA\n😀'],
  ['string', '"😀"', '😀'],
  ['bytes', '"AP8="', new Uint8Array([0, 255])],
  ['list<int64>', '[1, null, "2"]', [1n, null, 2n]],
  ['list<string>', '[ ]', []],
  ['embedding(2)', '[1, 0.5]', Float32Array.of(1, 0.5)],
  [
    'map<float64>',
    '{"a": 1, "__proto__": 2}',
    new Map([
      ['a', 1],
      ['__proto__', 2],
    ]),
  ],
  ['struct<a: int32, b: string>', '{"b":"x","c":[]}', { a: null, b: 'x' }],
  ['timestamp', '12', 12_000n],
  ['string', 'null', null],
])('%s takes %s', (type, json, value) => {
  expect(valueOf(type, json)).toEqual(value);
});

test.each([
  ['int64', '1.0', 'the message has x that should be int64, got 1.0'],
  ['int64', '1e3', 'the message has x that should be int64, got 1e3'],
  ['int64', '9223372036854775808', 'the message has x that should be int64, got 9223372036854775808'],
  ['int64', '"01"', 'the message has x that should be int64, got "01"'],
  ['int64', '01', 'the message is no JSON: expected "," or "}" at character 26, got 1'],
  ['int32', '2147483648', 'the message has x that should be int32, got 2147483648'],
  ['float64', '"NaN"', 'the message has x that should be float64, got "NaN"'],
  ['float64', 'NaN', 'the message has x that should be float64, got NaN'],
  ['float64', '1e999', 'the message has x that should be float64, got 1e999'],
  ['float32', '1e39', 'the message has x that should be float32, got 1e39'],
  ['bool', '1', 'the message has x that should be bool, got 1'],
  ['string', '1', 'the message has x that should be string, got 1'],
  ['string', '"\\ud83d"', 'the message has half a surrogate pair in the text at character 25'],
  [
    'string',
    '"\\x"',
    'the message is no JSON: expected a text with escapes that there are at character 25, got "\\x"',
  ],
  ['string', '"a', 'the message is no JSON: the text at character 25 has no end'],
  ['bytes', '"AP8"', 'the message has x that should be bytes, got "AP8"'],
  ['list<int64>', '[1, 2.5]', 'the message has x[] that should be int64, got 2.5'],
  ['list<int64>', '[1,]', 'the message has x[] that should be int64, got nothing'],
  ['embedding(2)', '[1]', 'the message has x that should be embedding(2), got a list'],
  ['embedding(2)', '[1, null]', 'the message has x that should be embedding(2), got a list'],
  ['map<float64>', '{"a": 1, "\\u0061": 2}', 'the message has x.a twice'],
  ['struct<a: int32>', '{"a":1,"a":1}', 'the message has x.a twice'],
  ['string', '"a", "x": "b"', 'the message has x twice'],
  ['string', 'null, "\\u0078": null', 'the message has x twice'],
  ['string', '"a", "y": [1,2', 'the message is no JSON: the value at character 35 is none'],
  ['string', '"a", "y": [1 2]', 'the message is no JSON: the value at character 35 is none'],
  ['string', '"a"} {', 'the message is no JSON: expected its end at character 30, got an object'],
])('%s refuses %s', (type, json, reason) => {
  expect(valueOf(type, json)).toBe(reason);
});

test('what is no message is bad, and an event needs a time that this program can hold', () => {
  const source = sourceOf({});
  expect(decodeText(source, null)).toBe('the message has no value');
  expect(decodeText(source, '')).toBe('the message is no JSON: expected "{" at character 1, got nothing');
  expect(decodeText(source, '[]')).toBe('the message is no JSON: expected "{" at character 1, got a list');
  expect(decodeText(source, Uint8Array.of(0x7b, 0xff, 0x7d))).toBe('the message is no UTF-8');
  expect(decodeText(source, '\ufeff {"at":0} ')).toEqual([{ values: [0n], eventUs: 0, id: null, op: 1 }]);
  expect(decodeText(source, '{}')).toBe('at is null, and says when the event happened');
  expect(decodeText(source, '{"at":-1}')).toBe('at lies before 1970, got 1969-12-31T23:59:59.999000Z');
  expect(decodeText(source, '{"at":9300000000000}')).toMatch(/^at lies past the year 2255, got 2264-/);
  expect(decodeText(source, '{"at":9300000000000000}')).toMatch(
    /at should be|at that should be timestamp in ms/,
  );
  expect(decodeText(sourceOf({}, {}, 'rfc3339'), '{"at":"2026-01-31T06:00:00.5Z"}')).toEqual([
    { values: [1_769_839_200_500_000n], eventUs: 1_769_839_200_500_000, id: null, op: 1 },
  ]);
});
