/**
 * Reads a request's body: JSON in UTF-8, integers exact. An integer past 2^53 arrives as a bigint, one of more than 20
 * digits as the nearest double: no type of ours holds it, and a bigint of a million digits takes a second to make.
 *
 * JSON.parse rounds such integers, and a fraction next to a whole number becomes that number, which would be another
 * entity's key: it arrives as a NotWhole. So a body that holds a run of 16 digits, or an exponent that could make a
 * number 0, is parsed with a reviver that sees the source text. The scan costs a loop over the body, the reviver
 * several times JSON.parse: only requests with such numbers pay for it.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { sidecarError } from '../errors.ts';

const LONG_DIGITS = 16;
/** Those of the largest integer of 64 bits, without a sign. */
const MAX_DIGITS = 20;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const LOWER_E = 0x65;
/** The least number above 0 is some 5e-324; digits before the exponent make it smaller by less than a long run. */
const EXPONENT_DIGITS = 3;
/** Comma, brackets, blanks. */
const ENDS_NUMBER = new Set([0x2c, 0x5d, 0x7d, 0x20, 0x09, 0x0a, 0x0d]);

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** A fraction whose nearest double is whole: no integer, and as a float that double. */
export class NotWhole {
  readonly nearest: number;
  readonly #source: string;

  constructor(nearest: number, source: string) {
    this.nearest = nearest;
    this.#source = source;
  }

  toString(): string {
    return this.#source;
  }
}

/** @throws SRV_JSON */
export function parseJsonBody(body: Buffer): Readonly<Record<string, unknown>> {
  const text = bodyText(body);
  let json: unknown;
  try {
    json = mayBeRounded(body) ? parseExactly(text) : JSON.parse(text);
  } catch (error) {
    throw sidecarError('SRV_JSON', `the body is no JSON: ${(error as Error).message}`, {}, error);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw sidecarError('SRV_JSON', `the body should be a JSON object, got ${describe(json)}`);
  }
  return json as Readonly<Record<string, unknown>>;
}

function bodyText(body: Buffer): string {
  if (isAscii(body)) return body.toString('latin1');
  // A byte order mark may be ignored (RFC 8259, section 8.1), and some clients write one.
  const text = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
  // Decoding bad UTF-8 puts U+FFFD in place of the bytes: that would be another entity's key.
  if (!isUtf8(text)) throw sidecarError('SRV_JSON', 'the body is not UTF-8');
  return text.toString('utf8');
}

function mayBeRounded(body: Buffer): boolean {
  let run = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i]!;
    if (byte < ZERO || byte > NINE) {
      run = 0;
      if (byte === MINUS && isLongExponent(body, i)) return true;
    } else if (++run === LONG_DIGITS) return true;
  }
  return false;
}

/** Whether the minus at `at` is that of an exponent of three digits or more: `1e-400` is read as 0. */
function isLongExponent(body: Buffer, at: number): boolean {
  if ((body[at - 1]! | 0x20) !== LOWER_E || !isDigit(body[at - 2])) return false;
  let end = at + 1;
  while (isDigit(body[end])) end += 1;
  // Ids have hex digits about a minus, too; behind a number stands no letter and no quote.
  return end - at > EXPONENT_DIGITS && ENDS_NUMBER.has(body[end]!);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

const keepIntegers: Reviver = (_key, value, context) => {
  if (typeof value !== 'number') return value;
  const { source } = context;
  if (Number.isSafeInteger(value)) {
    return source === undefined || isWhole(source) ? value : new NotWhole(value, source);
  }
  if (source === undefined || source.length > MAX_DIGITS + 1) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
};

/** @param source  a JSON number */
function isWhole(source: string): boolean {
  const exponentAt = source.search(/e/i);
  const digits = exponentAt === -1 ? source : source.slice(0, exponentAt);
  const exponent = exponentAt === -1 ? 0 : Number(source.slice(exponentAt + 1));
  const pointAt = digits.indexOf('.');
  let end = digits.length;
  while (end > 0 && (digits[end - 1] === '0' || digits[end - 1] === '.')) end -= 1;
  // Nothing but zeros, and a sign.
  if (end === 0 || digits[end - 1] === '-') return true;
  const fraction = pointAt === -1 ? 0 : Math.max(0, end - 1 - pointAt);
  const zeros = fraction > 0 ? 0 : (pointAt === -1 ? digits.length : pointAt) - end;
  return exponent - fraction + zeros >= 0;
}

function parseExactly(text: string): unknown {
  return JSON.parse(text, keepIntegers as (this: unknown, key: string, value: unknown) => unknown);
}

/** @returns what a JSON value is, for a sentence: `the number 3`, `null`, `a list` */
export function describe(json: unknown): string {
  if (json === undefined) return 'nothing';
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'a list';
  if (json instanceof NotWhole) return `the number ${json.toString().slice(0, 40)}`;
  if (typeof json === 'object') return 'an object';
  if (typeof json === 'string') return `the string ${JSON.stringify(json.slice(0, 40))}`;
  return `the ${typeof json} ${String(json).slice(0, 40)}`;
}
