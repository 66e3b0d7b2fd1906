/**
 * What a browser keeps for the catalogue, sealed (JWE, A256GCM): it can neither be read there nor changed. A page of
 * another site gets none of it sent along but by a link that somebody follows (SameSite=Lax), no script reads it
 * (HttpOnly), and no other host can set it (`__Host-`).
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { EncryptJWT, jwtDecrypt } from 'jose';
import type { JWTPayload } from 'jose';
import { registryError } from '../../contract/errors.ts';

const LEAST_KEY_BYTES = 32;
/** Of a cookie with its name: browsers keep no longer one. */
const MOST_BYTES = 3_900;
const FLAGS = { prefix: 'host', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const;

/** @param file  with the secret; null: one of this process @throws REG_KEY */
export function sealingKey(file: string | null): Uint8Array {
  if (file === null) return randomBytes(LEAST_KEY_BYTES);
  let secret: Buffer;
  try {
    secret = readFileSync(file);
  } catch (error) {
    throw fault(file, `cannot be read: ${(error as Error).message}`, error);
  }
  if (secret.length < LEAST_KEY_BYTES)
    throw fault(file, `has ${secret.length} bytes: expected at least ${LEAST_KEY_BYTES}`);
  return createHash('sha256').update(secret).digest();
}

function fault(file: string, why: string, cause?: unknown): Error {
  const help = 'Make one: `openssl rand -out FILE 32`.';
  return registryError(
    'REG_KEY',
    `${file} ${why}`,
    { file, field: 'access.oidc.sessionKeyFile', help },
    cause,
  );
}

export class SealedCookie<Content extends object> {
  readonly #name: string;
  readonly #key: Uint8Array;
  readonly #nowUs: () => number;
  readonly #lastsUs: number;

  /** @param name  also what tells its content from that of another cookie under one key */
  constructor(name: string, key: Uint8Array, lastsUs: number, nowUs: () => number) {
    this.#name = name;
    this.#key = key;
    this.#lastsUs = lastsUs;
    this.#nowUs = nowUs;
  }

  /** @returns false: the content is too long for a cookie, and none was set */
  async set(context: Context, content: Content): Promise<boolean> {
    const nowS = Math.floor(this.#nowUs() / 1_000_000);
    const lastsS = Math.floor(this.#lastsUs / 1_000_000);
    const sealed = await new EncryptJWT(content as unknown as JWTPayload)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setAudience(this.#name)
      .setExpirationTime(nowS + lastsS)
      .encrypt(this.#key);
    if (sealed.length > MOST_BYTES) return false;
    setCookie(context, this.#name, sealed, { ...FLAGS, maxAge: lastsS });
    return true;
  }

  /** @returns null: there is none, or none that was sealed here and is still good */
  async read(context: Context): Promise<Content | null> {
    const sealed = getCookie(context, this.#name, 'host');
    if (sealed === undefined) return null;
    try {
      const currentDate = new Date(this.#nowUs() / 1_000);
      const { payload } = await jwtDecrypt(sealed, this.#key, {
        audience: this.#name,
        currentDate,
        requiredClaims: ['exp'],
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return payload as unknown as Content;
    } catch {
      return null;
    }
  }

  remove(context: Context): void {
    deleteCookie(context, this.#name, { path: '/', secure: true, prefix: 'host' });
  }
}
