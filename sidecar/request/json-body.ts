/** Reads a request's body: JSON in UTF-8, integers exact (contract/wire/request/exact-json.ts). */
import { isAscii, isUtf8 } from 'node:buffer';
import { describe, parseExactJson } from '../../contract/wire/request/exact-json.ts';
import { sidecarError } from '../errors.ts';

/** @throws SRV_JSON */
export function parseJsonBody(body: Buffer): Readonly<Record<string, unknown>> {
  const text = bodyText(body);
  let json: unknown;
  try {
    json = parseExactJson(text);
  } catch (error) {
    const what = error instanceof RangeError ? 'the body is not read' : 'the body is no JSON';
    throw sidecarError('SRV_JSON', `${what}: ${(error as Error).message}`, {}, error);
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
