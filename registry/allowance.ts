/**
 * The refusals of the guard that the user allows: exactly those that are named, with a reason. A name that matches no
 * refusal is taken for a typing error, and then nothing at all is applied.
 */
import type { Change } from './changes.ts';
import { didYouMean } from '../contract/std/did-you-mean.ts';
import { registryError } from '../contract/errors.ts';
import { consumerText } from './guard.ts';
import type { Allowed } from '../contract/refusal.ts';

export interface Allowance {
  /** The names of refusals, as a plan prints them. */
  readonly names: readonly string[];
  /** Why the apply is made; empty: nobody said. */
  readonly reason: string;
  /** Who makes it; null: whoever is logged in. */
  readonly author: string | null;
}

export const NO_ALLOWANCE: Allowance = { names: [], reason: '', author: null };

/**
 * @param names   the values of `--allow`
 * @param reason  the value of `--reason`
 * @param author  that of `--author`
 * @throws REG_USAGE when names are given without a reason
 */
export function allowanceOf(names: readonly string[], reason?: string, author?: string): Allowance {
  const isGiven = reason !== undefined && reason.trim() !== '';
  if (names.length > 0 && !isGiven) {
    throw registryError('REG_USAGE', '--allow needs --reason: why the change may break what it breaks', {
      field: 'reason',
      help: 'The registry keeps it, and `plumb show` tells it.',
    });
  }
  return { names: [...new Set(names)], reason: reason?.trim() ?? '', author: author ?? null };
}

/** @throws REG_ALLOW, REG_REFUSED */
export function allowedOf(changes: readonly Change[], { names, reason }: Allowance): Allowed[] {
  const refusals = changes.flatMap((change) => change.refusals);
  const refused = [...new Set(refusals.map(({ name }) => name))];
  const unknown = names.filter((name) => !refused.includes(name));
  if (unknown.length > 0) {
    const which = unknown.map((name) => `"${name}"${didYouMean(name, refused)}`).join('; ');
    const known = refused.length === 0 ? 'nothing is refused' : `refused is ${refused.join(', ')}`;
    throw registryError('REG_ALLOW', `nothing that is refused has the name ${which}; ${known}`, {
      field: 'allow',
    });
  }
  const left = changes.filter((change) => change.refusals.some(({ name }) => !names.includes(name)));
  if (left.length > 0) throw refusedError(left, names);
  return refusals.map(({ name, services }) => ({ name, reason, services }));
}

function refusedError(changes: readonly Change[], names: readonly string[]): Error {
  const left: string[] = [];
  const lines = changes.flatMap((change) =>
    change.refusals.flatMap(({ name, services }) => {
      if (names.includes(name)) return [];
      left.push(`--allow ${name}`);
      const who = services.map(({ service, consumers }) => `  ${service}: ${consumerText(consumers)}`);
      return [`${name}: a ${change.kind} change of ${change.what} ${change.name}, consumed by`, ...who];
    }),
  );
  return registryError('REG_REFUSED', ['the change would break', ...lines].join('\n'), {
    help:
      'Make a new version of the view (version: 2) or a new service beside the old one and let the models move ' +
      `over one by one, or take it knowingly: plumb apply ${left.join(' ')} --reason "..."`,
  });
}

/** Whether an allowance belongs to a definition: `purchases.ttl` and `purchases__count_7d` belong to `purchases`. */
export function isAllowanceOf({ name }: Allowed, definition: string): boolean {
  return name === definition || name.startsWith(`${definition}.`) || name.startsWith(`${definition}__`);
}
