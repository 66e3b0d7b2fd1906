/** Whose definitions an apply changes, and whether its caller may: a token names the teams whose they are. */
import { registryError } from '../../contract/errors.ts';
import type { Definitions } from '../../contract/model.ts';
import type { Caller } from '../../project/access/caller.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Change } from '../changes.ts';
import { nameOf } from './command-caller.ts';

/** A definition that an apply changes, and whose it is before and after; null: nobody's. */
export interface TouchedDefinition {
  readonly what: Change['what'];
  readonly name: string;
  readonly teams: readonly (string | null)[];
}

/** @param before  null: nothing was in force, or nothing that this plumb can read */
export function touchedBy(
  changes: readonly Change[],
  before: Definitions | null,
  next: Definitions,
): TouchedDefinition[] {
  return changes.map(({ what, name }) => {
    const sides = before === null ? [next] : [before, next];
    return { what, name, teams: [...new Set(sides.flatMap((side) => teamIn(side, what, name)))] };
  });
}

/** @returns one team, or none where the definition is not there */
function teamIn(all: Definitions, what: Change['what'], name: string): (string | null)[] {
  if (what === 'entity') return ownersOf(all.entities.get(name));
  if (what === 'service') return ownersOf(all.services.get(name));
  const view = all.views.get(name) ?? all.onDemand.get(name);
  return view === undefined ? [] : [view.team ?? view.owner];
}

function ownersOf(found: { readonly owner: string | null } | undefined): (string | null)[] {
  return found === undefined ? [] : [found.owner];
}

/**
 * @param what  is done, for the audit, such as `apply`
 * @throws      REG_TEAM, noted in the audit, where some are not of the caller's teams
 */
export async function checkTeams(
  caller: Caller,
  touched: readonly TouchedDefinition[],
  { what, atUs }: { readonly what: string; readonly atUs: number },
  { access }: RegistryDatabase,
): Promise<void> {
  if (caller.role === 'admin') return;
  const isOwn = (team: string | null): boolean => team !== null && caller.teams.includes(team);
  const others = touched.filter(({ teams }) => teams.length === 0 || !teams.every(isOwn));
  if (others.length === 0) return;
  const who = nameOf(caller);
  const lines = others.map(({ what: kind, name, teams }) => `${kind} ${name}: ${ownerText(teams, isOwn)}`);
  const message = [
    `${who} may change what belongs to ${caller.teams.join(', ')}, and this touches`,
    ...lines,
  ];
  const detail = `${what}: ${lines.join('; ')}`;
  await access.note({ atUs, who, via: caller.via, what: 'refused', detail });
  throw registryError('REG_TEAM', message.join('\n'));
}

function ownerText(teams: readonly (string | null)[], isOwn: (team: string | null) => boolean): string {
  const others = teams.filter((team) => !isOwn(team));
  return others.map((team) => (team === null ? 'it says no owner' : `of ${team}`)).join(', ');
}
