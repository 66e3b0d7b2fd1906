/** `plumb login` and `plumb logout`: who runs the commands after them, where people log in at a provider. */
import { registryError } from '../../contract/errors.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Caller } from '../../project/access/caller.ts';
import type { Role } from '../../project/access/role.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import type { OidcSettings } from '../../project/settings/oidc-settings.ts';
import { forgetLogin, keepLogin } from './kept-login.ts';

/** Shows where to log in, waits for it, and keeps the login. @throws REG_LOGIN, REG_ISSUER */
export async function login(context: CommandContext): Promise<ExitCode> {
  const project = projectOf(context);
  const oidc = oidcOf(project);
  const { access } = project.settings;
  const nowUs = (): number => project.clock.nowUs();
  const { deviceLogin } = await import('./device-login.ts');
  const show = ({ url, code }: { readonly url: string; readonly code: string }): void =>
    context.logger.info(`Open ${url} and enter the code ${code}. Waiting for you there.`);
  const kept = await deviceLogin(oidc, access, show, nowUs);
  const caller = await callerOf(kept.token, oidc, project);
  const file = await keepLogin(oidc, kept);
  const { name, role, teams } = caller;
  const until = formatTimestamp(kept.endsUs);
  const isRenewed = kept.refreshToken !== null;
  const data = { name, role, teams, until, renewed: isRenewed, file };
  const of = teams.length === 0 ? '' : ` of ${teams.join(', ')}`;
  const may = role === null ? '' : `: ${role}${of}`;
  const end = isRenewed ? 'It is renewed by the commands that use it.' : `It ends at ${until}.`;
  await printResult(context, data, () => `Logged in as ${name}${may}. ${end}`);
  return 0;
}

/** Where the registry is a server's, roles and teams are known there alone. */
interface LoggedIn extends Pick<Caller, 'name' | 'teams'> {
  readonly role: Role | null;
}

/** As the registry would take it: a login without a role is no use. */
async function callerOf(token: string, oidc: OidcSettings, { settings, clock }: Project): Promise<LoggedIn> {
  const [{ JwtCheck }, { callerOfClaims }] = await Promise.all([
    import('../../project/access/oidc/jwt-check.ts'),
    import('../../project/access/oidc/claims.ts'),
  ]);
  const check = new JwtCheck(oidc, settings.access, () => clock.nowUs());
  const found = await check.claimsOf(token, [oidc.audience ?? oidc.commandClientId]);
  if (!('refused' in found) && settings.registry.kind === 'http') {
    const { [oidc.nameClaim]: name, sub } = found.claims;
    return { name: String(name ?? sub), role: null, teams: [] };
  }
  const caller = 'refused' in found ? found : callerOfClaims(found.claims, oidc);
  if ('refused' in caller) throw registryError('REG_LOGIN', caller.refused, { field: 'access.oidc' });
  return caller;
}

/** Forgets the login, here first, then at the provider. */
export async function logout(context: CommandContext): Promise<ExitCode> {
  const project = projectOf(context);
  const oidc = oidcOf(project);
  const gone = await forgetLogin(oidc);
  if (gone !== null && gone.refreshToken !== null) {
    const { endLogin } = await import('./device-login.ts');
    await endLogin(oidc, project.settings.access, gone.refreshToken);
  }
  const said = gone === null ? 'Nobody was logged in.' : 'The login is forgotten, here and at its provider.';
  await printResult(context, { loggedOut: gone !== null }, () => said);
  return 0;
}

function oidcOf({ settings }: Project): OidcSettings {
  const { oidc } = settings.access;
  if (oidc !== null) return oidc;
  throw registryError('REG_LOGIN', 'nobody can log in: access.oidc names no identity provider', {
    field: 'access.oidc.issuer',
    help: 'Name one, or set PLUMB_TOKEN to a token of the registry (docs/access.md).',
  });
}
