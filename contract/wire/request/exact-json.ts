/**
 * Reads JSON with its integers exact. An integer past 2^53 arrives as a bigint, one of more than 20
 * digits as the nearest double: no type of ours holds it, and a bigint of a million digits takes a second to make.
 *
 * JSON.parse rounds such integers, and a fraction next to a whole number becomes that number, which would be another
 * entity's key: it arrives as a NotWhole. A loop over the text finds the few numbers that JSON.parse would read wrong
 * and writes a marked string in place of each; the values are put in the strings' places afterwards. A reviver that
 * sees the source text would do the same, at several microseconds for every value of the body.
 */
import { randomBytes } from 'node:crypto';

/** Doubles hold every number of fewer digits apart from the whole numbers next to it. */
const LONG_DIGITS = 16;
/** The least number above 0 is some 5e-324: an exponent of fewer digits makes 0 only of a long number. */
const LONG_EXPONENT = 3;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const LOWER_E = 0x65;
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** 20 digits are those of the largest integer of 64 bits. */
const LONG_INTEGER = /^-?[1-9]\d{15,19}$/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NOT_ZERO = /^[-0.]*[1-9]/;
const TOO_MANY_EXACT = 'over 65536 numbers are past 2^53, or next to a whole number as 1e-400 is next to 0';
/** Begins each string that stands for a number: no body can hold what it cannot know. */
const MARK = randomBytes(6).toString('base64url');

/**
 * More than any body of integers of 16 digits and more has; numbers like 1e-400 are shorter. Each takes some 1 us:
 * without a bound 150,000 of those in 1 MiB took 3 times as long as anything else that a body can be made of.
 */
const MOST_EXACT = 65_536;

type Exact = bigint | NotWhole;

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

/** @throws SyntaxError where it is no JSON; RangeError where too many of its numbers have to be read one by one */
export function parseExactJson(text: string): unknown {
  const exact: Exact[] = [];
  const marked = markExact(text, exact);
  if (exact.length === 0) return JSON.parse(text);
  const root = [parseMarked(marked, text)];
  putExact(root, exact);
  return root[0];
}

/** @throws SyntaxError  about `text`, which is what the caller sent */
function parseMarked(marked: string, text: string): unknown {
  try {
    return JSON.parse(marked);
  } catch (error) {
    JSON.parse(text);
    throw error;
  }
}

/**
 * @param exact  gets the numbers that JSON.parse would read wrong
 * @returns the text with a marked string in place of each: JSON if and only if `text` is
 */
function markExact(text: string, exact: Exact[]): string {
  const pieces: string[] = [];
  let kept = 0;
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i);
    else if (!isDigit(code) && code !== MINUS) i += 1;
    else {
      const start = i;
      i = numberEnd(text, start);
      const value = mayBeWrong(text, start, i) ? exactValue(text.slice(start, i)) : undefined;
      if (value === undefined) continue;
      if (exact.length === MOST_EXACT) throw new RangeError(TOO_MANY_EXACT);
      pieces.push(text.slice(kept, start), `"${MARK}${exact.push(value) - 1}"`);
      kept = i;
      while (BLANKS.has(text.charCodeAt(i))) i += 1;
      // A number is no key, but the string in its place would be one.
      if (text.charCodeAt(i) === COLON) return text;
    }
  }
  return pieces.join('') + text.slice(kept);
}

/** @returns where the string that begins at `start` ends, or the end of a text in which it does not */
function stringEnd(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i + 1;
    i += code === BACKSLASH ? 2 : 1;
  }
  return i;
}

function numberEnd(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && isNumberPart(text.charCodeAt(i))) i += 1;
  return i;
}

function isNumberPart(code: number): boolean {
  return isDigit(code) || code === POINT || code === MINUS || code === PLUS || (code | 0x20) === LOWER_E;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** A cheap look at the number from `start` to `end`: whether it is long, or one like `1e-400`, which is read as 0. */
function mayBeWrong(text: string, start: number, end: number): boolean {
  if (end - start >= LONG_DIGITS) return true;
  let digits = end;
  while (digits > start && isDigit(text.charCodeAt(digits - 1))) digits -= 1;
  return end - digits >= LONG_EXPONENT && digits - 1 > start && text.charCodeAt(digits - 1) === MINUS;
}

/** @returns undefined when JSON.parse reads `source` right, or refuses it */
function exactValue(source: string): Exact | undefined {
  const nearest = Number(source);
  if (!Number.isSafeInteger(nearest)) return LONG_INTEGER.test(source) ? BigInt(source) : undefined;
  const whole = nearest === 0 ? !NOT_ZERO.test(source) : isWhole(source);
  return !whole && NUMBER.test(source) ? new NotWhole(nearest, source) : undefined;
}

/** Puts the values in place of the marked strings, however deep. Keys that were written twice have lost theirs. */
function putExact(root: unknown[], exact: readonly Exact[]): void {
  const left: object[] = [root];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (Array.isArray(at)) {
      for (let i = 0; i < at.length; i++) {
        const value = at[i] as unknown;
        if (isMarked(value)) at[i] = unmark(value, exact);
        else if (isContainer(value)) left.push(value);
      }
    } else {
      const object = at as Record<string, unknown>;
      for (const key of Object.keys(object)) {
        const value = object[key];
        if (isMarked(value)) object[key] = unmark(value, exact);
        else if (isContainer(value)) left.push(value);
      }
    }
  }
}

function isMarked(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(MARK);
}

function unmark(marked: string, exact: readonly Exact[]): Exact {
  return exact[Number(marked.slice(MARK.length))]!;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

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
