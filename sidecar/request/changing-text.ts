/**
 * The parts of a body that change from request to request (known-shapes.ts), read where they stand: a list of ids, and
 * inputs as JSON numbers, true, false, null, text, or lists of these. Only what needs no care is read: anything else,
 * and everything that is refused, gives null, and the body is parsed in full.
 */
import type { ValueType } from '../../contract/value-type.ts';
import type { InputColumn } from './inputs.ts';

const MAX_DIGITS = 15;
const MAX_INT32_DIGITS = 9;
const ZERO = 0x30;
const NINE = 0x39;
const COMMA = 0x2c;
const SPACE = 0x20;
const POINT = 0x2e;
const MINUS = 0x2d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
/** Up to here powers of ten are doubles, and so is what a mantissa of 15 digits is divided by. */
const POWERS = Array.from({ length: MAX_DIGITS + 1 }, (_, n) => 10 ** n);

/** The types of which values are read here. */
export type PlainKind = 'bool' | 'int32' | 'int64' | 'float32' | 'float64' | 'string';

export function plainKindOf({ kind }: ValueType): PlainKind | null {
  switch (kind) {
    case 'bool':
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
    case 'string':
      return kind;
    default:
      return null;
  }
}

/** @returns the end of digits, commas and blanks */
export function endOfIds(body: Buffer, from: number): number {
  let at = from;
  while (isDigit(body[at]) || body[at] === COMMA || body[at] === SPACE) at += 1;
  return at;
}

/** @returns the integers of a list as they are written, which is how ids are; null when there is anything else */
export function readIds(body: Buffer, from: number, to: number, maxDigits: number): string[] | null {
  const text = body.toString('latin1', from, to);
  const ids: string[] = [];
  let at = from;
  for (;;) {
    const start = at;
    while (at < to && body[at]! >= ZERO && body[at]! <= NINE) at += 1;
    const digits = at - start;
    if (digits === 0 || digits > maxDigits || (digits > 1 && body[start] === ZERO)) return null;
    ids.push(text.slice(start - from, at - from));
    if (at === to) return ids;
    if (body[at] !== COMMA) return null;
    at += body[at + 1] === SPACE ? 2 : 1;
  }
}

type PlainValue = boolean | number | bigint | string | null;

/** Reads one value after the other; one for all bodies. */
export class InputReader {
  #body: Buffer = Buffer.alloc(0);
  /** Where the value ends that was read last. */
  at = 0;

  /** @returns the value or the list of values that begins there; null: it is none that is read here */
  column(body: Buffer, from: number, kind: PlainKind, optional: boolean): InputColumn | null {
    this.#body = body;
    this.at = from;
    if (body[from] !== OPEN) {
      const value = this.#value(kind, optional);
      return value === undefined ? null : [value];
    }
    const values: PlainValue[] = [];
    this.at += 1;
    for (;;) {
      const value = this.#value(kind, optional);
      if (value === undefined) return null;
      values.push(value);
      if (body[this.at] === CLOSE) break;
      if (body[this.at] !== COMMA) return null;
      this.at += body[this.at + 1] === SPACE ? 2 : 1;
    }
    this.at += 1;
    return values;
  }

  #value(kind: PlainKind, optional: boolean): PlainValue | undefined {
    const first = this.#body[this.at];
    // n of null
    if (first === 0x6e) return optional && this.#word('null') ? null : undefined;
    switch (kind) {
      case 'bool':
        return this.#word('true') ? true : this.#word('false') ? false : undefined;
      case 'string':
        return first === QUOTE ? this.#text() : undefined;
      case 'int32':
        return this.#integer(MAX_INT32_DIGITS);
      case 'int64': {
        const integer = this.#integer(MAX_DIGITS);
        return integer === undefined ? undefined : BigInt(integer);
      }
      default: {
        const number = this.#number();
        return kind === 'float32' && number !== undefined ? Math.fround(number) : number;
      }
    }
  }

  #word(word: string): boolean {
    for (let i = 0; i < word.length; i++) if (this.#body[this.at + i] !== word.charCodeAt(i)) return false;
    this.at += word.length;
    return true;
  }

  /** ASCII without what JSON escapes. */
  #text(): string | undefined {
    const from = this.at + 1;
    let at = from;
    for (;;) {
      const byte = this.#body[at];
      if (byte === QUOTE) break;
      if (byte === undefined || byte < SPACE || byte > 0x7e || byte === BACKSLASH) return undefined;
      at += 1;
    }
    this.at = at + 1;
    return this.#body.toString('latin1', from, at);
  }

  #integer(maxDigits: number): number | undefined {
    const isNegative = this.#body[this.at] === MINUS;
    const from = isNegative ? this.at + 1 : this.at;
    let at = from;
    let integer = 0;
    for (; isDigit(this.#body[at]); at++) integer = integer * 10 + this.#body[at]! - ZERO;
    const digits = at - from;
    if (digits === 0 || digits > maxDigits || (digits > 1 && this.#body[from] === ZERO)) return undefined;
    if (!this.#endsAt(at)) return undefined;
    return isNegative && integer !== 0 ? -integer : integer;
  }

  /**
   * Without an exponent and with 15 digits at most: the digits as an integer, divided by a power of ten, are the
   * nearest double, since both are doubles themselves (Clinger 1990).
   */
  #number(): number | undefined {
    const b = this.#body;
    const isNegative = b[this.at] === MINUS;
    const from = isNegative ? this.at + 1 : this.at;
    let at = from;
    let mantissa = 0;
    for (; isDigit(b[at]); at++) mantissa = mantissa * 10 + b[at]! - ZERO;
    const whole = at - from;
    if (whole === 0 || (whole > 1 && b[from] === ZERO)) return undefined;
    let decimals = 0;
    if (b[at] === POINT) {
      const point = at;
      for (at += 1; isDigit(b[at]); at++) mantissa = mantissa * 10 + b[at]! - ZERO;
      decimals = at - point - 1;
      if (decimals === 0) return undefined;
    }
    if (whole + decimals > MAX_DIGITS || !this.#endsAt(at)) return undefined;
    const number = mantissa / POWERS[decimals]!;
    return isNegative ? -number : number;
  }

  /** Whether a number ends there: what could go on with it, a point or an exponent, does not. */
  #endsAt(at: number): boolean {
    const next = this.#body[at];
    if (next !== COMMA && next !== CLOSE && next !== SPACE && next !== 0x7d) return false;
    this.at = at;
    return true;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
