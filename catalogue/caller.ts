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
import { TokenCheck } from '../project/access/token-check.ts';
import type { AccessTable } from '../project/database/access-table.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { AccessSettings } from '../project/settings/access-settings.ts';
import { catalogueError } from './errors.ts';

declare module 'hono' {
  interface ContextVariableMap {
    caller: Caller;
  }
}

/** Tells who sent a request; throws CAT_LOGIN where nobody does who is known. */
export type CallerOf = (context: Context) => Promise<Caller>;

export const ANYONE: CallerOf = async () => ANYBODY;

/** By the header of a proxy, else by the token that `Authorization: Bearer` brings. */
export function callerBy(settings: AccessSettings, table: AccessTable, nowUs: () => number): CallerOf {
  if (!settings.enabled) return ANYONE;
  const tokens = new TokenCheck(table, nowUs);
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
    const token = /^Bearer +(\S{1,200})$/i.exec(req.header('authorization') ?? '')?.[1];
    if (token === undefined)
      throw catalogueError('CAT_LOGIN', 'this catalogue asks who you are, and no token came');
    const caller = await tokens.callerOf(token, what);
    if ('refused' in caller) throw catalogueError('CAT_LOGIN', caller.refused, { field: 'authorization' });
    return caller;
  };
}

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

/** Asks who sends a request, and lets no cache that others share keep what only they may read. */
export function knownCaller(callerOf: CallerOf): MiddlewareHandler {
  return async (context, next) => {
    const caller = await callerOf(context);
    context.set('caller', caller);
    await next();
    if (caller.name === null) return;
    const { headers } = context.res;
    headers.set('cache-control', (headers.get('cache-control') ?? 'no-store').replace('public', 'private'));
    headers.append('vary', 'authorization');
    // What a proxy says is no part of the address either.
    if (caller.via === 'proxy') headers.set('vary', '*');
  };
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
