/**
 * What `plumb materialize` does: opens the registry, loads the bundle in force, runs once or by schedule, closes.
 * Streams are loaded when one runs: Kafka's client is 500 modules, half of the start of a run.
 */
import { hasHistory } from '../contract/model.ts';
import { existsSync } from 'node:fs';
import { loadWorkingBundle } from '../contract/definitions/bundle-folder.ts';
import { locateSources } from '../contract/definitions/source-variables.ts';
import type { Project } from '../project/project.ts';
import { IN_MEMORY, RegistryDatabase } from '../project/database/registry-database.ts';
import type { StoreUrl } from '../project/settings/settings.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { gainedFeatures } from './run/run-features.ts';
import { runDaemon } from './daemon.ts';
import type { DaemonOptions } from './daemon.ts';
import { dryRun } from './dry-run.ts';
import type { DryRun } from './dry-run.ts';
import { chosenViews, runJob, runMaterialize } from './materialize.ts';
import type { MaterializeOptions } from './materialize.ts';
import { holdView } from './run/view-hold.ts';
import type { StreamRunOptions } from './stream/stream.ts';
import type { TileRunOptions } from './stream/tiles/tile-run.ts';
import { tendHistory, WHOLE } from './upkeep/tend-history.ts';
import type { Tended } from './upkeep/tend-history.ts';

/** @throws REG_NOT_APPLIED when nothing was applied yet, and what `runMaterialize` throws */
export async function materialize(project: Project, options: MaterializeOptions): Promise<RunRecord[]> {
  const bundle = locateSources(loadWorkingBundle(project.settings.bundles), project.settings.vars);
  const database = await RegistryDatabase.open(project.settings.registry);
  try {
    return await runMaterialize(project, bundle, database, options);
  } finally {
    await database.close();
  }
}

/**
 * Backfills views that are new, or mean something new. A view that has rows and only gained features gets these alone.
 * @throws as `materialize`
 */
export async function backfillNew(
  project: Project,
  { ids, told }: { readonly ids: readonly string[]; readonly told: (run: RunRecord) => Promise<void> },
  signal: AbortSignal,
): Promise<RunRecord[]> {
  const bundle = locateSources(loadWorkingBundle(project.settings.bundles), project.settings.vars);
  return RegistryDatabase.using(project.settings.registry, async (database) => {
    const records: RunRecord[] = [];
    for (const view of chosenViews(bundle, ids)) {
      const gained = gainedFeatures(view, bundle.schemas.get(view.id) ?? []);
      const wasRun = (await database.runs({ view: view.id })).some((run) => run.state === 'complete');
      const part = wasRun && gained !== null && view.kind === 'aggregated' ? { features: gained } : {};
      const options = { views: [view.id], kind: 'backfill' as const, signal, ...part };
      for (const record of await runMaterialize(project, bundle, database, options)) {
        records.push(record);
        await told(record);
      }
    }
    return records;
  });
}

/**
 * Runs the streams until they are drained or the signal aborts.
 * @throws REG_NOT_APPLIED when nothing was applied yet, and what `runStreams` throws
 */
export async function stream(project: Project, options: StreamRunOptions): Promise<RunRecord[]> {
  const { runStreams } = await import('./stream/stream.ts');
  const bundle = locateSources(loadWorkingBundle(project.settings.bundles), project.settings.vars);
  return RegistryDatabase.using(project.settings.registry, (database) =>
    runStreams({ project, bundle, database, options }),
  );
}

/**
 * Takes a view's tiles from a topic until they are drained or the signal aborts.
 * @throws REG_NOT_APPLIED when nothing was applied yet, and what `runTiles` throws
 */
export async function streamTiles(project: Project, options: TileRunOptions): Promise<RunRecord> {
  const { runTiles } = await import('./stream/tiles/tile-run.ts');
  const bundle = locateSources(loadWorkingBundle(project.settings.bundles), project.settings.vars);
  return RegistryDatabase.using(project.settings.registry, (database) =>
    runTiles({ project, bundle, database, options }),
  );
}

/** Runs views by their schedule until the signal aborts. @throws what `runDaemon` throws */
export async function daemon(project: Project, options: DaemonOptions): Promise<void> {
  await RegistryDatabase.using(project.settings.registry, (database) =>
    runDaemon(project, database, options),
  );
}

/**
 * Joins the files of histories and removes what nobody reads.
 * @throws MAT_BUSY when a run of a view is under way, MAT_UNKNOWN_VIEW, and as `tendHistory`
 */
export async function compact(project: Project, ids: readonly string[] | undefined): Promise<Tended[]> {
  const bundle = loadWorkingBundle(project.settings.bundles);
  const views = chosenViews(bundle, ids).filter(hasHistory);
  return RegistryDatabase.using(project.settings.registry, async (database) => {
    const tended: Tended[] = [];
    for (const view of views) {
      const hold = await holdView(project.settings.work, database, view);
      try {
        const entity = bundle.entities.get(view.entity)!;
        tended.push(await tendHistory({ ...project, database }, { view, entity, lease: hold.lease }, WHOLE));
      } finally {
        await hold.release();
      }
    }
    return tended;
  });
}

/** Says what a run of each view would do. @throws what the first that would fail would throw */
export async function dryRuns(project: Project, options: MaterializeOptions): Promise<DryRun[]> {
  const bundle = locateSources(loadWorkingBundle(project.settings.bundles), project.settings.vars);
  return RegistryDatabase.using(knownRegistry(project), async (database) => {
    const found: DryRun[] = [];
    const job = runJob(project, bundle, database, options);
    try {
      for (const view of chosenViews(bundle, options.views)) found.push(await dryRun(job, view));
    } finally {
      await job.spark?.close();
    }
    return found;
  });
}

/** Makes none: where there is no registry, nothing has run. */
function knownRegistry({ settings: { registry } }: Project): StoreUrl {
  return registry.kind !== 'sqlite' || existsSync(registry.url) ? registry : { ...registry, url: IN_MEMORY };
}
