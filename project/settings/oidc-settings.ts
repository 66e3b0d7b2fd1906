/** The identity provider that people log in at: `access.oidc`. Programs and pods have tokens of the registry's own. */
import { z } from 'zod';
import { ROLES } from '../access/role.ts';
import type { Role } from '../access/role.ts';
import { duration, list, localPath } from './setting-values.ts';

export interface OidcSettings {
  /** As its tokens name it, letter for letter. */
  readonly issuer: string;
  /** The client that browsers log in as. */
  readonly clientId: string;
  /** File, absolute, read at each login; null: the client is a public one, which PKCE alone guards. */
  readonly clientSecretFile: string | null;
  /** The public client that `plumb login` is. */
  readonly commandClientId: string;
  /** Whom access tokens are for; null: ID tokens of the two clients are sent and taken. */
  readonly audience: string | null;
  readonly scopes: readonly string[];
  /** The claim that names people; a dotted one lies within others. */
  readonly nameClaim: string;
  readonly rolesClaim: string;
  /** By value of that claim. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Of whoever has none of these; null: they are not let in. */
  readonly defaultRole: Role | null;
  readonly teamsClaim: string;
  /** By value of that claim; null: the values are teams as they are. */
  readonly teams: Readonly<Record<string, string>> | null;
  /** Where browsers reach `plumb ui`, without a slash at its end; null: as the Host header says, over plain HTTP. */
  readonly publicUrl: string | null;
  /** File, absolute, with the secret that sessions are sealed with; null: one that lasts as long as the process. */
  readonly sessionKeyFile: string | null;
  readonly sessionUs: number;
}

const HTTPS = 'expected a URL that begins with https:// (http:// on loopback alone), without a query';
const serverUrl = z.string().refine(isSafeUrl, HTTPS);
const role = z.enum(ROLES);

export const OIDC_SETTINGS = z.strictObject({
  issuer: serverUrl,
  clientId: z.string().min(1).default('plumbline'),
  clientSecretFile: localPath.nullable().default(null),
  commandClientId: z.string().min(1).nullable().default(null),
  audience: z.string().min(1).nullable().default(null),
  scopes: list.default(['openid', 'profile', 'email']),
  nameClaim: z.string().min(1).default('email'),
  rolesClaim: z.string().min(1).default('groups'),
  roles: z.record(z.string(), role).default({}),
  defaultRole: role.nullable().default(null),
  teamsClaim: z.string().min(1).default('groups'),
  teams: z.record(z.string(), z.string().min(1)).nullable().default(null),
  publicUrl: serverUrl.nullable().default(null),
  sessionKeyFile: localPath.nullable().default(null),
  session: duration.refine((us) => us >= 60_000_000, 'expected at least 1m').prefault('8h'),
});

/** @param path  makes a path absolute against the project's folder */
export function oidcSettings(
  { session, commandClientId, publicUrl, ...given }: z.output<typeof OIDC_SETTINGS>,
  path: (text: string) => string,
): OidcSettings {
  const file = (name: string | null): string | null => (name === null ? null : path(name));
  return {
    ...given,
    clientSecretFile: file(given.clientSecretFile),
    commandClientId: commandClientId ?? given.clientId,
    publicUrl: publicUrl?.replace(/\/+$/, '') ?? null,
    sessionKeyFile: file(given.sessionKeyFile),
    sessionUs: session,
  };
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether what is sent there, such as a token, can be read by nobody on the way. */
export function isSafeUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.search !== '' || url.hash !== '' || url.username !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}
