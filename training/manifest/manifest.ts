/**
 * The manifest of a training set (contract/training-manifest.ts): made of the joined tables before the set is written,
 * kept in the registry once it is.
 */
import { cpus } from 'node:os';
import type { TrainingManifest } from '../../contract/training-manifest.ts';
import { takenOf } from '../../contract/sketch.ts';
import type { ColumnSketch } from '../../contract/sketch.ts';
import { usedFeature } from '../../contract/on-demand/arguments.ts';
import { formatType } from '../../contract/value-type.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { sketchColumns, sketchedColumn } from '../../project/engine/duckdb/column-sketches.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { OWN_PACKAGE } from '../../project/own-package.ts';
import type { Project } from '../../project/project.ts';
import { trainingError } from '../errors.ts';
import { LABEL_KEYS } from '../labels/training-labels.ts';
import type { SetFeatures } from '../set-features.ts';
import { timeColumnOf } from '../train-options.ts';
import type { TrainOptions } from '../train-options.ts';

/** What is known of a set that is about to be written. */
interface MadeSet {
  readonly duck: DuckDb;
  readonly name: string;
  readonly out: TrainingManifest['out'];
  readonly options: TrainOptions;
  readonly project: Project;
}

export async function describeSet(
  set: SetFeatures,
  { duck, name, out, options, project }: MadeSet,
): Promise<TrainingManifest> {
  const { bundle, service, labels, cap, features, counts, as, views, log } = set;
  const { file, sha256, rows, rowsWithoutTime, rowsWithNullKey } = labels;
  const sketches = await sketchesOf(duck, set);
  return {
    version: 1,
    name,
    madeUs: project.clock.nowUs(),
    service: service.name,
    serviceVersion: service.version,
    bundle: bundle.hash,
    as,
    ...(log === null ? {} : { log }),
    ...(cap === null ? {} : { cap }),
    views,
    made: {
      plumbline: OWN_PACKAGE.version,
      node: process.versions.node,
      v8: process.versions.v8,
      duckdb: (await duck.rows('SELECT version() AS v'))[0]!['v'] as string,
      processor: `${process.arch}, ${cpus()[0]?.model ?? 'unknown'}`,
    },
    labels: {
      file,
      sha256,
      rows: rows + (cap?.leftOut ?? 0),
      rowsWithoutTime,
      rowsWithNullKey,
      timeColumn: timeColumnOf(options),
      ...(options.input === undefined ? {} : { input: options.input }),
    },
    out,
    features: features.columns.map((column) => ({
      name: column.name,
      type: formatType(column.type),
      ...counts.get(column.name)!,
      sketch: sketches.get(column.name) ?? null,
    })),
  };
}

/** @returns by the feature's full name; those whose values are to stay out of the log are not in it */
async function sketchesOf(
  duck: DuckDb,
  { bundle, service, features: { columns, askedUs } }: SetFeatures,
): Promise<Map<string, ColumnSketch>> {
  const shown = new Set(
    service.features.flatMap(({ fullName, view, feature }) => {
      const defined = usedFeature({ view }, feature, bundle);
      return defined.log === 'raw' ? [fullName] : [];
    }),
  );
  const sketches = new Map<string, ColumnSketch>();
  for (const [table, all] of Map.groupBy(columns, (column) => column.table)) {
    const own = all.filter(({ name }) => shown.has(name));
    const from =
      askedUs === undefined && own.some(({ type }) => takenOf(type) === 'age')
        ? `${table} JOIN (SELECT rid, t FROM ${LABEL_KEYS}) USING (rid)`
        : table;
    const sketched = own.map(({ name, type, sql }) => sketchedColumn(name, type, sql, askedUs ?? 't'));
    for (const [name, sketch] of await sketchColumns(duck, from, sketched)) sketches.set(name, sketch);
  }
  return sketches;
}

/** @throws TRAIN_MANIFEST */
export async function keepManifest({ settings }: Project, manifest: TrainingManifest): Promise<void> {
  try {
    await RegistryDatabase.using(settings.registry, (database) => database.recordTrainingSet(manifest));
  } catch (error) {
    const why = (error as Error).message;
    const message = `${manifest.out.file} is written, but its manifest is not kept: ${why}`;
    throw trainingError('TRAIN_MANIFEST', message, { field: 'registry' }, error);
  }
}
