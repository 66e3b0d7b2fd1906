/** What was applied before, by the number of its apply: `plumb versions` lists them, 1 is the first. */
import { registryError } from '../../contract/errors.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import { bundleFromJson } from '../../contract/definitions/definition-json.ts';
import type { Bundle } from '../../contract/model.ts';
import type { RegistryReads } from '../../project/database/registry-reads.ts';

type ReadApplies = Pick<RegistryReads, 'applied' | 'lastApplied'>;

/**
 * @param text  of the command line: `3` or `#3`
 * @throws REG_USAGE
 */
export function sequenceOf(text: string): number {
  const sequence = Number(/^#?([1-9]\d{0,8})$/.exec(text)?.[1] ?? NaN);
  if (!Number.isNaN(sequence)) return sequence;
  throw registryError(
    'REG_USAGE',
    `expected the number of an apply, such as 3, got ${JSON.stringify(text)}`,
    {
      help: 'Run `plumb versions` for the numbers there are.',
    },
  );
}

/**
 * @returns the bundle that an apply put in force
 * @throws  REG_NOT_APPLIED, REG_UNKNOWN; REG_BUNDLE when another version of plumb wrote it, in a form that this one
 *          does not read
 */
export async function bundleAt(registry: ReadApplies, sequence: number): Promise<Bundle> {
  const applied = await registry.applied(sequence);
  if (applied !== null) return bundleFromJson(JSON.parse(applied.bundle) as Json);
  const last = await registry.lastApplied();
  if (last === null) throw registryError('REG_NOT_APPLIED', 'nothing was ever applied to this registry');
  throw registryError('REG_UNKNOWN', `there is no apply ${sequence}; the last one is ${last.sequence}`, {
    help: 'Run `plumb versions` for the numbers there are.',
  });
}
