/** Who runs a command: the owner of the token in PLUMB_TOKEN, else whoever has logged in, where access is on. */
import { hostname, userInfo } from 'node:os';
import { registryError } from '../../contract/errors.ts';
import { ANYBODY, lackOf } from '../../project/access/caller.ts';
import type { Caller } from '../../project/access/caller.ts';
import type { Role } from '../../project/access/role.ts';
import { BearerCheck } from '../../project/access/bearer-check.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import { loginToken } from './kept-login.ts';

/** What a check knows is kept as long as the database is open: a command asks more than once. */
const CHECKS = new WeakMap<RegistryDatabase, BearerCheck>();

/**
 * @param what  the command does, for the audit, such as `plan`
 * @returns     who may do it
 * @throws      REG_LOGIN without a token that is good; REG_ROLE with one whose role does not have it
 */
export async function callerWith(
  needed: Role,
  what: string,
  project: Project,
  database: RegistryDatabase,
): Promise<Caller> {
  const { settings, clock } = project;
  if (!settings.access.enabled) return ANYBODY;
  const caller = project.caller ?? (await callerOfCommand(what, project, database));
  const lack = lackOf(caller, needed);
  if (lack === null) return caller;
  const { via } = caller;
  await database.access.note({
    atUs: clock.nowUs(),
    who: nameOf(caller),
    via,
    what: 'refused',
    detail: `${what}: ${lack}`,
  });
  throw registryError('REG_ROLE', `${what} is refused: ${lack}`);
}

async function callerOfCommand(what: string, project: Project, database: RegistryDatabase): Promise<Caller> {
  const { settings, clock } = project;
  const token = await sentToken(project);
  if (token === null) throw registryError('REG_LOGIN', `${what} needs a token, and PLUMB_TOKEN is not set`);
  const check =
    CHECKS.get(database) ?? new BearerCheck(settings.access, database.access, () => clock.nowUs());
  CHECKS.set(database, check);
  const caller = await check.callerOf(token, what);
  if ('refused' in caller) throw registryError('REG_LOGIN', caller.refused, { field: 'PLUMB_TOKEN' });
  return caller;
}

/** @returns the token that says who runs a command; null: none was given, and nobody has logged in */
export async function sentToken({ settings, clock }: Project): Promise<string | null> {
  const given = (process.env['PLUMB_TOKEN'] ?? '').trim();
  if (given !== '') return given;
  const { access } = settings;
  return access.oidc === null ? null : loginToken(access.oidc, access, () => clock.nowUs());
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
