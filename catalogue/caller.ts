/**
 * Who sends a request: the one place that asks. app.ts calls it before each page; the style alone is given to anybody.
 * Where access is off everybody may read everything, and nobody has a name.
 */
import type { IncomingMessage } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import { ANYBODY, lackOf } from '../project/access/caller.ts';
import type { Caller } from '../project/access/caller.ts';
import type { Role } from '../project/access/role.ts';
import { proxyCaller } from '../project/access/proxy-header.ts';
import { BearerCheck } from '../project/access/bearer-check.ts';
import type { AccessTable } from '../project/database/access-table.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { AccessSettings } from '../project/settings/access-settings.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { catalogueError } from './errors.ts';
import type { BrowserLogin } from './login/browser-login.ts';

declare module 'hono' {
  interface ContextVariableMap {
    caller: Caller;
    /** Of a browser that has logged in, what its forms send along. */
    formToken?: string;
  }
}

/** Tells who sent a request; throws CAT_LOGIN where nobody does who is known. */
export type CallerOf = (context: Context) => Promise<Caller>;

export const ANYONE: CallerOf = async () => ANYBODY;

/**
 * By the header of a proxy, else by the token that `Authorization: Bearer` brings, else by the session of a browser.
 *
 * @param login  null: browsers log in nowhere
 */
export function callerBy(
  settings: AccessSettings,
  table: AccessTable,
  nowUs: () => number,
  login: BrowserLogin | null = null,
): CallerOf {
  if (!settings.enabled) return ANYONE;
  const tokens = new BearerCheck(settings, table, nowUs);
  const proxied = proxyCaller(settings.proxy);
  const noteForged = onceAMinute(table, nowUs);
  return async (context) => {
    const { req } = context;
    const { incoming } = (context.env ?? {}) as { readonly incoming?: IncomingMessage };
    const peer = incoming?.socket.remoteAddress;
    const what = `${req.method} ${req.path}`;
    const said = proxied({ peer, header: (name) => req.header(name) });
    if (said !== null && 'refused' in said) {
      await noteForged(peer ?? '', `${what}: ${said.refused}`);
      throw catalogueError('CAT_PROXY', said.refused);
    }
    if (said !== null) return said;
    const session = req.header('authorization') === undefined ? await login?.sessionOf(context) : undefined;
    if (session !== undefined && session !== null) {
      context.set('formToken', session.formToken);
      return session.caller;
    }
    const token = /^Bearer +(\S+)$/i.exec(req.header('authorization') ?? '')?.[1];
    if (token === undefined)
      throw catalogueError('CAT_LOGIN', 'this catalogue asks who you are, and no token came');
    if (token.length > MOST_TOKEN)
      throw catalogueError(
        'CAT_LOGIN',
        `the token is too long: it has ${token.length} characters, and at most ${MOST_TOKEN} are taken`,
        {
          field: 'authorization',
          help: 'Have its provider put fewer groups and claims into it.',
        },
      );
    const caller = await tokens.callerOf(token, what);
    if ('refused' in caller) throw catalogueError('CAT_LOGIN', caller.refused, { field: 'authorization' });
    return caller;
  };
}

/** Of a token, in characters: a login with thousand groups has some 13,000. */
const MOST_TOKEN = 16_384;

/** Anybody may send headers: of all that are refused one a minute is noted. */
function onceAMinute(
  table: AccessTable,
  nowUs: () => number,
): (who: string, detail: string) => Promise<void> {
  let notedUs = -Infinity;
  return async (who, detail) => {
    const atUs = nowUs();
    if (atUs < notedUs + MINUTE_US) return;
    notedUs = atUs;
    await table.note({ atUs, who, via: 'proxy', what: 'refused', detail });
  };
}

const MINUTE_US = 60_000_000;

/**
 * Asks who sends a request, and lets no cache that others share keep what only they may read.
 *
 * @param hasLogin  whether a browser that nobody has logged in with is led to where that is done
 */
export function knownCaller(callerOf: CallerOf, hasLogin: boolean): MiddlewareHandler {
  return async (context, next) => {
    const caller = await callerOf(context).catch((error: unknown) => {
      const isUnknown = error instanceof CodedError && error.code === 'CAT_LOGIN';
      if (hasLogin && isUnknown && isPageOfBrowser(context)) return null;
      throw error;
    });
    if (caller === null) {
      const { pathname, search } = new URL(context.req.url);
      return context.redirect(`/login?to=${encodeURIComponent(`${pathname}${search}`)}`);
    }
    context.set('caller', caller);
    await next();
    if (caller.name === null) return;
    const { headers } = context.res;
    headers.set('cache-control', (headers.get('cache-control') ?? 'no-store').replace('public', 'private'));
    headers.append('vary', context.var.formToken === undefined ? 'authorization' : 'authorization, cookie');
    // What a proxy says is no part of the address either.
    if (caller.via === 'proxy') headers.set('vary', '*');
  };
}

/** Programs ask for JSON and bundles, or bring a token. */
function isPageOfBrowser({ req }: Context): boolean {
  if (req.method !== 'GET' || req.header('authorization') !== undefined) return false;
  return !/^\/(api|bundles)(\/|$)/.test(req.path) && (req.header('accept') ?? '').includes('text/html');
}

/** @throws CAT_ROLE, noted in the audit */
export async function needRole(
  needed: Role,
  { req, var: { caller } }: Context,
  { database, nowUs }: { readonly database: RegistryDatabase; readonly nowUs: number },
): Promise<void> {
  const lack = lackOf(caller, needed);
  if (lack === null) return;
  const { name, via } = caller;
  const detail = `${req.method} ${req.path}: ${lack}`;
  await database.access.note({ atUs: nowUs, who: name ?? '', via, what: 'refused', detail });
  throw catalogueError('CAT_ROLE', lack);
}
