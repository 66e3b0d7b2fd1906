/**
 * The text of a token, and what is kept of it.
 *
 *   plumb_<id, 16 hex digits>_<secret, 43 letters of base64url>      32 random bytes; shown once, kept nowhere
 *   scrypt$<log2 N>$<salt, base64url>$<hash, base64url>              kept in the registry, under the id
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** 16 MiB and some 40 ms of a core: a secret of 256 bits needs no more against guessing. */
const LOG2_N = 14;
const BLOCK = { r: 8, p: 1 } as const;

const FORM = /^plumb_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

interface TokenText {
  readonly id: string;
  readonly secret: string;
}

/** @returns null for what is no token */
export function parseToken(text: string): TokenText | null {
  const found = FORM.exec(text);
  return found === null ? null : { id: found[1]!, secret: found[2]! };
}

/** A new token: its text, for whoever is to have it, and what the registry keeps. */
export async function newToken(): Promise<{
  readonly text: string;
  readonly id: string;
  readonly hash: string;
}> {
  const id = randomBytes(ID_BYTES).toString('hex');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const salt = randomBytes(SALT_BYTES);
  const hash = await derived(secret, salt, LOG2_N);
  const kept = `scrypt$${LOG2_N}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
  return { text: `plumb_${id}_${secret}`, id, hash: kept };
}

/** Compares in constant time. @returns false also for a hash of a form that is not known */
export async function isSecretOf(secret: string, kept: string): Promise<boolean> {
  const [form, log2N = '', salt = '', hash = ''] = kept.split('$');
  if (form !== 'scrypt' || !/^1\d$/.test(log2N)) return false;
  const expected = Buffer.from(hash, 'base64url');
  const given = await derived(secret, Buffer.from(salt, 'base64url'), Number(log2N));
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function derived(secret: string, salt: Buffer, log2N: number): Promise<Buffer> {
  const cost = { N: 2 ** log2N, ...BLOCK, maxmem: 2 ** (log2N + 11) };
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
