/**
 * One JSON value as a value of a type. A reader is made once for each field; it takes the value from the cursor, or
 * leaves in `fault` why it does not fit and returns undefined.
 *
 *   int32, int64   a number without point and exponent, or its shortest decimal text
 *   float32, float64   a number; neither a text nor one past what the type holds
 *   timestamp   as the field's unit says: a whole number since 1970 or its text, or RFC 3339
 *   bytes   base64 with its padding · embedding   as many numbers as it has
 */
import { parseTimestamp } from '../../../../contract/std/timestamp.ts';
import type { TimeUnit } from '../../../../contract/stream-source.ts';
import { formatType } from '../../../../contract/value-type.ts';
import type { Value, ValueType } from '../../../../contract/value-type.ts';
import type { JsonCursor } from './json-cursor.ts';
import { isDigit } from './json-cursor.ts';

type ReadJson = (cursor: JsonCursor) => Value | undefined;

const QUOTE = 0x22;
const MINUS = 0x2d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const LOWER_N = 0x6e;
const ZERO = 0x30;
/** So many digits are a whole number that a double holds. */
const SAFE_DIGITS = 15;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const WHOLE = /^(?:0|-?[1-9][0-9]{0,18})$/;
const INT64_MAX = 2n ** 63n - 1n;
const US_IN: Readonly<Record<Exclude<TimeUnit, 'rfc3339'>, bigint>> = { s: 1_000_000n, ms: 1_000n, us: 1n };

/**
 * @param name  what the reason of a bad message calls the value
 * @param unit  of the timestamps in it; null: there are none
 */
export function jsonReader(name: string, type: ValueType, unit: TimeUnit | null): ReadJson {
  return orNull(readerOf(name, type, unit));
}

export function orNull(read: ReadJson): ReadJson {
  return (cursor) => {
    if (cursor.peek() === LOWER_N && cursor.takeName('null')) return null;
    return read(cursor);
  };
}

function readerOf(name: string, type: ValueType, unit: TimeUnit | null): ReadJson {
  const misfit = (cursor: JsonCursor): undefined => misfits(cursor, name, type, unit);
  switch (type.kind) {
    case 'bool':
      return (cursor) => (cursor.word('true') ? true : cursor.word('false') ? false : misfit(cursor));
    case 'int32':
      return (cursor) => {
        const at = cursor.at;
        const value = whole(cursor);
        return typeof value === 'number' && (value | 0) === value ? value : back(cursor, at, misfit);
      };
    case 'int64':
      return (cursor) => {
        const at = cursor.at;
        const value = whole(cursor);
        if (typeof value === 'number') return BigInt(value);
        return value !== undefined && BigInt.asIntN(64, value) === value ? value : back(cursor, at, misfit);
      };
    case 'float32':
    case 'float64': {
      const isNarrow = type.kind === 'float32';
      return (cursor) => {
        const at = cursor.at;
        const value = double(cursor);
        const own = value === undefined ? NaN : isNarrow ? Math.fround(value) : value;
        return Number.isFinite(own) ? own : back(cursor, at, misfit);
      };
    }
    case 'string':
      return (cursor) => (cursor.peek() === QUOTE ? cursor.string() : misfit(cursor));
    case 'bytes':
      return (cursor) => {
        const at = cursor.at;
        const text = cursor.peek() === QUOTE ? cursor.string() : undefined;
        if (text === undefined || !BASE64.test(text)) return back(cursor, at, misfit);
        return new Uint8Array(Buffer.from(text, 'base64'));
      };
    case 'timestamp':
      return unit === 'rfc3339' ? timeText(misfit) : timeNumber(US_IN[unit ?? 'us'], misfit);
    case 'embedding':
      return embedding(type.size, misfit);
    case 'list':
      return list(jsonReader(`${name}[]`, type.of, unit), misfit);
    case 'map':
      return map(name, jsonReader(`${name}.*`, type.of, unit), misfit);
    case 'struct':
      return struct(name, type.fields, unit, misfit);
  }
}

type Misfit = (cursor: JsonCursor) => undefined;

/** Says what does not fit; what is no JSON at all was said before. */
function misfits(cursor: JsonCursor, name: string, type: ValueType, unit: TimeUnit | null): undefined {
  if (cursor.fault.startsWith('is no JSON')) return undefined;
  const of = unit === null ? '' : ` in ${unit}`;
  const shown = cursor.shown();
  cursor.fault = `has ${name} that should be ${formatType(type)}${of}, got ${shown}`;
  return undefined;
}

function back(cursor: JsonCursor, at: number, misfit: Misfit): undefined {
  cursor.at = at;
  return misfit(cursor);
}

/** @returns a whole number: a number up to 15 digits, past that a bigint of any size up to 19 digits */
function whole(cursor: JsonCursor): number | bigint | undefined {
  if (cursor.peek() === QUOTE) {
    const text = cursor.string();
    return text === undefined || !WHOLE.test(text) ? undefined : ofDigits(text);
  }
  const { text } = cursor;
  const from = cursor.number();
  if (from === undefined) return undefined;
  const { at } = cursor;
  const isNegative = text.charCodeAt(from) === MINUS;
  const first = isNegative ? from + 1 : from;
  if (at - first > SAFE_DIGITS) {
    const digits = text.slice(from, at);
    return WHOLE.test(digits) ? BigInt(digits) : undefined;
  }
  let value = 0;
  for (let i = first; i < at; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return undefined;
    value = value * 10 + (code - ZERO);
  }
  return isNegative && value !== 0 ? -value : value;
}

function ofDigits(text: string): number | bigint {
  return text.length <= SAFE_DIGITS ? Number(text) : BigInt(text);
}

const POWERS = Array.from({ length: 16 }, (_, i) => 10 ** i);

/** Up to 15 digits are a whole number over a power of ten, both doubles: their quotient is the nearest double. */
function double(cursor: JsonCursor): number | undefined {
  const from = cursor.number();
  if (from === undefined) return undefined;
  const { text, at } = cursor;
  const isNegative = text.charCodeAt(from) === MINUS;
  const first = isNegative ? from + 1 : from;
  if (at - first > SAFE_DIGITS) return Number(text.slice(from, at));
  let value = 0;
  let places = -1;
  for (let i = first; i < at; i++) {
    const code = text.charCodeAt(i);
    if (isDigit(code)) value = value * 10 + (code - ZERO);
    else if (code === 0x2e) places = at - i - 1;
    else return Number(text.slice(from, at));
  }
  if (places > 0) value /= POWERS[places]!;
  return isNegative ? -value : value;
}

function timeNumber(us: bigint, misfit: Misfit): ReadJson {
  const factor = Number(us);
  return (cursor) => {
    const at = cursor.at;
    const value = whole(cursor);
    if (value === undefined) return back(cursor, at, misfit);
    if (typeof value === 'number') {
      const product = value * factor;
      if (Number.isSafeInteger(product)) return BigInt(product);
    }
    const exact = BigInt(value) * us;
    return BigInt.asIntN(64, exact) === exact ? exact : back(cursor, at, misfit);
  };
}

function timeText(misfit: Misfit): ReadJson {
  return (cursor) => {
    const at = cursor.at;
    const text = cursor.peek() === QUOTE ? cursor.string() : undefined;
    const us = text === undefined ? null : parseTimestamp(text);
    return us === null || us > INT64_MAX ? back(cursor, at, misfit) : us;
  };
}

function list(read: ReadJson, misfit: Misfit): ReadJson {
  return (cursor) => {
    if (cursor.peek() !== OPEN_LIST) return misfit(cursor);
    const items: Value[] = [];
    if (!cursor.opened(OPEN_LIST, CLOSE_LIST)) return items;
    for (;;) {
      const item = read(cursor);
      if (item === undefined) return undefined;
      items.push(item);
      const more = cursor.more(CLOSE_LIST);
      if (more !== true) return more === false ? items : undefined;
    }
  };
}

function embedding(size: number, misfit: Misfit): ReadJson {
  return (cursor) => {
    const from = cursor.at;
    if (cursor.peek() !== OPEN_LIST) return misfit(cursor);
    const values = new Float32Array(size);
    if (!cursor.opened(OPEN_LIST, CLOSE_LIST)) return back(cursor, from, misfit);
    for (let i = 0; ; i++) {
      const value = double(cursor);
      if (value === undefined || i === size || !Number.isFinite(Math.fround(value)))
        return back(cursor, from, misfit);
      values[i] = value;
      const more = cursor.more(CLOSE_LIST);
      if (more === undefined) return undefined;
      if (!more) return i === size - 1 ? values : back(cursor, from, misfit);
    }
  };
}

function map(name: string, read: ReadJson, misfit: Misfit): ReadJson {
  return (cursor) => {
    if (cursor.peek() !== OPEN) return misfit(cursor);
    const values = new Map<string, Value>();
    if (!cursor.opened(OPEN, CLOSE)) return values;
    for (;;) {
      const key = cursor.string();
      if (key === undefined || !cursor.take(0x3a)) return undefined;
      if (values.has(key)) return twice(cursor, `${name}.${key}`);
      const value = read(cursor);
      if (value === undefined) return undefined;
      values.set(key, value);
      const more = cursor.more(CLOSE);
      if (more !== true) return more === false ? values : undefined;
    }
  };
}

function struct(
  name: string,
  fields: readonly { readonly name: string; readonly type: ValueType }[],
  unit: TimeUnit | null,
  misfit: Misfit,
): ReadJson {
  const read = jsonMembers(
    name,
    fields.map((field) => ({
      name: field.name,
      read: jsonReader(`${name}.${field.name}`, field.type, unit),
    })),
  );
  return (cursor) => {
    if (cursor.peek() !== OPEN) return misfit(cursor);
    const values = read(cursor);
    if (values === undefined) return undefined;
    return Object.fromEntries(fields.map((field, i) => [field.name, values[i]!]));
  };
}

/** An object of which some names are read. Others are passed over, and what is not there is null. */
export function jsonMembers(
  within: string,
  members: readonly { readonly name: string; readonly read: ReadJson }[],
): (cursor: JsonCursor) => Value[] | undefined {
  const quoted = members.map(({ name }) => JSON.stringify(name));
  const indexes = new Map(members.map(({ name }, i) => [name, i]));
  const reads = members.map(({ read }) => read);
  const count = members.length;
  // Messages of one producer mostly have their names in one order: which member stood where in the last one.
  const order: number[] = [];
  return (cursor) => {
    if (!cursor.opened(OPEN, CLOSE)) return cursor.fault === '' ? Array<Value>(count).fill(null) : undefined;
    const values: (Value | undefined)[] = Array<undefined>(count).fill(undefined);
    for (let place = 0; ; place++) {
      cursor.peek();
      let index = order[place] ?? -1;
      if (index === -1 || !cursor.takeName(quoted[index]!)) {
        const name = cursor.string();
        if (name === undefined) return undefined;
        index = indexes.get(name) ?? -1;
        // A message of very many unknown names is not remembered.
        if (place < 2 * count) order[place] = index;
      }
      if (!cursor.take(0x3a)) return undefined;
      if (index === -1) {
        if (!cursor.skip()) return undefined;
      } else {
        if (values[index] !== undefined)
          return twice(cursor, `${within}${within && '.'}${members[index]!.name}`);
        const value = reads[index]!(cursor);
        if (value === undefined) return undefined;
        values[index] = value;
      }
      const more = cursor.more(CLOSE);
      if (more === undefined) return undefined;
      if (!more) break;
    }
    for (let i = 0; i < count; i++) values[i] ??= null;
    return values as Value[];
  };
}

function twice(cursor: JsonCursor, name: string): undefined {
  cursor.fault = `has ${name} twice`;
  return undefined;
}
