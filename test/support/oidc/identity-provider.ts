/**
 * A real identity provider on loopback (`oidc-provider`) that knows some people, for tests of logins: browsers by the
 * code flow with PKCE, commands by the device flow. Its signing key is at hand, so that a test can sign what it likes.
 */
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { JWTPayload } from 'jose';
import { Provider } from 'oidc-provider';

export const BROWSER_CLIENT = { id: 'plumbline', secret: 'a secret of the browser client' };
export const COMMAND_CLIENT = 'plumb-cli';

/** By the name that they log in with: what the provider says of them. */
type People = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface IdentityProvider {
  readonly issuer: string;
  /** Takes browsers back to these addresses; others are refused. */
  takesBackTo(urls: readonly string[]): Promise<void>;
  /** Signs with another key from now on; the one of before is named no more, unless it is to be kept. */
  rotate(keepsOld?: boolean): Promise<void>;
  /** Signs as the provider would, with its present key. */
  sign(
    claims: JWTPayload,
    header?: { readonly alg?: string; readonly kid?: string | null; readonly typ?: string },
  ): Promise<string>;
  /** Answers nothing, or again. */
  away(isAway: boolean): void;
  /** How often its keys were read. */
  keysRead(): number;
  close(): Promise<void>;
}

/** @param idTokenS  how long an ID token is good */
export async function startIdentityProvider(people: People, idTokenS = 3_600): Promise<IdentityProvider> {
  let answer: RequestListener = (_, response) => response.writeHead(503).end();
  let isAway = false;
  let keysRead = 0;
  const server = createServer((request, response) => {
    if (isAway) return void request.socket.destroy();
    if (request.url === '/jwks') keysRead++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let urls: readonly string[] = [`${issuer}/unused`];
  let keys = 0;
  let key: Awaited<ReturnType<typeof newKey>>;
  let named: readonly object[] = [];
  const start = (): void => {
    answer = new Provider(issuer, configuration(people, urls, named, idTokenS)).callback();
  };
  const rotate = async (keepsOld = false): Promise<void> => {
    key = await newKey(`key-${++keys}`);
    named = [key.jwk, ...(keepsOld ? named : [])];
    start();
  };
  await rotate();
  return {
    issuer,
    rotate,
    async takesBackTo(all) {
      urls = all;
      start();
    },
    sign: async (claims, { alg = 'RS256', kid = key.jwk.kid, typ = 'JWT' } = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg, typ, ...(kid === null ? {} : { kid: kid! }) })
        .sign(key.privateKey),
    away: (now) => {
      isAway = now;
      if (now) server.closeAllConnections();
    },
    keysRead: () => keysRead,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function newKey(kid: string) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' } };
}

function configuration(
  people: People,
  urls: readonly string[],
  keys: readonly object[],
  idTokenS: number,
): object {
  return {
    clients: [
      {
        client_id: BROWSER_CLIENT.id,
        client_secret: BROWSER_CLIENT.secret,
        redirect_uris: urls,
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
      {
        client_id: COMMAND_CLIENT,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys },
    cookies: { keys: ['a key of the cookies of the test'] },
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
    // As most providers do, the ID token has them, too.
    conformIdTokenClaims: false,
    findAccount: (_: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, ...people[sub] }),
    }),
    features: {
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: unknown, audience: string) => ({
          scope: 'openid profile email',
          audience,
          accessTokenFormat: 'jwt',
        }),
      },
    },
    extraTokenClaims: (_: unknown, token: { readonly accountId?: string }) => people[token.accountId ?? ''],
    ttl: { IdToken: idTokenS, AccessToken: idTokenS },
  };
}
