/** Who asks, and what they may do: found by the catalogue for each request, by the command line for each command. */
import { includesRole } from './role.ts';
import type { Role } from './role.ts';

/** How somebody said who they are: by their login on the machine, a token, a proxy, or an identity provider. */
export type Via = 'login' | 'token' | 'proxy' | 'oidc';

export interface Caller {
  /** null: nobody has said who asks, since access is off. */
  readonly name: string | null;
  readonly role: Role;
  /** Whose definitions an apply may change; an admin's may change all. */
  readonly teams: readonly string[];
  readonly via: Via;
}

/** Why nobody is known to ask, as a sentence without its end. It holds nothing of a token. */
export interface LoginRefused {
  readonly refused: string;
}

/** Where access is off everybody may do everything. */
export const ANYBODY: Caller = { name: null, role: 'admin', teams: [], via: 'login' };

/** @returns why the caller may not do it, as a sentence without its end; null: they may */
export function lackOf({ name, role }: Caller, needed: Role): string | null {
  if (includesRole(role, needed)) return null;
  return `${name ?? 'whoever asks'} has the role ${role}, and this needs ${needed}`;
}
