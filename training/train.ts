/**
 * `plumb train`: a training set, each label with the features of a service behind it, whichever way they are found.
 *
 *   labels -> features: by the as-of rule over the history, or those that were answered, from the log
 *          -> labels' bytes, features behind them
 *          -> the manifest, into the registry
 *
 * Called by commands.ts. from-history.ts and from-log/ find the features.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import { serviceNamed } from '../contract/definitions/service-named.ts';
import { locateSources } from '../contract/definitions/source-variables.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { makeFolder } from '../contract/std/files/folder.ts';
import { schemeOf } from '../contract/std/files/local-path.ts';
import type { LabelCounts } from '../contract/training-manifest.ts';
import { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import type { Project } from '../project/project.ts';
import { openScratchFolder } from '../project/scratch-folder.ts';
import { trainingError } from './errors.ts';
import { featuresFromHistory } from './from-history.ts';
import { featuresFromLog } from './from-log/from-log.ts';
import { requireUnchanged } from './labels/labels-hash.ts';
import { openLabels, tableFormat } from './labels/training-labels.ts';
import { describeSet, keepManifest } from './manifest.ts';
import type { SetFeatures } from './set-features.ts';
import { refuseStrayOptions } from './train-options.ts';
import type { TrainOptions } from './train-options.ts';
import { checkConvertible, writeTrainingSet } from './training-output.ts';
import type { TrainingFile } from './training-output.ts';

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
  const format = tableFormat(options.out);
  checkOut(options.out, options.labels);
  const { memory, temp } = project.settings.train;
  const scratch = openScratchFolder(temp, 'train');
  const { folder } = scratch;
  const duck = await DuckDb.open({
    memoryLimit: `${memory}B`,
    memorySetting: 'train.memory',
    tempFolder: join(folder, 'spill'),
  });
  try {
    await duck.run('SET preserve_insertion_order = true');
    const labels = await openLabels(duck, resolve(options.labels), folder);
    checkConvertible(labels, format);
    const find = options.fromLog === true ? featuresFromLog : featuresFromHistory;
    const set = await find({ project, duck, scratch: folder, bundle, service, labels, options });
    const name = options.name ?? basename(options.out);
    const manifest = await describeSet(set, { duck, name, out: resolve(options.out), project });
    await writeOut(duck, set, { file: resolve(options.out), format, scratch: folder });
    await keepManifest(project, manifest);
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
  } finally {
    duck.close();
    scratch.remove();
  }
}

/** Before anything is read: an --out that is the labels' own file, by whatever name or link, would replace them. */
function checkOut(out: string, labels: string): void {
  const scheme = schemeOf(out);
  if (scheme !== null) {
    const message = `--out ${out} lies in ${scheme}, where no training set is written: give a path on this machine`;
    throw trainingError('TRAIN_PLACE', message, { field: 'out' });
  }
  const [at, from] = [fileIdentity(out), fileIdentity(labels)];
  if (at === null || at !== from) return;
  throw trainingError('TRAIN_PLACE', `--out ${out} is the file of the labels, ${labels}`, {
    field: 'out',
    file: resolve(out),
  });
}

/** @returns the same text for all names and links of one file; null where there is none */
function fileIdentity(file: string): string | null {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return null;
  }
}

/** Writes the file whole, then gives it its name. */
async function writeOut(duck: DuckDb, set: SetFeatures, out: TrainingFile): Promise<void> {
  const aside = `${out.file}.${process.pid}.tmp`;
  const { labels, features, behind } = set;
  try {
    makeFolder(dirname(out.file));
    const columns = [...features.columns, ...behind];
    await writeTrainingSet(duck, labels, { ...features, columns }, { ...out, file: aside });
    await requireUnchanged(labels.file, labels.sha256);
    renameSync(aside, out.file);
  } catch (error) {
    if (existsSync(aside)) rmSync(aside);
    if (error instanceof CodedError) throw error;
    // It may be the labels that could not be read.
    await requireUnchanged(labels.file, labels.sha256);
    const why = (error as Error).message.split('\n')[0];
    throw trainingError('TRAIN_OUT', `${out.file} cannot be written: ${why}`, { file: out.file }, error);
  }
}
