/**
 * Where a Redis is and how to log in there: the settings of `online`, read by one rule for every program.
 *
 *   redis://[user[:password]@]host[:port][/database]
 *   redis+cluster://[user[:password]@]host[:port],host[:port],...
 *   redis+sentinel://[user[:password]@]host[:port],host[:port],.../name-of-the-master[/database]
 *
 * With rediss in place of redis the connections use TLS. The login ends at the last @, so that a password may hold one;
 * special characters may be percent-encoded. `?username=`, `?password=` and `?db=` are taken too. Messages about a
 * mistake do not repeat the URL, since it may hold a password.
 */
import { z } from 'zod';
import { registryError } from '../../contract/errors.ts';

export interface RedisAddress {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  /** The server, nodes of the cluster, or the sentinels: at least one. */
  readonly nodes: readonly RedisNode[];
  /** As the sentinels know the master; null without sentinels. */
  readonly masterName: string | null;
  readonly database: number;
  readonly login: RedisLogin;
  /** The login at the sentinels themselves. */
  readonly sentinelLogin: RedisLogin;
  /** null: no TLS. */
  readonly tls: RedisTls | null;
}

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisLogin {
  readonly user: string | null;
  readonly password: string | null;
  /** Absolute; read anew for each connection, as a secret is renewed in place. */
  readonly passwordFile: string | null;
}

/** Files in PEM, absolute; null: the machine's authorities, no certificate of our own. */
export interface RedisTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that the servers' certificates must have; null: the one they were called by. */
  readonly serverName: string | null;
}

/** What `online` may say beside its URL. */
export interface RedisAccess {
  readonly login: RedisLogin;
  readonly sentinelLogin: RedisLogin;
  readonly tls: RedisTls | null;
}

export const NO_LOGIN: RedisLogin = { user: null, password: null, passwordFile: null };
const SYSTEM_TLS: RedisTls = { ca: null, cert: null, key: null, serverName: null };
const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
const FORMS =
  'redis://[user:password@]host:port[/database], redis+cluster://host:port,host:port or ' +
  'redis+sentinel://host:port,host:port/master (rediss for TLS)';

const text = z.string().min(1).nullable().default(null);
const login = z
  .strictObject({ user: text, password: text, passwordFile: text })
  .refine(({ password, passwordFile }) => password === null || passwordFile === null, {
    message: 'give the password or a file that holds it, not both',
  });

/** The settings of `online` beside url and keyPrefix. */
export const REDIS_ACCESS = {
  user: text,
  password: text,
  passwordFile: text,
  sentinel: login.nullable().default(null),
  tls: z
    .strictObject({ ca: text, cert: text, key: text, serverName: text })
    .refine(({ cert, key }) => (cert === null) === (key === null), 'cert and key go together: give both')
    .nullable()
    .default(null),
};

type ParsedAccess = z.output<z.ZodObject<typeof REDIS_ACCESS>>;

/** @param path  makes a path absolute against the project's folder */
export function redisAccess(parsed: ParsedAccess, path: (text: string) => string): RedisAccess {
  const file = (name: string | null): string | null => (name === null ? null : path(name));
  const { user, password, passwordFile, sentinel, tls } = parsed;
  const { ca = null, cert = null, key = null, serverName = null } = tls ?? {};
  return {
    login: { user, password, passwordFile: file(passwordFile) },
    sentinelLogin: sentinel === null ? NO_LOGIN : { ...sentinel, passwordFile: file(sentinel.passwordFile) },
    tls: tls === null ? null : { ca: file(ca), cert: file(cert), key: file(key), serverName },
  };
}

/** @throws REG_SETTINGS, without the URL itself */
export function redisAddress(url: string, access?: RedisAccess): RedisAddress {
  const { kind, secure, loginText, hostsText, path, query } = urlParts(url);
  const paths = path.split('/').filter((part) => part !== '');
  const masterName = kind === 'sentinel' ? (paths.shift() ?? null) : null;
  if (kind === 'sentinel' && masterName === null)
    mistake('the name of the master is missing behind the last host: …/mymaster');
  const databaseText = query.get('db') ?? paths.shift() ?? '0';
  if (!/^\d{1,5}$/.test(databaseText) || paths.length > 0)
    mistake('behind the host comes a slash and the number of a database, or nothing');
  if (kind === 'cluster' && databaseText !== '0') mistake('a cluster has only database 0');
  return {
    kind,
    nodes: nodesOf(hostsText, kind),
    masterName,
    database: Number(databaseText),
    login: loginOf(loginText, query, access?.login ?? NO_LOGIN),
    sentinelLogin: access?.sentinelLogin ?? NO_LOGIN,
    tls: tlsOf(secure, access?.tls ?? null),
  };
}

interface UrlParts {
  readonly kind: RedisAddress['kind'];
  readonly secure: boolean;
  /** null: there is no @. */
  readonly loginText: string | null;
  readonly hostsText: string;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
}

const URL_FORM = /^(redis|rediss)(\+cluster|\+sentinel)?:\/\/(.+)$/is;
const QUERY = /\?((?:username|password|db)=.*)$/s;

function urlParts(url: string): UrlParts {
  const [, scheme, suffix, all] = URL_FORM.exec(url) ?? [];
  if (all === undefined) mistake(`it should be ${FORMS}`);
  const queryText = QUERY.exec(all)?.[1] ?? null;
  const withoutQuery = queryText === null ? all : all.slice(0, -queryText.length - 1);
  const at = withoutQuery.lastIndexOf('@');
  const place = withoutQuery.slice(at + 1);
  const slash = place.indexOf('/');
  const hostsText = slash === -1 ? place : place.slice(0, slash);
  const path = slash === -1 ? '' : place.slice(slash);
  if (/[?#]/.test(place)) mistake('behind the host only ?username=, ?password= and ?db= are known');
  return {
    kind: suffix === undefined ? 'single' : suffix.toLowerCase() === '+cluster' ? 'cluster' : 'sentinel',
    secure: scheme!.toLowerCase() === 'rediss',
    loginText: at === -1 ? null : withoutQuery.slice(0, at),
    hostsText,
    path,
    query: queryOf(queryText),
  };
}

function queryOf(queryText: string | null): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of queryText?.split('&') ?? []) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0));
    if (!['username', 'password', 'db'].includes(name))
      mistake('behind the ? only username=, password= and db= are known');
    query.set(name, decoded(pair.slice(equals + 1)));
  }
  return query;
}

function nodesOf(hostsText: string, kind: RedisAddress['kind']): RedisNode[] {
  const hosts = hostsText.split(',');
  if (kind === 'single' && hosts.length > 1)
    mistake('there are several hosts: a cluster is redis+cluster://, sentinels are redis+sentinel://');
  return hosts.map((host) => {
    const [, bracketed, name, port] =
      /^(?:\[([0-9a-f:.%]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(host.trim()) ?? [];
    const found = bracketed ?? name;
    const number = Number(port ?? (kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT));
    if (found === undefined || number < 1 || number > 65_535)
      mistake(
        'a host is a name, an IPv4 address or [an IPv6 address], with :port from 1 to 65535 behind it or none',
      );
    return { host: found, port: number };
  });
}

function loginOf(loginText: string | null, query: UrlParts['query'], given: RedisLogin): RedisLogin {
  const colon = loginText?.indexOf(':') ?? -1;
  const userText = loginText === null ? null : loginText.slice(0, colon === -1 ? undefined : colon);
  const inUrl = {
    user: query.get('username') ?? (userText === null || userText === '' ? null : decoded(userText)),
    password:
      query.get('password') ??
      (loginText === null || colon === -1 ? null : decoded(loginText.slice(colon + 1))),
  };
  if (inUrl.user !== null && given.user !== null)
    mistake('the user is given twice, in the URL and as online.user');
  const secrets = [inUrl.password, given.password, given.passwordFile].filter((each) => each !== null);
  if (secrets.length > 1)
    mistake('the password is given twice: in the URL, as online.password or as online.passwordFile');
  const user = inUrl.user ?? given.user;
  if (user !== null && secrets.length === 0)
    mistake(
      'there is a user and no password: write user:password@, or give online.passwordFile (a password alone is :password@)',
    );
  return { user, password: inUrl.password ?? given.password, passwordFile: given.passwordFile };
}

function tlsOf(secure: boolean, tls: RedisTls | null): RedisTls | null {
  if (tls !== null && !secure)
    mistake('online.tls goes with a URL of rediss://, rediss+cluster:// or rediss+sentinel://');
  return secure ? (tls ?? SYSTEM_TLS) : null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return mistake('a % in the login begins a percent-encoding such as %40; write %25 for the sign itself');
  }
}

function mistake(why: string): never {
  throw registryError('REG_SETTINGS', `online: ${why} (the URL is not shown, since it may hold a password)`, {
    field: 'online',
  });
}
