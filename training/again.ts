/**
 * `plumb train --again NAME`: a training set that was made before, once more, to the byte: under the same definitions,
 * from the same labels, at the same entries of the histories. What is known to have changed ends it before it begins;
 * what is only seen in the set ends it before the file gets its name.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadBundle } from '../contract/definitions/bundle-folder.ts';
import { countingIds } from '../contract/definitions/definition-json.ts';
import { serviceNamed } from '../contract/definitions/service-named.ts';
import { locateSources } from '../contract/definitions/source-variables.ts';
import { hasHistory } from '../contract/model.ts';
import type { Bundle } from '../contract/model.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { formatDuration } from '../contract/std/duration.ts';
import type { TrainingManifest } from '../contract/training-manifest.ts';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import { entryHash } from '../project/delta/delta-log.ts';
import { historyFolder } from '../project/history/history-folder.ts';
import { HistoriesSeen } from '../project/history/history-place.ts';
import type { HistoryFile } from '../project/history/history-snapshot.ts';
import type { Folder } from '../project/storage/folder.ts';
import { readHistory } from '../project/history/history-snapshot.ts';
import type { Project } from '../project/project.ts';
import { trainingError } from './errors.ts';
import { sha256Of } from './labels/labels-hash.ts';
import { tableFormat } from './labels/label-file.ts';
import { makeSet } from './make-set.ts';
import { writeCroissant } from './manifest/croissant.ts';
import { manifestChanges } from './manifest/manifest-changes.ts';
import { describeSet } from './manifest/manifest.ts';
import { manifestNamed } from './manifest/shown-manifest.ts';
import { refusePlace, writeAside } from './set-file.ts';
import { refuseStrayOptions } from './train-options.ts';
import type { TrainOptions } from './train-options.ts';

export interface AgainOptions {
  /** The set's name; of several of one name the newest is made. */
  readonly again: string;
  /** The file to write; the set's own unless given. */
  readonly out?: string;
  /** Where the labels lie now; where they lay unless given. */
  readonly labels?: string;
  /** Whether functions may run on another V8 or kind of processor than the first time. */
  readonly otherEngine?: boolean;
  /** What joins labels and history, whatever did the first time; DuckDB unless given. */
  readonly engine?: TrainOptions['engine'];
}

interface AgainResult {
  readonly out: string;
  readonly name: string;
  readonly rows: number;
  /** Of the file's bytes, as of the first time. */
  readonly sha256: string;
}

/** @throws TRAIN_UNKNOWN; TRAIN_AGAIN with all that is known to have changed; as `runTrain` */
export async function trainAgain(project: Project, again: AgainOptions): Promise<AgainResult> {
  const { settings } = project;
  const before = await RegistryDatabase.using(settings.registry, (database) =>
    manifestNamed(database, again.again),
  );
  const { name, out: first } = before;
  const [out, labels] = [again.out ?? first.file, again.labels ?? before.labels.file];
  if (tableFormat(out) !== tableFormat(first.file)) {
    const message = `${name} was made as ${first.file}, and ${out} is to be of another format`;
    throw trainingError('TRAIN_FORMAT', message, { field: 'out' });
  }
  refusePlace(out, labels);
  const bundle = keptBundle(project, before);
  const seen = new HistoriesSeen();
  const changed = [
    ...(first.sha256 === undefined ? ['it was made by a plumb that did not keep the hash of the file'] : []),
    ...(bundle === null ? [`the bundle ${inForce(before)} is not kept any more`] : []),
    ...(await labelsChanged(before, labels)),
    ...(bundle === null || again.otherEngine === true ? [] : engineChanged(before, bundle)),
    ...(bundle === null ? [] : await pinHistories(project, before, bundle, seen)),
  ];
  if (bundle === null || changed.length > 0) throw notTheSame(name, changed);
  const service = serviceNamed(bundle, before.service);
  // Held against the engine of the first time above.
  const engine = again.engine ?? 'duckdb';
  const options = { ...optionsOf(before, labels, out), otherEngine: true, engine };
  refuseStrayOptions(options);
  return await makeSet(project, { bundle, service, seen }, options, async (set, { duck, scratch }) => {
    const written = await writeAside(duck, set, { file: resolve(out), scratch, zone: first.zone ?? null });
    try {
      const { sha256 } = written;
      const { rows } = set.labels;
      if (sha256 !== first.sha256) {
        const made = { duck, name, out: { ...first, file: resolve(out), rows, sha256 }, options, project };
        const now = await describeSet(set, made);
        throw notTheSame(name, manifestChanges(before, now));
      }
      written.place();
      const manifest = { ...before, out: { ...first, file: resolve(out) } };
      writeCroissant({ manifest, columns: written.columns, bundle: set.bundle, service: set.service });
      return { out, name, rows, sha256 };
    } finally {
      written.discard();
    }
  });
}

function inForce({ bundle, log }: TrainingManifest): string {
  return log?.inForce ?? bundle;
}

/** @returns null when it is not kept any more. @throws REG_VARIABLE */
function keptBundle({ settings }: Project, manifest: TrainingManifest): Bundle | null {
  try {
    return locateSources(loadBundle(settings.bundles, inForce(manifest)), settings.vars);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'REG_BUNDLE') return null;
    throw error;
  }
}

async function labelsChanged({ labels: { sha256 } }: TrainingManifest, file: string): Promise<string[]> {
  if (!existsSync(file)) return [`the labels ${file} are gone (--labels says where they lie now)`];
  return (await sha256Of(file)) === sha256 ? [] : [`the labels ${file} are not the same`];
}

/** Functions give the same bits on one V8: Math.pow alone differs in 9 % of values between Node 22 and 24. */
function engineChanged({ made, service }: TrainingManifest, bundle: Bundle): string[] {
  if (bundle.services.get(service)?.onDemand.length === 0) return [];
  const [was, is] = [
    `${made.v8} on ${made.processor.split(',')[0]!}`,
    `${process.versions.v8} on ${process.arch}`,
  ];
  return was === is ? [] : [`its functions ran on V8 ${was}, and this is ${is} (--other-engine tries it)`];
}

/** Lets the set see each history at the entry of the first time. @returns what is not there any more */
async function pinHistories(
  { settings }: Project,
  { views }: TrainingManifest,
  bundle: Bundle,
  seen: HistoriesSeen,
): Promise<string[]> {
  const changes = views.map(async ({ view: id, commit, entry }): Promise<string[]> => {
    const view = bundle.views.get(id)!;
    if (!hasHistory(view)) return [];
    const folder = historyFolder(settings.history, view);
    if (commit === null) {
      seen.set(settings.history, view, null);
      return [];
    }
    const now = await entryHash(folder, commit);
    if (now === null) return [`commit ${commit} of ${id} is not there any more`];
    if (entry !== undefined && entry !== null && now !== entry)
      return [`commit ${commit} of ${id} is another one: its log was put back from a copy`];
    const snapshot = (await readHistory(settings.history, view, commit))!;
    seen.set(settings.history, view, snapshot);
    const { joinKeys } = bundle.entities.get(view.entity)!;
    const gone = await missingFile(folder, snapshot.files(countingIds(view, joinKeys)));
    return gone === null ? [] : [`${gone.path} of commit ${commit} of ${id} is gone`];
  });
  return (await Promise.all(changes)).flat();
}

async function missingFile(folder: Folder, files: readonly HistoryFile[]): Promise<HistoryFile | null> {
  for (const file of files) if (!(await folder.has(file.path))) return file;
  return null;
}

function optionsOf(
  { service, as, labels, log, cap }: TrainingManifest,
  file: string,
  out: string,
): TrainOptions {
  const { timeColumn, input } = labels;
  const common = { labels: file, service, out, timeColumn, input };
  if (as !== 'logged') return { ...common, as, ...(cap === undefined ? {} : { cap }) };
  const { withinUs = null, statuses = false, withoutMasked = [] } = log ?? {};
  return {
    ...common,
    fromLog: true,
    ...(withinUs === null ? {} : { within: formatDuration(withinUs) }),
    statuses,
    withoutMasked: withoutMasked.length > 0,
    // What the log lacks now and did not lack then shows in the set.
    allowGaps: true,
  };
}

function notTheSame(name: string, changed: readonly string[]): Error {
  return trainingError('TRAIN_AGAIN', `${name} cannot be made again as it was: ${changed.join('; ')}`);
}
