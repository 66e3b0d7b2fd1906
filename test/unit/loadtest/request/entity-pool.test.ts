import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openPool } from '../../../../loadtest/request/entity-pool.ts';
import { requestMaker } from '../../../../loadtest/request/request-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const id = { name: 'customer_id', type: 'int64' } as const;
const code = { name: 'stock_code', type: 'string' } as const;

function file(...lines: string[]): string {
  const path = join(folder, `${Math.random()}.txt`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function texts(keys: string, joinKeys: Parameters<typeof openPool>[1]): string[][] {
  const pool = openPool(keys, joinKeys);
  return Array.from({ length: pool.size }, (_, i) => joinKeys.map((_key, k) => pool.keyText(i, k)));
}

test('a range holds both its ends, as numbers or as text', () => {
  expect(texts('-1..1', [id])).toEqual([['-1'], ['0'], ['1']]);
  expect(texts('7..8', [code])).toEqual([['"7"'], ['"8"']]);
});

test('a file has a key a line; every digit of an int64 stays', () => {
  expect(texts(file('17850', '', ' 9223372036854775807 '), [id])).toEqual([
    ['17850'],
    ['9223372036854775807'],
  ]);
  expect(texts(file('85123A', 'a "b" ü'), [code])).toEqual([['"85123A"'], ['"a \\"b\\" ü"']]);
});

test('JSON lines name every join key, in any order', () => {
  const keys = file(
    '{"stock_code": "x", "customer_id": 5}',
    '{"customer_id": "9007199254740993", "stock_code": "y"}',
  );
  expect(texts(keys, [id, code])).toEqual([
    ['5', '"x"'],
    ['9007199254740993', '"y"'],
  ]);
});

const wrong: [string, () => string, string][] = [
  ['an empty range', () => '5..4', 'should hold 1 to'],
  ['a range too long', () => '1..99999999', 'should hold 1 to'],
  ['no such file', () => join(folder, 'none'), 'neither a range'],
  ['an empty file', () => file(''), 'has no entity'],
  ['text for an integer', () => file('5', 'abc'), ':2: customer_id is an int64'],
  ['a line that is no JSON', () => file('{"customer_id": 5'), 'expected one JSON object'],
  [
    'a join key that lacks',
    () => file('{"stock_code": "x"}'),
    'customer_id should be text or a whole number',
  ],
  ['a number that has lost digits', () => file('{"customer_id": 9007199254740993}'), 'whole number'],
];
test.each(wrong)('%s is refused', (_, keys, said) => {
  expect(() => openPool(keys(), [id])).toThrow(
    expect.objectContaining({ code: 'LOAD_KEYS', message: expect.stringContaining(said) as string }),
  );
});

test('a range does not fit two join keys', () => {
  expect(() => openPool('1..5', [id, code])).toThrow(/customer_id, stock_code; give JSON lines/);
});

test('requests are whole HTTP, their length in bytes', () => {
  const pool = openPool(file('ü', 'b'), [code]);
  const shape = { schema: { service: 'churn_v1', joinKeys: [code] }, hostHeader: 'localhost:6566' };
  const native = requestMaker({ ...shape, surface: 'native', deadlineMs: 3 }, pool)([0, 1]);
  const [head, body] = native.split('\r\n\r\n') as [string, string];
  expect(JSON.parse(body)).toEqual({ feature_service: 'churn_v1', entities: { stock_code: ['ü', 'b'] } });
  expect(head.split('\r\n')).toEqual([
    'POST /feature-service/get-online-features HTTP/1.1',
    'Host: localhost:6566',
    'x-deadline-ms: 3',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]);
  const tensor = requestMaker({ ...shape, surface: 'tensor', deadlineMs: null }, pool)([1]);
  expect(tensor).toMatch(/^POST \/v2\/models\/churn_v1\/infer HTTP/);
  expect(JSON.parse(tensor.split('\r\n\r\n')[1]!)).toEqual({
    inputs: [{ name: 'stock_code', datatype: 'BYTES', shape: [1], data: ['b'] }],
    parameters: { binary_data_output: true },
  });
});
