/** What `plumb materialize` does: opens the registry, loads the bundle in force, runs, closes. */
import { loadCurrentBundle } from '../registry/bundle-folder.ts';
import { locateSources } from '../registry/source-variables.ts';
import type { Project } from '../registry/project.ts';
import { RegistryDatabase } from '../registry/registry-database.ts';
import type { RunRecord } from '../registry/run-record.ts';
import { runMaterialize } from './materialize.ts';
import type { MaterializeOptions } from './materialize.ts';

/** @throws REG_NOT_APPLIED when nothing was applied yet, and what `runMaterialize` throws */
export async function materialize(project: Project, options: MaterializeOptions): Promise<RunRecord[]> {
  const bundle = locateSources(loadCurrentBundle(project.settings.bundles), project.settings.vars);
  const database = await RegistryDatabase.open(project.settings.registry);
  try {
    return await runMaterialize(project, bundle, database, options);
  } finally {
    await database.close();
  }
}
