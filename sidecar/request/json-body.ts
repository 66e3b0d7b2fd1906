/**
 * Reads a request's body: JSON in UTF-8, integers exact. An integer past 2^53 arrives as a bigint, one of more than 20
 * digits as the nearest double: no type of ours holds it, and a bigint of a million digits takes a second to make.
 *
 * JSON.parse rounds such integers, so a body that holds a run of 16 digits is parsed with a reviver that sees the
 * source text. The scan costs a loop over the body, the reviver several times JSON.parse: only who sends such
 * integers pays for it.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { sidecarError } from '../errors.ts';

const LONG_DIGITS = 16;
/** Those of the largest integer of 64 bits, without a sign. */
const MAX_DIGITS = 20;
const ZERO = 0x30;
const NINE = 0x39;

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** @throws SRV_JSON */
export function parseJsonBody(body: Buffer): Readonly<Record<string, unknown>> {
  const text = bodyText(body);
  let json: unknown;
  try {
    json = hasLongDigits(body) ? parseExactly(text) : JSON.parse(text);
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

function hasLongDigits(body: Buffer): boolean {
  let run = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i]!;
    if (byte < ZERO || byte > NINE) run = 0;
    else if (++run === LONG_DIGITS) return true;
  }
  return false;
}

const keepIntegers: Reviver = (_key, value, context) => {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const { source } = context;
  if (source === undefined || source.length > MAX_DIGITS + 1) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
};

function parseExactly(text: string): unknown {
  return JSON.parse(text, keepIntegers as (this: unknown, key: string, value: unknown) => unknown);
}

/** @returns what a JSON value is, for a sentence: `the number 3`, `null`, `a list` */
export function describe(json: unknown): string {
  if (json === undefined) return 'nothing';
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'a list';
  if (typeof json === 'object') return 'an object';
  if (typeof json === 'string') return `the string ${JSON.stringify(json.slice(0, 40))}`;
  return `the ${typeof json} ${String(json).slice(0, 40)}`;
}
