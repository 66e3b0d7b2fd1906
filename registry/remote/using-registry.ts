/** Opens what `registry` names, to look at: its database, or the server that has it. */
import type { Bundle } from '../../contract/model.ts';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { registryError } from '../../contract/errors.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { RegistryReads } from '../../project/database/registry-reads.ts';
import type { Project } from '../../project/project.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { bundleAt } from '../versions/applies.ts';
import { RemoteRegistry } from './remote-registry.ts';

/** Whether the registry is one of a server. */
export function isRemote({ registry }: Pick<Settings, 'registry'>): boolean {
  return registry.kind === 'http';
}

export async function usingRegistry<T>(
  project: Project,
  work: (registry: RegistryReads) => Promise<T>,
): Promise<T> {
  if (isRemote(project.settings)) return work(new RemoteRegistry(project));
  return RegistryDatabase.using(project.settings.registry, work);
}

/**
 * @returns the bundle in force: of the folder of bundles, or what the server says
 * @throws  REG_NOT_APPLIED, REG_BUNDLE, REG_REMOTE
 */
export async function bundleInForce(project: Project): Promise<Bundle> {
  if (!isRemote(project.settings)) return loadCurrentBundle(project.settings.bundles);
  const registry = new RemoteRegistry(project);
  const last = await registry.lastApplied();
  if (last === null) throw registryError('REG_NOT_APPLIED', 'nothing was ever applied to this registry');
  const staged = await registry.rollouts.underWay();
  return bundleAt(registry, last.sequence - (staged === null ? 0 : 1));
}
