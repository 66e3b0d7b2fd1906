/** The commands over access: `token create`, `token list`, `token revoke`, `audit`. */
import { registryError } from '../../contract/errors.ts';
import { givenText } from '../../contract/std/given-text.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Caller } from '../../project/access/caller.ts';
import { ANYBODY } from '../../project/access/caller.ts';
import type { Role } from '../../project/access/role.ts';
import { newToken } from '../../project/access/token.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import type { AuditEntry, KeptToken } from '../../project/database/access-table.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { projectOf } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import { callerWith, nameOf } from './command-caller.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/;
/** What an owner or a team of a definition may be, but for what no line shows. */
const TEAM = /^[^\p{C}\p{Z}]([^\p{C}]{0,126}[^\p{C}\p{Z}])?$/u;

/** Makes a token, and shows it this once. */
export async function tokenCreate(
  context: CommandContext,
  name: string,
  { role, team: teams = [] }: { readonly role: Role; readonly team?: readonly string[] },
): Promise<ExitCode> {
  checkNames(name, role, teams);
  const project = projectOf(context);
  const { text, id, hash } = await newToken();
  await RegistryDatabase.using(project.settings.registry, async (database) => {
    const caller = await makerOf(role, project, database);
    const detail = `${name}: ${role}${teams.length === 0 ? '' : ` of ${teams.join(', ')}`}`;
    const entry = { atUs: project.clock.nowUs(), who: nameOf(caller), via: caller.via, detail };
    await database.access.addToken({ id, hash, name, role, teams }, { ...entry, what: 'token created' });
  });
  context.logger.info(
    `The token of ${name}. It is shown this once: keep it where secrets are kept, and give it as PLUMB_TOKEN.`,
  );
  await printResult(context, { name, role, teams, token: text }, () => text);
  return 0;
}

function checkNames(name: string, role: Role, teams: readonly string[]): void {
  if (!NAME.test(name)) {
    const expected =
      'expected a name of at most 64 letters, digits and _ . @ -, which begins with a letter or a digit';
    throw registryError('REG_TOKEN', `${expected}, got ${givenText(name)}`, { field: 'name' });
  }
  const wrong = teams.find((team) => !TEAM.test(team));
  if (wrong !== undefined) {
    const expected = 'expected a team as definitions name it, in at most 128 letters on one line';
    throw registryError('REG_TOKEN', `--team: ${expected}, got ${givenText(wrong)}`, { field: 'team' });
  }
  if (role === 'apply' && teams.length === 0) {
    const message = 'a token with the role apply needs --team: the definitions of which team it may change';
    throw registryError('REG_TOKEN', message, { field: 'team', help: 'Repeat --team for several.' });
  }
}

/** The first admin is made by whoever may write to the registry: nobody could make one otherwise. */
async function makerOf(role: Role, project: Project, database: RegistryDatabase): Promise<Caller> {
  if (role === 'admin') {
    const tokens = await database.access.tokens();
    if (!tokens.some((one) => one.role === 'admin' && one.revokedUs === null)) return ANYBODY;
  }
  return callerWith('admin', 'token create', project, database);
}

/** Lists every token, revoked ones, too; nothing of a token itself is kept. */
export async function tokenList(context: CommandContext): Promise<ExitCode> {
  const project = projectOf(context);
  const tokens = await RegistryDatabase.using(project.settings.registry, async (database) => {
    await callerWith('admin', 'token list', project, database);
    return database.access.tokens();
  });
  await printResult(context, { tokens: tokens.map(tokenToJson) }, () => tokensText(tokens));
  return 0;
}

function tokenToJson({ name, role, teams, createdUs, usedUs, revokedUs }: KeptToken): object {
  const time = (us: number | null): string | null => (us === null ? null : formatTimestamp(us));
  return { name, role, teams, createdAt: time(createdUs), usedAt: time(usedUs), revokedAt: time(revokedUs) };
}

function tokensText(tokens: readonly KeptToken[]): string {
  if (tokens.length === 0)
    return 'There is no token: `plumb token create NAME --role admin` makes the first.';
  return renderTable(
    ['token', 'role', 'teams', 'made', 'used', 'revoked'],
    tokens.map(({ name, role, teams, createdUs, usedUs, revokedUs }) => [
      name,
      role,
      teams.join(', '),
      minute(createdUs),
      usedUs === null ? 'never' : minute(usedUs),
      revokedUs === null ? '' : minute(revokedUs),
    ]),
  );
}

/** From now on the token is refused, by every process. */
export async function tokenRevoke(context: CommandContext, name: string): Promise<ExitCode> {
  const project = projectOf(context);
  await RegistryDatabase.using(project.settings.registry, async (database) => {
    const caller = await callerWith('admin', 'token revoke', project, database);
    const entry = {
      atUs: project.clock.nowUs(),
      who: nameOf(caller),
      via: caller.via,
      detail: name.slice(0, 64),
    };
    if (await database.access.revokeToken(name, { ...entry, what: 'token revoked' })) return;
    const message = `there is no token ${givenText(name)} that could be revoked`;
    throw registryError('REG_TOKEN', message, {
      field: 'name',
      help: 'Run `plumb token list` for those there are.',
    });
  });
  await printResult(context, { revoked: name }, () => `The token ${name} is refused from now on.`);
  return 0;
}

function minute(us: number): string {
  return formatTimestamp(us).slice(0, 16).replace('T', ' ');
}

/** A command that shows what is applied: whoever may read may run it. @throws REG_LOGIN */
export async function mayRead(context: CommandContext, what: string): Promise<void> {
  const project = projectOf(context);
  // The server of a registry asks by itself.
  const { access: asked, registry } = project.settings;
  if (!asked.enabled || registry.kind === 'http') return;
  await RegistryDatabase.using(project.settings.registry, (database) =>
    callerWith('read', what, project, database),
  );
}

/** Lists who applied, was refused, or used a token, the newest first. */
export async function audit(
  context: CommandContext,
  { who, most }: { readonly who?: string; readonly most: string },
): Promise<ExitCode> {
  if (!/^[1-9]\d{0,5}$/.test(most)) {
    const message = `--most: expected a whole number from 1 to 999999, got ${givenText(most)}`;
    throw registryError('REG_USAGE', message, { field: 'most' });
  }
  const project = projectOf(context);
  const entries = await RegistryDatabase.using(project.settings.registry, async (database) => {
    await callerWith('admin', 'audit', project, database);
    return database.access.audit({ most: Number(most), ...(who === undefined ? {} : { who }) });
  });
  const data = { entries: entries.map(({ atUs, ...entry }) => ({ at: formatTimestamp(atUs), ...entry })) };
  await printResult(context, data, () => auditText(entries));
  return 0;
}

function auditText(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'Nothing was applied, refused or asked for with a token yet.';
  return renderTable(
    ['when', 'who', 'by', 'what', 'more'],
    entries.map(({ atUs, who, via, what, detail }) => [
      formatTimestamp(atUs).slice(0, 19).replace('T', ' '),
      who,
      via,
      what,
      detail,
    ]),
  );
}
