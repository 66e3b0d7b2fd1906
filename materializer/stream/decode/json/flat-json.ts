/**
 * The short way for messages as most are: an object of single values in ASCII without escapes, read from its bytes.
 * What is anything else, or not as it should be, is left to json-decoder.ts, which says what is wrong: this one never
 * does, and what it reads is what the long way would read.
 */
import type { StreamField } from '../../../../contract/stream-source.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { KnownTexts } from './known-texts.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
/** So many digits are a whole number that a double holds, and over a power of ten the nearest double. */
const SAFE_DIGITS = 15;
const POWERS = Array.from({ length: 16 }, (_, i) => 10 ** i);
const US_IN = { s: 1_000_000, ms: 1_000, us: 1 } as const;

/** How a value of a type is made of what stands there. */
type FlatKind = 'int32' | 'int64' | 'float32' | 'float64' | 'bool' | 'string' | 'timestamp' | 'skipped';

interface Member {
  /** With its quotes. */
  readonly name: Buffer;
  /** Of the field; -1: nobody reads it. */
  readonly index: number;
  readonly kind: FlatKind;
  /** Of a timestamp: microseconds in its unit. */
  readonly factor: number;
}

export class FlatJson {
  readonly #members: ReadonlyMap<string, Member>;
  readonly #count: number;
  /** Messages of one producer mostly have their names in one order: which member stood where in the last one. */
  readonly #order: Member[] = [];
  readonly #texts = new KnownTexts();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Of the number that was read last its places behind the point; -1: it has no point. */
  #places = -1;

  private constructor(fields: readonly StreamField[]) {
    this.#count = fields.length;
    this.#members = new Map(fields.map((field, index) => [field.name, memberOf(field, index)]));
  }

  /** @returns null where a field's type is always left to the long way */
  static of(fields: readonly StreamField[]): FlatJson | null {
    const isFlat = fields.every(({ type: { kind }, unit }) => KINDS.has(kind) && unit !== 'rfc3339');
    return isFlat ? new FlatJson(fields) : null;
  }

  /** @returns one value for each field; null: the message is left to the long way */
  read(message: Buffer): Value[] | null {
    this.#bytes = message;
    this.#at = 0;
    if (this.#peek() !== OPEN) return null;
    this.#at += 1;
    const values: (Value | undefined)[] = Array<undefined>(this.#count).fill(undefined);
    for (let place = 0; ; place++) {
      const member = this.#member(place);
      if (member === null || this.#peek() !== COLON) return null;
      this.#at += 1;
      const value = this.#value(member);
      if (value === undefined) return null;
      if (member.index !== -1) {
        if (values[member.index] !== undefined) return null;
        values[member.index] = value;
      }
      const next = this.#peek();
      this.#at += 1;
      if (next === CLOSE) break;
      if (next !== COMMA) return null;
    }
    // Nothing but blanks may follow.
    this.#peek();
    if (this.#at < message.length) return null;
    for (let i = 0; i < values.length; i++) if (values[i] === undefined) values[i] = null;
    return values as Value[];
  }

  /** @returns the next sign that is no blank, which is not taken; -1 at the end */
  #peek(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < bytes.length) {
      const code = bytes[at]!;
      if (code > 0x20 || (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)) {
        this.#at = at;
        return code;
      }
      at += 1;
    }
    this.#at = at;
    return -1;
  }

  #member(place: number): Member | null {
    if (this.#peek() !== QUOTE) return null;
    const expected = this.#order[place];
    if (expected !== undefined && this.#takes(expected.name)) return expected;
    const from = this.#at;
    if (this.#text() === -1) return null;
    const name = this.#bytes.subarray(from, this.#at);
    const known = this.#members.get(name.toString('latin1', 1, name.length - 1));
    const member = known ?? { name: Buffer.from(name), index: -1, kind: 'skipped', factor: 0 };
    // A message of very many names is not remembered.
    if (place < 2 * this.#count + 16) this.#order[place] = member;
    return member;
  }

  #takes(name: Buffer): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    if (at + name.length > bytes.length) return false;
    for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
    this.#at = at + name.length;
    return true;
  }

  /** Takes a text with its quotes. @returns a hash of it; -1: it is none, or has more than plain ASCII */
  #text(): number {
    const bytes = this.#bytes;
    let hash = 0;
    for (let at = this.#at + 1; at < bytes.length; at++) {
      const code = bytes[at]!;
      if (code === QUOTE) {
        this.#at = at + 1;
        return hash >>> 0;
      }
      if (code < 0x20 || code > 0x7e || code === BACKSLASH) return -1;
      hash = (Math.imul(hash, 31) + code) | 0;
    }
    return -1;
  }

  /** @returns undefined: it is left to the long way */
  #value({ kind, factor }: Member): Value | undefined {
    const code = this.#peek();
    if (code === LOWER_N) return this.#takes(NULL) ? null : undefined;
    if (code === QUOTE) {
      if (kind !== 'string' && kind !== 'skipped') return undefined;
      const from = this.#at + 1;
      const hash = this.#text();
      if (hash === -1) return undefined;
      return kind === 'skipped' ? null : this.#texts.of(this.#bytes, { from, to: this.#at - 1 }, hash);
    }
    if (code === LOWER_T || code === LOWER_F) {
      if (kind !== 'bool' && kind !== 'skipped') return undefined;
      return this.#takes(code === LOWER_T ? TRUE : FALSE) ? code === LOWER_T : undefined;
    }
    return this.#number(code, kind, factor);
  }

  #number(code: number, kind: FlatKind, factor: number): Value | undefined {
    const number = this.#digits(code);
    if (number === undefined) return undefined;
    switch (kind) {
      case 'skipped':
        return null;
      case 'float64':
        return number;
      case 'float32':
        return Math.fround(number);
      case 'int32':
        return this.#places === -1 && (number | 0) === number ? number | 0 : undefined;
      case 'int64':
        return this.#places === -1 ? BigInt(number) : undefined;
      case 'timestamp': {
        const us = number * factor;
        return this.#places === -1 && Number.isSafeInteger(us) ? BigInt(us) : undefined;
      }
      default:
        return undefined;
    }
  }

  /** Takes a number of up to 15 digits without an exponent. */
  #digits(code: number): number | undefined {
    const bytes = this.#bytes;
    const isNegative = code === MINUS;
    const first = isNegative ? this.#at + 1 : this.#at;
    let [at, value, point] = [first, 0, -1];
    for (; at < bytes.length; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
      else if (digit === POINT - ZERO && point === -1) point = at;
      else break;
    }
    const whole = (point === -1 ? at : point) - first;
    const places = point === -1 ? -1 : at - point - 1;
    if (whole === 0 || places === 0 || whole + Math.max(0, places) > SAFE_DIGITS) return undefined;
    if (whole > 1 && bytes[first] === ZERO) return undefined;
    // An exponent, or what is no number.
    if (at < bytes.length && (bytes[at]! | 0x20) >= 0x61 && (bytes[at]! | 0x20) <= 0x7a) return undefined;
    this.#at = at;
    this.#places = places;
    if (places > 0) value /= POWERS[places]!;
    return isNegative ? -value : value;
  }
}

const NULL = Buffer.from('null');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const KINDS: ReadonlySet<string> = new Set<FlatKind>([
  'int32',
  'int64',
  'float32',
  'float64',
  'bool',
  'string',
  'timestamp',
]);

function memberOf({ name, type, unit }: StreamField, index: number): Member {
  const factor = unit === null || unit === 'rfc3339' ? 1 : US_IN[unit];
  return { name: Buffer.from(JSON.stringify(name)), index, kind: type.kind as FlatKind, factor };
}
