/**
 * The entities that a load test asks for, from `--keys`:
 *
 *   1..10000             a range; the text of each number where the join key is a string
 *   customers.txt        one key a line, for a service with one join key
 *   baskets.jsonl        one JSON object a line with every join key: {"customer_id": 17850, "stock_code": "85123A"}
 *
 * An entity is kept as the JSON texts of its join keys, in the order of the schema.
 */
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { loadError } from '../errors.ts';
import type { ServiceSchema } from './service-schema.ts';

export interface EntityPool {
  readonly size: number;
  /** @returns the JSON text of join key `key` of entity `index`, each by its place */
  keyText(index: number, key: number): string;
}

type JoinKeys = ServiceSchema['joinKeys'];

const RANGE = /^(-?\d{1,15})\.\.(-?\d{1,15})$/;
const MAX_ENTITIES = 10_000_000;

/** @throws LOAD_KEYS with the line at fault */
export function openPool(keys: string, joinKeys: JoinKeys): EntityPool {
  const range = RANGE.exec(keys);
  if (range !== null) return rangePool(Number(range[1]), Number(range[2]), joinKeys);
  let text: string;
  try {
    text = readRegularText(keys);
  } catch (error) {
    throw fault(`${keys} is neither a range such as 1..10000 nor a file that can be read`, error);
  }
  return listPool(keys, text, joinKeys);
}

function rangePool(from: number, to: number, joinKeys: JoinKeys): EntityPool {
  const size = to - from + 1;
  if (size < 1 || size > MAX_ENTITIES) {
    throw fault(`the range ${from}..${to} should hold 1 to ${MAX_ENTITIES} numbers`);
  }
  const key = onlyKey(joinKeys, 'a range');
  const quote = key.type === 'string' ? '"' : '';
  return { size, keyText: (index) => `${quote}${from + index}${quote}` };
}

function listPool(file: string, text: string, joinKeys: JoinKeys): EntityPool {
  const entities: (readonly string[])[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '') continue;
    entities.push(entityOf(trimmed, joinKeys, `${file}:${i + 1}`));
    if (entities.length > MAX_ENTITIES) throw fault(`${file} has more than ${MAX_ENTITIES} entities`);
  }
  if (entities.length === 0) throw fault(`${file} has no entity`);
  return { size: entities.length, keyText: (index, key) => entities[index]![key]! };
}

function entityOf(line: string, joinKeys: JoinKeys, where: string): string[] {
  if (!line.startsWith('{')) {
    return [keyText(line, onlyKey(joinKeys, `${where}: a line with a bare key`), where)];
  }
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch (error) {
    throw fault(`${where}: expected one JSON object, got ${line.slice(0, 80)}`, error);
  }
  return joinKeys.map((key) => {
    const value = fields[key.name];
    if (typeof value === 'string' || Number.isSafeInteger(value)) return keyText(String(value), key, where);
    throw fault(`${where}: ${key.name} should be text or a whole number, got ${JSON.stringify(value)}`);
  });
}

function keyText(value: string, key: JoinKeys[number], where: string): string {
  if (key.type === 'string') return JSON.stringify(value);
  if (/^-?\d{1,19}$/.test(value)) return BigInt(value).toString();
  throw fault(`${where}: ${key.name} is an ${key.type}, got ${JSON.stringify(value)}`);
}

function onlyKey(joinKeys: JoinKeys, what: string): JoinKeys[number] {
  if (joinKeys.length === 1) return joinKeys[0]!;
  const names = joinKeys.map(({ name }) => name).join(', ');
  throw fault(`${what} fits services with one join key, this one has ${names}; give JSON lines`);
}

function fault(message: string, cause?: unknown): Error {
  return loadError('LOAD_KEYS', `--keys: ${message}`, { field: 'keys' }, cause);
}
