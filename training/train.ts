/**
 * `plumb train`: a point-in-time training set. Each label gets the values that the as-of rule shows at its time, with
 * the same statuses and fallbacks as in serving: what the model learns from is what it would have been served.
 *
 *   labels' keys and times -> as-of join with each view -> one table a view -> labels' bytes, features behind them
 *                                                                         `-> the manifest, into the registry
 *
 * Called by commands.ts. The join is view-join.ts, what is said of the set besides training-notes.ts and manifest.ts.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { AsOfRule } from '../contract/as-of.ts';
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import { serviceNamed } from '../contract/definitions/service-named.ts';
import { locateSources } from '../contract/definitions/source-variables.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { makeFolder } from '../contract/std/files/folder.ts';
import { schemeOf } from '../contract/std/files/local-path.ts';
import type { LabelCounts } from '../contract/training-manifest.ts';
import { ROW_FOUND, ROW_OUTSIDE_TTL } from '../project/engine/duckdb/as-of-join.ts';
import { DuckDb, quoteName } from '../project/engine/duckdb/duckdb.ts';
import { HistoriesSeen } from '../project/history/history-place.ts';
import type { Project } from '../project/project.ts';
import { openScratchFolder } from '../project/scratch-folder.ts';
import { trainingError } from './errors.ts';
import { countNotFull } from './full-windows.ts';
import type { NotFull } from './full-windows.ts';
import { requireUnchanged } from './labels/labels-hash.ts';
import { describeSet, keepManifest } from './manifest.ts';
import { readLabels, tableFormat } from './labels/training-labels.ts';
import { badRowNotes, notesOf, refuseUnjudged } from './training-notes.ts';
import { checkConvertible, writeTrainingSet } from './training-output.ts';
import type { JoinedFeatures, TrainingFile } from './training-output.ts';
import { joinedFeatures, joinView } from './view-join.ts';
import type { JoinedView, TrainingSet } from './view-join.ts';

const LABEL_TIME = 'event_timestamp';

export interface TrainOptions {
  /** Parquet or CSV, relative to the current folder or absolute. */
  readonly labels: string;
  readonly service: string;
  /** Parquet or CSV; replaced when it exists, and only by a whole one. */
  readonly out: string;
  /** Under which name the registry keeps its manifest; the name of the file unless given. */
  readonly name?: string;
  /** trained (default): the whole history counts; available: only what was written by the label's time. */
  readonly as?: AsOfRule['mode'];
  /** The labels' column of times; `event_timestamp` unless given. */
  readonly timeColumn?: string;
  /** Whether unjudged labels are an error. */
  readonly strict?: boolean;
}

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
 * @throws REG_UNKNOWN for a service that is not applied, TRAIN_LABELS, TRAIN_FORMAT, TRAIN_PLACE, TRAIN_OUT,
 *         TRAIN_UNJUDGED where `strict` asks for it, and REG_SOURCE when a view's rows cannot be read; nothing
 *         half-written is left. TRAIN_MANIFEST when the set is written and the registry cannot keep its manifest
 */
export async function runTrain(project: Project, options: TrainOptions): Promise<TrainResult> {
  const bundle = locateSources(loadCurrentBundle(project.settings.bundles), project.settings.vars);
  const service = serviceNamed(bundle, options.service);
  const mode = options.as ?? 'trained';
  const timeColumn = options.timeColumn ?? LABEL_TIME;
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
    const labels = await readLabels(duck, service, {
      file: resolve(options.labels),
      timeColumn,
      scratch: folder,
    });
    checkConvertible(labels, format);
    const settings = { ...project.settings, seen: new HistoriesSeen() };
    const set: TrainingSet = { duck, settings, bundle, service, labels, mode };
    const joined: JoinedView[] = [];
    for (const [i, used] of service.views.entries()) {
      project.logger.progress('joining', i, service.views.length);
      joined.push(await joinView(set, used, `joined_${i}`));
    }
    project.logger.progress('joining', service.views.length, service.views.length);
    const { notFull, notes: early } = await countNotFull(duck, joined);
    const notes = [...notesOf(set, timeColumn, joined), ...early];
    if (options.strict === true) refuseUnjudged(joined);
    const features = joinedFeatures(set, joined);
    const counts = await countFeatures(set, joined, notFull);
    const name = options.name ?? basename(options.out);
    const manifest = await describeSet(set, joined, {
      features,
      counts,
      name,
      out: resolve(options.out),
      project,
    });
    await writeOut(set, features, { file: resolve(options.out), format, scratch: folder });
    await keepManifest(project, manifest);
    return {
      out: options.out,
      name,
      rows: labels.rows,
      features: service.features.map(({ fullName }) => ({ name: fullName, ...counts.get(fullName)! })),
      notes: [...notes, ...(await badRowNotes(set))],
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
async function writeOut(set: TrainingSet, features: JoinedFeatures, out: TrainingFile): Promise<void> {
  const aside = `${out.file}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(out.file));
    await writeTrainingSet(set.duck, set.labels, features, { ...out, file: aside });
    await requireUnchanged(set.labels.file, set.labels.sha256);
    renameSync(aside, out.file);
  } catch (error) {
    if (existsSync(aside)) rmSync(aside);
    if (error instanceof CodedError) throw error;
    // It may be the labels that could not be read.
    await requireUnchanged(set.labels.file, set.labels.sha256);
    const why = (error as Error).message.split('\n')[0];
    throw trainingError('TRAIN_OUT', `${out.file} cannot be written: ${why}`, { file: out.file }, error);
  }
}

async function countFeatures(
  { duck, service }: TrainingSet,
  joined: readonly JoinedView[],
  notFullOf: NotFull,
): Promise<Map<string, LabelCounts>> {
  const counted = new Map<string, LabelCounts>();
  for (const { used, table, unjudged } of joined) {
    const own = service.features.filter((feature) => feature.role === used.role);
    const [row] = await duck.rows(
      `SELECT count(*) AS rows, count(*) FILTER (asof_state = ${ROW_FOUND}) AS found, ` +
        `count(*) FILTER (asof_state = ${ROW_OUTSIDE_TTL}) AS outside, ` +
        `${own.map(({ feature }, i) => `count(${quoteName(`value_${feature}`)}) AS present_${i}`).join(', ')} ` +
        `FROM ${table}`,
    );
    const number = (name: string): number => Number(row![name]);
    const [found, outsideTtl] = [number('found'), number('outside')];
    for (const [i, { fullName: name, feature }] of own.entries()) {
      const present = number(`present_${i}`);
      const missing = number('rows') - found - outsideTtl - unjudged;
      const notFull = notFullOf(used.role, feature);
      counted.set(name, { present, nulls: found - present, missing, outsideTtl, unjudged, notFull });
    }
  }
  return counted;
}
