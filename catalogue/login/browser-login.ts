/**
 * How people log in with a browser: the code flow of OpenID Connect with PKCE, and a session in a cookie.
 *
 *   GET  /login?to=/path   to the identity provider; what has to come back is in a cookie of ten minutes
 *   GET  /login/callback   from there, with a code: the session begins, and leads to /path
 *   POST /logout           with the token of the page's form: the session is over
 *
 * A session holds who somebody was when they logged in: what changes at the provider counts from the next login on.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { Configuration } from 'openid-client';
import { registryError } from '../../contract/errors.ts';
import type { Caller } from '../../project/access/caller.ts';
import { callerOfClaims } from '../../project/access/oidc/claims.ts';
import { issuerConfiguration, issuerError } from '../../project/access/oidc/issuer.ts';
import { JwtCheck } from '../../project/access/oidc/jwt-check.ts';
import { CallError } from '../../project/connections/http-call.ts';
import type { AccessTable } from '../../project/database/access-table.ts';
import type { AccessSettings } from '../../project/settings/access-settings.ts';
import type { OidcSettings } from '../../project/settings/oidc-settings.ts';
import { catalogueError } from '../errors.ts';
import { SealedCookie, sealingKey } from './sealed-cookie.ts';

interface Session extends Pick<Caller, 'role' | 'teams'> {
  readonly name: string;
  /** What its forms send along. */
  readonly formToken: string;
}

/** What a login that is under way has to bring back. */
interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where it leads. */
  readonly to: string;
}

const PENDING_US = 600_000_000;
const AGAIN = 'Open /login to log in again.';
const CALLBACK = '/login/callback';
const FORM_TOKEN_BYTES = 16;
/** Of the form that logs out: anybody may send one. */
const MOST_FORM_BYTES = 16 << 10;

export class BrowserLogin {
  readonly #oidc: OidcSettings;
  readonly #access: AccessSettings;
  readonly #table: AccessTable;
  readonly #nowUs: () => number;
  readonly #check: JwtCheck;
  readonly #sessions: SealedCookie<Session>;
  readonly #pending: SealedCookie<Pending>;

  /** @throws REG_KEY */
  constructor(oidc: OidcSettings, access: AccessSettings, table: AccessTable, nowUs: () => number) {
    this.#oidc = oidc;
    this.#access = access;
    this.#table = table;
    this.#nowUs = nowUs;
    this.#check = new JwtCheck(oidc, access, nowUs);
    const key = sealingKey(oidc.sessionKeyFile);
    this.#sessions = new SealedCookie('plumb', key, oidc.sessionUs, nowUs);
    this.#pending = new SealedCookie('plumb-login', key, PENDING_US, nowUs);
  }

  /** @returns whose browser it is, and what its forms have to send; null: nobody has logged in there */
  async sessionOf(context: Context): Promise<{ readonly caller: Caller; readonly formToken: string } | null> {
    const session = await this.#sessions.read(context);
    if (session === null) return null;
    const { name, role, teams, formToken } = session;
    return { caller: { name, role, teams, via: 'oidc' }, formToken };
  }

  /** @param told  draws a page that says something */
  addTo(app: Hono, told: (context: Context, title: string, links: readonly Link[]) => Response): void {
    app.get('/login', (context) => this.#begin(context));
    app.get(CALLBACK, (context) => this.#end(context));
    const limit = bodyLimit({
      maxSize: MOST_FORM_BYTES,
      onError: () => {
        throw catalogueError('CAT_BODY', `what was posted has more than ${MOST_FORM_BYTES} bytes`, {
          help: 'Load the page again.',
        });
      },
    });
    app.post('/logout', limit, async (context) => {
      const session = await this.#sessions.read(context);
      const { token } = await context.req.parseBody();
      if (session !== null && token !== session.formToken)
        throw catalogueError('CAT_ORIGIN', 'the form is not one of this session', {
          help: 'Load the page again.',
        });
      this.#sessions.remove(context);
      return told(context, 'You are logged out here', [
        { to: '/login', words: 'Log in' },
        ...(await this.#endThere()),
      ]);
    });
  }

  async #begin(context: Context): Promise<Response> {
    const configuration = await this.#configuration();
    const verifier = randomPKCECodeVerifier();
    const to = ownPath(context.req.query('to') ?? '/');
    const pending: Pending = { state: randomState(), nonce: randomNonce(), verifier, to };
    // A long address is no reason not to log in.
    if (!(await this.#pending.set(context, pending)))
      await this.#pending.set(context, { ...pending, to: '/' });
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: this.#callback(context),
      scope: this.#oidc.scopes.join(' '),
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: pending.state,
      nonce: pending.nonce,
    });
    return context.redirect(url.href);
  }

  async #end(context: Context): Promise<Response> {
    // What only looks at the link must not spend the code, and GET takes HEAD along.
    if (context.req.method !== 'GET')
      throw catalogueError('CAT_METHOD', `${context.req.method} is not taken here`, { field: 'method' });
    const pending = await this.#pending.read(context);
    this.#pending.remove(context);
    if (pending === null)
      throw catalogueError(
        'CAT_LOGIN',
        'no login was under way in this browser, or it took longer than 10 minutes',
        {
          help: AGAIN,
        },
      );
    const idToken = await this.#redeem(context, pending);
    const found = await this.#check.claimsOf(idToken, [this.#oidc.clientId]);
    const caller = 'refused' in found ? found : callerOfClaims(found.claims, this.#oidc);
    const atUs = this.#nowUs();
    if ('refused' in caller) {
      const who = 'claims' in found ? String(found.claims['sub']) : '';
      await this.#table.note({
        atUs,
        who,
        via: 'oidc',
        what: 'refused',
        detail: `GET /login: ${caller.refused}`,
      });
      throw catalogueError('CAT_LOGIN', caller.refused, { help: AGAIN });
    }
    const { name, role, teams } = caller;
    const formToken = randomBytes(FORM_TOKEN_BYTES).toString('base64url');
    if (!(await this.#sessions.set(context, { name: name!, role, teams, formToken }))) {
      const help = 'Name those that count here in access.oidc.teams.';
      throw catalogueError('CAT_LOGIN', `${name} is of ${teams.length} teams, too many for a session`, {
        help,
      });
    }
    const detail = `${role}${teams.length === 0 ? '' : ` of ${teams.join(', ')}`}`;
    await this.#table.note({ atUs, who: name!, via: 'oidc', what: 'login', detail });
    return context.redirect(pending.to);
  }

  /** @returns the ID token that the provider gives for the code */
  async #redeem(context: Context, { state, nonce, verifier }: Pending): Promise<string> {
    const configuration = await this.#configuration();
    const { search } = new URL(context.req.url);
    try {
      const tokens = await authorizationCodeGrant(
        configuration,
        new URL(`${this.#callback(context)}${search}`),
        {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        },
      );
      return tokens.id_token!;
    } catch (error) {
      if (callErrorIn(error)) throw issuerError(this.#oidc.issuer, 'the login could not be ended', error);
      const {
        error: code,
        error_description: said,
        message,
      } = error as Error & {
        error?: string;
        error_description?: string;
      };
      const why = [code ?? message, said].filter((text) => typeof text === 'string').join(', ');
      throw catalogueError(
        'CAT_LOGIN',
        `the login did not succeed: ${why.slice(0, 300)}`,
        { help: AGAIN },
        error,
      );
    }
  }

  async #configuration(): Promise<Configuration> {
    const { clientId: id, clientSecretFile } = this.#oidc;
    const secret = clientSecretFile === null ? null : secretIn(clientSecretFile);
    return issuerConfiguration(this.#oidc, this.#access, { id, secret });
  }

  #callback(context: Context): string {
    // The guard has looked at the Host header.
    return `${this.#oidc.publicUrl ?? `http://${context.req.header('host')}`}${CALLBACK}`;
  }

  /** The session at the provider lasts: whoever logs in again is asked nothing. It may be away. */
  async #endThere(): Promise<Link[]> {
    try {
      const configuration = await this.#configuration();
      if (configuration.serverMetadata().end_session_endpoint === undefined) return [];
      return [{ to: buildEndSessionUrl(configuration).href, words: 'Log out at the identity provider, too' }];
    } catch {
      return [];
    }
  }
}

export interface Link {
  readonly to: string;
  readonly words: string;
}

function secretIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const message = `access.oidc.clientSecretFile: ${(error as Error).message}`;
    throw registryError('REG_ISSUER', message, { file, field: 'access.oidc.clientSecretFile' }, error);
  }
}

/** @returns the path where it is one of this server, else home: no login leads elsewhere */
function ownPath(text: string): string {
  const here = 'http://here.invalid';
  const url = URL.parse(text, here);
  if (url === null || url.origin !== here || !text.startsWith('/')) return '/';
  return `${url.pathname}${url.search}`.replace(/^\/{2,}/, '/');
}

/** Whether the provider was not reached, as far as the libraries' errors tell. */
function callErrorIn(error: unknown): boolean {
  if (error instanceof CallError) return true;
  return error instanceof Error && error.cause !== undefined && callErrorIn(error.cause);
}
