/**
 * `plumb train`: a training set, each label with the features of a service behind it, whichever way they are found.
 *
 *   labels -> features: by the as-of rule over the history, or those that were answered, from the log
 *          -> labels' bytes, features behind them
 *          -> the manifest, into the registry
 *
 * Called by commands.ts. from-history.ts and from-log/ find the features.
 */
import { randomUUID } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import { serviceNamed } from '../contract/definitions/service-named.ts';
import { locateSources } from '../contract/definitions/source-variables.ts';
import type { LabelCounts } from '../contract/training-manifest.ts';
import { HistoriesSeen } from '../project/history/history-place.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { emitLineage } from '../project/open-lineage/emit.ts';
import { trainingDatasets } from '../project/open-lineage/run-event.ts';
import type { Project } from '../project/project.ts';
import { makeSet } from './make-set.ts';
import { writeCroissant } from './manifest/croissant.ts';
import { describeSet, keepManifest } from './manifest/manifest.ts';
import { refusePlace, writeAside } from './set-file.ts';
import { refuseStrayOptions } from './train-options.ts';
import type { TrainOptions } from './train-options.ts';

/** Every set has it since sets say their zone; one that is made again has what it had. */
const SET_ZONE = 'UTC' as const;

interface CountedFeature extends LabelCounts {
  readonly name: string;
}

export interface TrainResult {
  readonly out: string;
  /** The name under which the registry keeps its manifest. */
  readonly name: string;
  readonly rows: number;
  readonly features: readonly CountedFeature[];
  /** What the reader should know about this set, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * @throws REG_UNKNOWN for a service that is not applied, REG_USAGE, TRAIN_LABELS, TRAIN_FORMAT, TRAIN_PLACE, TRAIN_OUT,
 *         TRAIN_UNJUDGED where `strict` asks for it, REG_SOURCE when a view's rows cannot be read, and of the log
 *         TRAIN_LOG, TRAIN_GAPS, TRAIN_MASKED, MON_SERVED; nothing half-written is left. TRAIN_MANIFEST when the set is
 *         written and the registry cannot keep its manifest
 */
export async function runTrain(project: Project, options: TrainOptions): Promise<TrainResult> {
  refuseStrayOptions(options);
  const bundle = locateSources(loadCurrentBundle(project.settings.bundles), project.settings.vars);
  const service = serviceNamed(bundle, options.service);
  refusePlace(options.out, options.labels);
  const origin = { bundle, service, seen: new HistoriesSeen() };
  const name = options.name ?? basename(options.out);
  try {
    return await madeSet(project, origin, options, name);
  } catch (error) {
    const files = { labels: resolve(options.labels), out: resolve(options.out) };
    await emitLineage(project, () => ({
      ...trainingDatasets(project.settings, bundle, service, files),
      job: `train.${name}`,
      runId: randomUUID(),
      endedAt: formatTimestamp(project.clock.nowUs()),
      error: (error as Error).message,
    }));
    throw error;
  }
}

async function madeSet(
  project: Project,
  origin: Parameters<typeof makeSet>[1],
  options: TrainOptions,
  name: string,
): Promise<TrainResult> {
  const out = resolve(options.out);
  return await makeSet(project, origin, options, async (set, { duck, scratch }) => {
    const written = await writeAside(duck, set, { file: out, scratch, zone: SET_ZONE });
    try {
      const { sha256 } = written;
      const { rows } = set.labels;
      const made = { duck, name, out: { file: out, rows, sha256, zone: SET_ZONE }, options, project };
      const manifest = await describeSet(set, made);
      written.place();
      const { bundle: answered, service: own } = set;
      writeCroissant({ manifest, columns: written.columns, bundle: answered, service: own });
      await keepManifest(project, manifest);
      const files = { labels: resolve(options.labels), out };
      await emitLineage(project, () => ({
        ...trainingDatasets(project.settings, answered, own, files),
        job: `train.${name}`,
        runId: randomUUID(),
        endedAt: formatTimestamp(manifest.madeUs),
        error: null,
      }));
    } finally {
      written.discard();
    }
    return {
      out: options.out,
      name,
      rows: set.labels.rows,
      features: set.features.columns.map((column) => ({
        name: column.name,
        ...set.counts.get(column.name)!,
      })),
      notes: set.notes,
    };
  });
}
