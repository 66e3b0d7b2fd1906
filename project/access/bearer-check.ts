/** Tells whose bearer token was sent: one of the registry's own, or one of the identity provider. */
import type { AccessTable } from '../database/access-table.ts';
import type { AccessSettings } from '../settings/access-settings.ts';
import type { OidcSettings } from '../settings/oidc-settings.ts';
import type { Caller, LoginRefused } from './caller.ts';
import { TokenCheck } from './token-check.ts';

const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** A use is noted at most so often for each name and process. */
const USE_NOTED_US = 60_000_000;
/** Names whose last use is remembered. */
const REMEMBERED = 1_000;

export class BearerCheck {
  readonly #access: AccessSettings;
  readonly #table: AccessTable;
  readonly #nowUs: () => number;
  readonly #tokens: TokenCheck;
  #logins: Promise<LoginCheck> | null = null;
  readonly #notedUs = new Map<string, number>();

  constructor(access: AccessSettings, table: AccessTable, nowUs: () => number) {
    this.#access = access;
    this.#table = table;
    this.#nowUs = nowUs;
    this.#tokens = new TokenCheck(table, nowUs);
  }

  /**
   * @param what  is asked for, for the audit
   * @throws      REG_ISSUER where the identity provider has to be asked and is away
   */
  async callerOf(text: string, what: string): Promise<Caller | LoginRefused> {
    const { oidc } = this.#access;
    if (oidc === null || !JWT.test(text)) return this.#tokens.callerOf(text, what);
    this.#logins ??= loginCheck(oidc, this.#access, this.#nowUs);
    const caller = await (await this.#logins)(text);
    if (!('refused' in caller)) await this.#noteUse(caller.name!, what);
    return caller;
  }

  async #noteUse(who: string, detail: string): Promise<void> {
    const atUs = this.#nowUs();
    const before = this.#notedUs.get(who);
    if (before !== undefined && atUs < before + USE_NOTED_US) return;
    if (this.#notedUs.size >= REMEMBERED) this.#notedUs.delete(this.#notedUs.keys().next().value!);
    this.#notedUs.set(who, atUs);
    await this.#table.note({ atUs, who, via: 'oidc', what: 'use', detail });
  }
}

type LoginCheck = (text: string) => Promise<Caller | LoginRefused>;

/** What is loaded for it is loaded where somebody comes with a login. */
async function loginCheck(
  oidc: OidcSettings,
  access: AccessSettings,
  nowUs: () => number,
): Promise<LoginCheck> {
  const [{ JwtCheck }, { callerOfClaims }] = await Promise.all([
    import('./oidc/jwt-check.ts'),
    import('./oidc/claims.ts'),
  ]);
  const check = new JwtCheck(oidc, access, nowUs);
  return async (text) => {
    const found = await check.claimsOf(text, bearerAudiences(oidc));
    return 'refused' in found ? found : callerOfClaims(found.claims, oidc);
  };
}

/** Whom a bearer token may be for. */
function bearerAudiences({ audience, clientId, commandClientId }: OidcSettings): string[] {
  return audience === null ? [...new Set([clientId, commandClientId])] : [audience];
}
