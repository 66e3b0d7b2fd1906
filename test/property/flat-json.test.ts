/**
 * The short way from bytes to values against the long one: of messages that are whole, or have any byte changed, it
 * gives what the long way gives, or leaves them to it.
 */
import { expect, test } from 'vitest';
import { FlatJson } from '../../materializer/stream/decode/json/flat-json.ts';
import { JsonCursor } from '../../materializer/stream/decode/json/json-cursor.ts';
import { jsonMembers, jsonReader } from '../../materializer/stream/decode/json/json-value.ts';
import type { StreamField } from '../../contract/stream-source.ts';
import { seededRandom } from '../support/seeded-random.ts';

const RUNS = Number(process.env['PLUMB_RUNS'] ?? 5) * 1_000;

const FIELDS: readonly StreamField[] = [
  { name: 'i', type: { kind: 'int32' }, unit: null },
  { name: 'l', type: { kind: 'int64' }, unit: null },
  { name: 'f', type: { kind: 'float32' }, unit: null },
  { name: 'd', type: { kind: 'float64' }, unit: null },
  { name: 'b', type: { kind: 'bool' }, unit: null },
  { name: 's', type: { kind: 'string' }, unit: null },
  { name: 'at', type: { kind: 'timestamp' }, unit: 'ms' },
];
const TEXTS = ['""', '"a"', '"/page/17"', '"/page/18"', '"ü"', '"\\u0061"', `"${'long '.repeat(20)}"`];
const VALUES = [
  ...TEXTS,
  'null',
  'true',
  'false',
  '0',
  '-0',
  '7',
  '-12',
  '2147483648',
  '999999999999999',
  '9007199254740993',
  '1.5',
  '-0.1',
  '0.30',
  '12345.678901',
  '1e3',
  '1E-2',
  '1764417590000',
  '[1]',
  '{"x":1}',
];

test('the short way reads what the long way reads, or nothing', () => {
  const random = seededRandom();
  const draw = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const flat = FlatJson.of(FIELDS)!;
  const long = jsonMembers(
    '',
    FIELDS.map(({ name, type, unit }) => ({ name, read: jsonReader(name, type, unit) })),
  );
  let taken = 0;
  for (let run = 0; run < RUNS; run++) {
    const names = [...FIELDS.map(({ name }) => name), 'other', 'more'].filter(() => random() < 0.7);
    if (random() < 0.3) names.reverse();
    if (random() < 0.1) names.push(draw(['i', 's']));
    const members = names.map((name) => `${draw(['', ' '])}"${name}"${draw(['', ' '])}:${usual(name, draw)}`);
    const bytes = Buffer.from(`{${members.join(',')}${draw(['', '\n'])}}${draw(['', ' ', '\r\n'])}`);
    if (random() < 0.3)
      bytes[Math.floor(random() * bytes.length)] = draw([0x00, 0x22, 0x2c, 0x7d, 0x30, 0x2e, 0x65]);
    const read = flat.read(bytes);
    if (read === null) continue;
    taken += 1;
    const cursor = new JsonCursor();
    const values = cursor.open(bytes) ? long(cursor) : undefined;
    expect([bytes.toString(), values !== undefined && cursor.atEnd()]).toEqual([bytes.toString(), true]);
    expect([bytes.toString(), read]).toEqual([bytes.toString(), values]);
  }
  expect(taken).toBeGreaterThan(RUNS / 10);
});

/** Mostly a value that the field can have. */
function usual(name: string, draw: <T>(choices: readonly T[]) => T): string {
  if (draw([true, false, false, false, false, false])) return draw(VALUES);
  const own: Record<string, readonly string[]> = {
    i: ['0', '-12', '7'],
    l: ['0', '7', '999999999999999'],
    f: ['1.5', '-0.1', '7'],
    d: ['1.5', '0.30', '12345.678901'],
    b: ['true', 'false'],
    s: TEXTS.slice(0, 4),
    at: ['1764417590000', '0'],
  };
  return draw(own[name] ?? VALUES.slice(0, 4));
}
