/**
 * Tells whose token was sent. The token's row is read each time, so that a revoked one is refused at once; scrypt is
 * paid once for each token and process, one at a time, since it takes 16 MiB.
 */
import { createHash } from 'node:crypto';
import type { AccessTable } from '../database/access-table.ts';
import type { Caller, LoginRefused } from './caller.ts';
import { isSecretOf, parseToken } from './token.ts';

/** A use is noted at most so often. */
const USE_NOTED_US = 60_000_000;
/** Tokens whose scrypt is remembered. */
const REMEMBERED = 1_000;

export class TokenCheck {
  readonly #table: AccessTable;
  readonly #nowUs: () => number;
  readonly #isSecretOf: typeof isSecretOf;
  /** By the SHA-256 of the token, the kept hash that it was found to fit. */
  readonly #known = new Map<string, string>();
  #turn: Promise<unknown> = Promise.resolve();

  /** @param compare  what costs: tests count it */
  constructor(table: AccessTable, nowUs: () => number, compare = isSecretOf) {
    this.#table = table;
    this.#nowUs = nowUs;
    this.#isSecretOf = compare;
  }

  /** @param what  is asked for, for the audit */
  async callerOf(text: string, what: string): Promise<Caller | LoginRefused> {
    const token = parseToken(text);
    if (token === null)
      return { refused: 'what was sent as a token is none: expected plumb_…, as it was shown once' };
    const found = await this.#table.tokenOf(token.id);
    if (found === null || !(await this.#fits(text, token.secret, found.hash)))
      return { refused: 'the token is not known here: it is of another registry, or was not copied whole' };
    const { name, role, teams, revokedUs, usedUs } = found;
    const nowUs = this.#nowUs();
    // A process that goes on with a revoked one is told of once a minute, too.
    const beforeUs = Math.max(nowUs - USE_NOTED_US, revokedUs ?? 0);
    const revoked = `the token ${name} was revoked`;
    if (usedUs === null || usedUs <= beforeUs) {
      const used = { what: 'use', detail: what } as const;
      const refused = { what: 'refused', detail: `${what}: ${revoked}` } as const;
      const entry = {
        atUs: nowUs,
        who: name,
        via: 'token',
        ...(revokedUs === null ? used : refused),
      } as const;
      await this.#table.noteUse(token.id, entry, beforeUs);
    }
    if (revokedUs !== null) return { refused: revoked };
    return { name, role, teams, via: 'token' };
  }

  async #fits(text: string, secret: string, kept: string): Promise<boolean> {
    const key = createHash('sha256').update(text).digest('base64');
    if (this.#known.get(key) === kept) return true;
    const fits = this.#turn.then(async () => {
      // Whoever came first may have asked the same.
      if (this.#known.get(key) === kept) return true;
      if (!(await this.#isSecretOf(secret, kept))) return false;
      if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(key, kept);
      return true;
    });
    this.#turn = fits.catch(() => {});
    return fits;
  }
}
