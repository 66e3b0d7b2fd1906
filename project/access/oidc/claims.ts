/** Who a token of an identity provider names: its claims become a name, a role and teams, by the settings. */
import { givenText } from '../../../contract/std/given-text.ts';
import type { OidcSettings } from '../../settings/oidc-settings.ts';
import type { Caller, LoginRefused } from '../caller.ts';
import { includesRole } from '../role.ts';
import type { Role } from '../role.ts';

export type Claims = Readonly<Record<string, unknown>>;

type Mapping = Pick<
  OidcSettings,
  'nameClaim' | 'rolesClaim' | 'roles' | 'defaultRole' | 'teamsClaim' | 'teams'
>;

/** On one line, without what no line shows. */
const NAME = /^[^\p{C}]{1,128}$/u;
/** Of the values of a claim that a message shows. */
const SHOWN = 5;

/** @param claims  of a token whose signature was verified */
export function callerOfClaims(claims: Claims, mapping: Mapping): Caller | LoginRefused {
  const { nameClaim, rolesClaim, roles, defaultRole, teamsClaim, teams } = mapping;
  const name = claimAt(claims, nameClaim);
  if (typeof name !== 'string' || !NAME.test(name)) {
    const help = 'its provider has to put it there, or access.oidc.nameClaim has to name another';
    return { refused: `the login names nobody: its claim ${nameClaim} is ${givenText(name)}; ${help}` };
  }
  // Whoever may write any address into their profile could be anybody.
  if (nameClaim === 'email' && !isVerified(claims['email_verified']))
    return { refused: `the address ${name} was not verified by its provider` };
  const values = textsOf(claimAt(claims, rolesClaim));
  const granted = values.flatMap((value) => (Object.hasOwn(roles, value) ? [roles[value]!] : []));
  const role = highest(defaultRole === null ? granted : [...granted, defaultRole]);
  if (role === null) {
    const shown = values.slice(0, SHOWN).map(givenText).join(', ');
    const has = values.length === 0 ? 'is empty' : `has ${shown}${values.length > SHOWN ? ', …' : ''}`;
    return {
      refused: `${name} has no role here: the claim ${rolesClaim} ${has}, and access.oidc.roles names none of it`,
    };
  }
  const claimed = textsOf(claimAt(claims, teamsClaim));
  const mapped = teams === null ? claimed : claimed.flatMap((value) => teamFor(teams, value));
  return { name, role, teams: [...new Set(mapped)], via: 'oidc' };
}

/** Where the provider does not say, addresses are its own; some say it as text. */
function isVerified(said: unknown): boolean {
  return said === undefined || said === null || said === true || said === 'true';
}

function teamFor(teams: Readonly<Record<string, string>>, value: string): string[] {
  return Object.hasOwn(teams, value) ? [teams[value]!] : [];
}

/** @param path  a claim, or one within others: `realm_access.roles` */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path.split('.').reduce<unknown>((at, key) => {
    return typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Claims)[key] : undefined;
  }, claims);
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function highest(roles: readonly Role[]): Role | null {
  return roles.reduce<Role | null>(
    (most, one) => (most === null || includesRole(one, most) ? one : most),
    null,
  );
}
