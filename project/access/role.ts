/** What somebody may do: each role includes those before it. */

/**
 *   read      pages, bundles, and commands that show something
 *   propose   plan, and keep a plan in a file
 *   apply     apply what belongs to teams of the caller's own
 *   admin     apply everything; tokens; the audit
 */
export const ROLES = ['read', 'propose', 'apply', 'admin'] as const;

export type Role = (typeof ROLES)[number];

export function includesRole(has: Role, needed: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needed);
}
