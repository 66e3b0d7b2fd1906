/**
 * `plumb train`: a point-in-time training set. Each label gets the values that the as-of rule shows at its time, with
 * the same statuses and fallbacks as in serving: what the model learns from is what it would have been served.
 *
 * The labels' columns and row order are kept; the service's features are added in its order under their full names.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ROW_FOUND, ROW_OUTSIDE_TTL, joinAsOf } from '../registry/as-of-join.ts';
import type { AsOfRule } from '../registry/as-of.ts';
import { loadCurrentBundle } from '../registry/bundle-folder.ts';
import { DuckDb, quoteName, quoteText } from '../registry/duckdb.ts';
import { registryError } from '../registry/errors.ts';
import { openHistory } from '../registry/history.ts';
import type { Bundle, FeatureService, ServiceView } from '../registry/model.ts';
import type { Project } from '../registry/project.ts';
import { sqlLiteral } from '../registry/sql-literal.ts';
import { materializerError } from './errors.ts';
import {
  LABELS,
  LABEL_KEYS,
  LABEL_RID,
  LABEL_TIME,
  labelKeyColumn,
  readLabels,
  tableFormat,
} from './training-labels.ts';
import type { Labels } from './training-labels.ts';

export interface TrainOptions {
  /** Parquet or CSV, relative to the current folder or absolute. */
  readonly labels: string;
  readonly service: string;
  /** Parquet or CSV; replaced when it exists, and only by a whole one. */
  readonly out: string;
  /** trained (default): the whole history counts; available: only what was written by the label's time. */
  readonly as?: AsOfRule['mode'];
}

export interface TrainedFeature {
  readonly name: string;
  /** Labels by what they got; fallbacks stand in for missing and outsideTtl. */
  readonly present: number;
  readonly nulls: number;
  readonly missing: number;
  readonly outsideTtl: number;
}

export interface TrainResult {
  readonly out: string;
  readonly rows: number;
  readonly features: readonly TrainedFeature[];
  /** What the reader should know about this set, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * @throws REG_UNKNOWN for a service that is not applied, MAT_TRAIN_LABELS, MAT_TRAIN_FORMAT, MAT_TRAIN_OUT, and
 *         REG_SOURCE when a view's rows cannot be read; nothing half-written is left
 */
export async function runTrain(project: Project, options: TrainOptions): Promise<TrainResult> {
  const bundle = loadCurrentBundle(project.settings.bundles);
  const service = serviceOf(bundle, options.service);
  const mode = options.as ?? 'trained';
  const outFormat = tableFormat(options.out);
  const keepText = outFormat === 'csv';
  const duck = await DuckDb.open();
  try {
    const labels = await readLabels(duck, resolve(options.labels), service, keepText);
    for (const [i, view] of service.views.entries()) {
      project.talk.progress('joining', i, service.views.length);
      await joinView(duck, project, bundle, service, view, i, mode);
    }
    project.talk.progress('joining', service.views.length, service.views.length);
    const typedCsv = !keepText && tableFormat(options.labels) === 'csv';
    await writeOut(duck, trainingSql(bundle, service, labels, typedCsv), resolve(options.out), outFormat);
    return {
      out: options.out,
      rows: labels.rows,
      features: await countFeatures(duck, service),
      notes: notesOf(bundle, service, labels, mode),
    };
  } finally {
    duck.close();
  }
}

function serviceOf(bundle: Bundle, name: string): FeatureService {
  const service = bundle.services.get(name);
  if (service !== undefined) return service;
  throw registryError(
    'REG_UNKNOWN',
    `there is no service ${name}; there are ${[...bundle.services.keys()].join(', ') || 'none'}`,
    { field: 'service' },
  );
}

/** Joins one view (in its role) to the labels, into the table joined_{i}. */
async function joinView(
  duck: DuckDb,
  project: Project,
  bundle: Bundle,
  service: FeatureService,
  used: ServiceView,
  i: number,
  mode: AsOfRule['mode'],
): Promise<void> {
  const view = bundle.views.get(used.view)!;
  const entity = bundle.entities.get(view.entity)!;
  const { folder, history: root } = project.settings;
  const history = await openHistory(duck, folder, root, view, entity);
  const join = {
    labels: LABEL_KEYS,
    rid: 'rid',
    time: 't',
    history: [history.sql],
    nanos: history.nanos,
    keys: entity.joinKeys.map((key, at) => ({
      label: labelKeyColumn(service, used.requestKeys[at]!),
      row: key.name,
    })),
    features: view.features,
    outputs: view.features.map(({ name }) => ({ feature: name, as: `value_${name}` })),
    mode: hasCreatedTime(bundle, used) ? mode : 'trained',
    delayUs: view.delayUs,
    ttlUs: view.ttlUs,
  };
  try {
    await joinAsOf(duck, join, `joined_${i}`);
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    throw registryError('REG_SOURCE', `the rows of ${view.id} cannot be read: ${why}`, {}, error);
  }
}

/** An aggregated view's history always has one. */
function hasCreatedTime(bundle: Bundle, used: ServiceView): boolean {
  const view = bundle.views.get(used.view)!;
  return view.kind === 'aggregated' || view.source.createdTime !== null;
}

function trainingSql(bundle: Bundle, service: FeatureService, labels: Labels, typedCsv: boolean): string {
  const typed = new Map<string, string>();
  if (typedCsv) {
    typed.set(LABEL_TIME, `make_timestamp(k.t)`);
    for (const key of service.requestKeys) typed.set(key.name, `k.${labelKeyColumn(service, key.name)}`);
  }
  const own = labels.columns.map(
    (name) => `${typed.get(name) ?? `l.${quoteName(name)}`} AS ${quoteName(name)}`,
  );
  const added = service.features.map((feature) => {
    const { type, missing } = bundle.views
      .get(feature.view)!
      .features.find((f) => f.name === feature.feature)!;
    const joined = `j${viewIndex(service, feature.role)}`;
    const value = `${joined}.${quoteName(`value_${feature.feature}`)}`;
    return (
      `CASE WHEN ${joined}.asof_state = ${ROW_FOUND} THEN ${value} ELSE ${sqlLiteral(type, missing)} END ` +
      `AS ${quoteName(feature.fullName)}`
    );
  });
  const joins = service.views.map((_, i) => `JOIN joined_${i} j${i} ON j${i}.rid = k.rid`).join(' ');
  return (
    `SELECT ${[...own, ...added].join(', ')} FROM ${LABELS} l ` +
    `JOIN ${LABEL_KEYS} k ON k.rid = l.${quoteName(LABEL_RID)} ${joins} ORDER BY k.rid`
  );
}

function viewIndex(service: FeatureService, role: string): number {
  return service.views.findIndex((view) => view.role === role);
}

async function writeOut(duck: DuckDb, sql: string, out: string, format: 'parquet' | 'csv'): Promise<void> {
  const aside = `${out}.${process.pid}.tmp`;
  const how = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd';
  try {
    mkdirSync(dirname(out), { recursive: true });
    await duck.run(`COPY (${sql}) TO ${quoteText(aside)} (${how})`);
    renameSync(aside, out);
  } catch (error) {
    if (existsSync(aside)) rmSync(aside);
    const why = (error as Error).message.split('\n')[0];
    throw materializerError('MAT_TRAIN_OUT', `${out} cannot be written: ${why}`, { file: out }, error);
  }
}

async function countFeatures(duck: DuckDb, service: FeatureService): Promise<TrainedFeature[]> {
  const counted: TrainedFeature[] = [];
  for (const feature of service.features) {
    const [row] = await duck.rows(
      `SELECT count(*) FILTER (asof_state = ${ROW_FOUND}) AS found, ` +
        `count(*) FILTER (asof_state = ${ROW_OUTSIDE_TTL}) AS outside, count(*) AS rows, ` +
        `count(${quoteName(`value_${feature.feature}`)}) AS present FROM joined_${viewIndex(service, feature.role)}`,
    );
    const [found, outside, rows, present] = ['found', 'outside', 'rows', 'present'].map((n) =>
      Number(row![n]),
    );
    counted.push({
      name: feature.fullName,
      present: present!,
      nulls: found! - present!,
      missing: rows! - found! - outside!,
      outsideTtl: outside!,
    });
  }
  return counted;
}

function notesOf(bundle: Bundle, service: FeatureService, labels: Labels, mode: AsOfRule['mode']): string[] {
  const notes: string[] = [];
  if (labels.rowsWithoutTime > 0)
    notes.push(`${labels.rowsWithoutTime} labels have no ${LABEL_TIME}: they got no feature values.`);
  if (labels.rowsWithNullKey > 0)
    notes.push(`${labels.rowsWithNullKey} labels have a null join key, which matches no entity.`);
  if (mode === 'available') {
    for (const view of service.views) {
      if (!hasCreatedTime(bundle, view))
        notes.push(`${view.view} has no created times: "as available" is the same as "as trained" there.`);
    }
  }
  return notes;
}
