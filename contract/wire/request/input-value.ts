/**
 * One value of an on-demand input as a request writes it in JSON, in the words of the native surface's answers
 * (surface/value-text.ts):
 *
 *   bool true, false · int32 an integer · int64 an integer up to 2^53 - 1 in size, or decimal text
 *   float32, float64 a number, or "NaN", "Infinity", "-Infinity" · string text · bytes base64
 *   timestamp RFC 3339, of which the offset (then UTC) or the time (then 00:00) may lack; decimal microseconds as text
 *   outside the years 0000 to 9999
 *   list an array · embedding(n) an array of n numbers · map an object · struct an object with exactly its fields
 *   null within lists, maps and structs
 *
 * An int64 that many writers of JSON would have rounded before it came here is not taken as a number. Values of a
 * message of Protocol Buffers are typed: there integers are exact, bytes are bytes, and NaN and infinities are numbers.
 */
import { sortedByBytes } from '../../std/canonical-json.ts';
import { parseTimestamp } from '../../std/timestamp.ts';
import { formatType } from '../../value-type.ts';
import type { Value, ValueType } from '../../value-type.ts';
import { NotWhole, describe } from './exact-json.ts';

/** What is wrong with a value: `should be int32, got the string "a"`. */
export class InputFault {
  readonly fault: string;
  /** Where in the value: `.item["red"][2]`; '' where it is the value itself. */
  readonly path: string;

  constructor(fault: string, path = '') {
    this.fault = fault;
    this.path = path;
  }

  /** @param step  from the value around it */
  within(step: string): InputFault {
    return new InputFault(this.fault, step + this.path);
  }
}

const INT32_LIMIT = 2 ** 31;
const INT64_LIMIT = 2n ** 63n;
const INTEGER_TEXT = /^-?\d{1,19}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const NUMBER_WORDS: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity']);

const NO_UTF8 = new InputFault('should be text in UTF-8, got a lone surrogate');

/**
 * @param json     as parseJsonBody gives it, or as readValue of a message does; not null
 * @param isTyped  whether it is of a message
 */
export function inputValue(type: ValueType, json: unknown, isTyped = false): Value | InputFault {
  switch (type.kind) {
    case 'bool':
      return typeof json === 'boolean' ? json : misfit(type, json);
    case 'int32':
      if (typeof json !== 'number' || !Number.isSafeInteger(json)) return misfit(type, json);
      // -0 is 0.
      return json >= -INT32_LIMIT && json < INT32_LIMIT ? json | 0 : misfit(type, json);
    case 'int64':
      return long(type, json, isTyped);
    case 'float32':
    case 'float64':
      return double(type, json, isTyped);
    case 'string':
      if (typeof json !== 'string') return misfit(type, json);
      return json.isWellFormed() ? json : NO_UTF8;
    case 'timestamp':
      return timestamp(type, json);
    case 'bytes':
      if (json instanceof Uint8Array) return Uint8Array.from(json);
      return typeof json === 'string' && BASE64.test(json)
        ? Uint8Array.from(Buffer.from(json, 'base64'))
        : misfit(type, json, ' in base64');
    default:
      return compound(type, json, isTyped);
  }
}

function compound(type: ValueType, json: unknown, isTyped: boolean): Value | InputFault {
  switch (type.kind) {
    case 'list':
      return Array.isArray(json) ? items(type.of, json, isTyped) : misfit(type, json);
    case 'embedding':
      return embedding(type, json, isTyped);
    case 'map': {
      if (!isObject(json)) return misfit(type, json);
      const map = new Map<string, Value>();
      // In byte order at once, so that nobody behind has anything to sort.
      for (const key of sortedByBytes(Object.keys(json))) {
        if (!key.isWellFormed()) return NO_UTF8;
        const value = orNull(type.of, json[key], isTyped);
        if (value instanceof InputFault) return value.within(`[${JSON.stringify(key.slice(0, 40))}]`);
        map.set(key, value);
      }
      return map;
    }
    case 'struct': {
      if (!isObject(json)) return misfit(type, json);
      const names = type.fields.map(({ name }) => name);
      const unknown = Object.keys(json).find((name) => !names.includes(name));
      if (unknown !== undefined) {
        const message = `has no field ${JSON.stringify(unknown.slice(0, 40))}; it has ${names.join(', ')}`;
        return new InputFault(message);
      }
      const struct: [string, Value][] = [];
      for (const { name, type: of } of type.fields) {
        if (!Object.hasOwn(json, name)) return new InputFault(`lacks the field ${name}`);
        const value = orNull(of, json[name], isTyped);
        if (value instanceof InputFault) return value.within(`.${name}`);
        struct.push([name, value]);
      }
      return Object.fromEntries(struct);
    }
    default:
      return misfit(type, json);
  }
}

function orNull(type: ValueType, json: unknown, isTyped: boolean): Value | InputFault {
  return json === null ? null : inputValue(type, json, isTyped);
}

function items(type: ValueType, json: readonly unknown[], isTyped: boolean): Value[] | InputFault {
  const values: Value[] = [];
  for (let i = 0; i < json.length; i++) {
    const value = orNull(type, json[i], isTyped);
    if (value instanceof InputFault) return value.within(`[${i}]`);
    values.push(value);
  }
  return values;
}

function long(type: ValueType, json: unknown, isTyped: boolean): Value | InputFault {
  if (isTyped && typeof json === 'bigint') return fitting(type, json, json);
  if (typeof json === 'number' && Number.isSafeInteger(json)) return BigInt(json);
  if (typeof json === 'string' && INTEGER_TEXT.test(json)) return fitting(type, BigInt(json), json);
  const isLarge = typeof json === 'bigint' || (typeof json === 'number' && Number.isInteger(json));
  return misfit(type, json, isLarge ? ' (past 2^53 - 1 in size as decimal text)' : '');
}

function timestamp(type: ValueType, json: unknown): Value | InputFault {
  if (typeof json === 'string') {
    const us = parseTimestamp(json) ?? (/^-?\d{17,19}$/.test(json) ? BigInt(json) : null);
    if (us !== null) return fitting(type, us, json);
  }
  return misfit(type, json, ' as RFC 3339 text');
}

function fitting(type: ValueType, value: bigint, json: unknown): Value | InputFault {
  return value >= -INT64_LIMIT && value < INT64_LIMIT ? value : misfit(type, json);
}

function double(type: ValueType, json: unknown, isTyped: boolean): Value | InputFault {
  let number = json;
  if (typeof json === 'bigint') number = Number(json);
  else if (json instanceof NotWhole) number = json.nearest;
  if (typeof number !== 'number') return NUMBER_WORDS.has(json) ? Number(json) : misfit(type, json);
  const value = type.kind === 'float32' ? Math.fround(number) : number;
  // JSON has no infinity: 1e999 is one that no double holds.
  return Number.isFinite(value) || (isTyped && !Number.isFinite(number))
    ? value
    : new InputFault(`should be ${type.kind}, got a number past its range`);
}

function embedding(
  type: ValueType & { readonly kind: 'embedding' },
  json: unknown,
  isTyped: boolean,
): Value | InputFault {
  if (!Array.isArray(json)) return misfit(type, json);
  if (json.length !== type.size) {
    return new InputFault(`should be ${formatType(type)}, got a list of ${json.length}`);
  }
  const values = new Float32Array(type.size);
  for (const [i, item] of json.entries()) {
    const value = double({ kind: 'float32' }, item, isTyped);
    if (value instanceof InputFault) return value.within(`[${i}]`);
    values[i] = value as number;
  }
  return values;
}

function misfit(type: ValueType, json: unknown, more = ''): InputFault {
  return new InputFault(`should be ${formatType(type)}${more}, got ${describe(json)}`);
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof NotWhole);
}
