/** Who runs a command: the owner of the token in PLUMB_TOKEN, where access is on. */
import { hostname, userInfo } from 'node:os';
import { registryError } from '../../contract/errors.ts';
import { ANYBODY, lackOf } from '../../project/access/caller.ts';
import type { Caller } from '../../project/access/caller.ts';
import type { Role } from '../../project/access/role.ts';
import { TokenCheck } from '../../project/access/token-check.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';

/** What a check knows is kept as long as the database is open: a command asks more than once. */
const CHECKS = new WeakMap<RegistryDatabase, TokenCheck>();

/**
 * @param what  the command does, for the audit, such as `plan`
 * @returns     who may do it
 * @throws      REG_LOGIN without a token that is good; REG_ROLE with one whose role does not have it
 */
export async function callerWith(
  needed: Role,
  what: string,
  { settings, clock }: Project,
  database: RegistryDatabase,
): Promise<Caller> {
  if (!settings.access.enabled) return ANYBODY;
  const token = process.env['PLUMB_TOKEN'] ?? '';
  if (token === '') throw registryError('REG_LOGIN', `${what} needs a token, and PLUMB_TOKEN is not set`);
  const { access } = database;
  const check = CHECKS.get(database) ?? new TokenCheck(access, () => clock.nowUs());
  CHECKS.set(database, check);
  const caller = await check.callerOf(token.trim(), what);
  if ('refused' in caller) throw registryError('REG_LOGIN', caller.refused, { field: 'PLUMB_TOKEN' });
  const lack = lackOf(caller, needed);
  if (lack === null) return caller;
  const { via } = caller;
  await access.note({
    atUs: clock.nowUs(),
    who: nameOf(caller),
    via,
    what: 'refused',
    detail: `${what}: ${lack}`,
  });
  throw registryError('REG_ROLE', `${what} is refused: ${lack}`);
}

/** @returns the caller's name, or the login and the machine where nobody is asked for one */
export function nameOf({ name }: Caller): string {
  return name ?? thisUser();
}

function thisUser(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user that its system does not know.
    return `${process.getuid?.() ?? 'somebody'}@${hostname()}`;
  }
}
