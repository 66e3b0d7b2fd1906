/**
 * `plumb train`: a point-in-time training set. Each label gets the values that the as-of rule shows at its time, with
 * the same statuses and fallbacks as in serving: what the model learns from is what it would have been served.
 *
 *   labels' keys and times -> as-of join with each view -> one table a view -> labels' bytes, features behind them
 *
 * A label past an aggregated view's history watermark is unjudged: its windows are not computed yet, so that it gets
 * null, never an older window and never the fallback.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ROW_FOUND, ROW_OUTSIDE_TTL, joinAsOf } from '../project/engine/duckdb/as-of-join.ts';
import type { AsOfRule } from '../contract/as-of.ts';
import { badRowsText, countBadRows } from '../project/engine/duckdb/bad-rows.ts';
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import { serviceNamed } from '../contract/definitions/service-named.ts';
import { locateSources } from '../contract/definitions/source-variables.ts';
import { DuckDb, quoteName } from '../project/engine/duckdb/duckdb.ts';
import { registryError } from '../contract/errors.ts';
import { completeHistory, openHistory, readHistoryWatermark } from '../project/engine/duckdb/history.ts';
import type { Bundle, FeatureService, FeatureView, ServiceView } from '../contract/model.ts';
import type { Project } from '../project/project.ts';
import { sqlLiteral } from '../project/engine/duckdb/sql-literal.ts';
import { countText } from '../contract/std/count-text.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { edgeAt } from '../contract/windows.ts';
import { trainingError } from './errors.ts';
import { countNotFull } from './full-windows.ts';
import type { NotFull } from './full-windows.ts';
import { openTrainScratch } from './train-scratch.ts';
import { LABEL_KEYS, labelKeyColumn, readLabels, tableFormat } from './training-labels.ts';
import type { Labels } from './training-labels.ts';
import { writeTrainingSet } from './training-output.ts';
import type { JoinedFeatures } from './training-output.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { schemeOf } from '../contract/std/local-path.ts';
import { makeFolder } from '../contract/std/folder.ts';

const LABEL_TIME = 'event_timestamp';

/** State of a label, beside those of the join: past the history's watermark. */
const UNJUDGED = 3;

export interface TrainOptions {
  /** Parquet or CSV, relative to the current folder or absolute. */
  readonly labels: string;
  readonly service: string;
  /** Parquet or CSV; replaced when it exists, and only by a whole one. */
  readonly out: string;
  /** trained (default): the whole history counts; available: only what was written by the label's time. */
  readonly as?: AsOfRule['mode'];
  /** The labels' column of times; `event_timestamp` unless given. */
  readonly timeColumn?: string;
  /** Whether unjudged labels are an error. */
  readonly strict?: boolean;
}

interface TrainedFeature {
  readonly name: string;
  /** Labels by what they got; fallbacks stand in for missing and outsideTtl. */
  readonly present: number;
  readonly nulls: number;
  readonly missing: number;
  readonly outsideTtl: number;
  /** Labels past the view's history watermark: null. */
  readonly unjudged: number;
  /** Labels from before its source was complete for a whole window: the value covers less. 0 where no start is known. */
  readonly notFull: number;
}

export interface TrainResult {
  readonly out: string;
  readonly rows: number;
  readonly features: readonly TrainedFeature[];
  /** What the reader should know about this set, one sentence each. */
  readonly notes: readonly string[];
}

/** A view in its role, joined to the labels. */
interface JoinedView {
  readonly used: ServiceView;
  readonly view: FeatureView;
  readonly table: string;
  readonly unjudged: number;
  /** How far its history is complete; null: never computed, or a stored view, which always is. */
  readonly watermarkUs: number | null;
  /** Whether its history holds rows of other row logic alone. */
  readonly isChanged: boolean;
}

/**
 * @throws REG_UNKNOWN for a service that is not applied, TRAIN_LABELS, TRAIN_FORMAT, TRAIN_PLACE, TRAIN_OUT,
 *         TRAIN_UNJUDGED where `strict` asks for it, and REG_SOURCE when a view's rows cannot be read; nothing
 *         half-written is left
 */
export async function runTrain(project: Project, options: TrainOptions): Promise<TrainResult> {
  const bundle = locateSources(loadCurrentBundle(project.settings.bundles), project.settings.vars);
  const service = serviceNamed(bundle, options.service);
  const mode = options.as ?? 'trained';
  const timeColumn = options.timeColumn ?? LABEL_TIME;
  const format = tableFormat(options.out);
  checkOut(options.out, options.labels);
  const { memory, temp } = project.settings.train;
  const scratch = openTrainScratch(temp);
  const { folder } = scratch;
  const duck = await DuckDb.open({
    memoryLimit: `${memory}B`,
    memorySetting: 'train.memory',
    tempFolder: join(folder, 'spill'),
  });
  try {
    await duck.run('SET preserve_insertion_order = true');
    const labels = await readLabels(duck, resolve(options.labels), service, timeColumn, folder);
    const joined: JoinedView[] = [];
    for (const [i, used] of service.views.entries()) {
      project.logger.progress('joining', i, service.views.length);
      joined.push(
        await joinView(duck, project, bundle, { service, used, labels, mode, table: `joined_${i}` }),
      );
    }
    project.logger.progress('joining', service.views.length, service.views.length);
    const { notFull, notes: early } = await countNotFull(duck, joined);
    const notes = [...notesOf(labels, { mode, timeColumn }, joined), ...early];
    if (options.strict === true) refuseUnjudged(joined);
    const set = { labels, features: joinedFeatures(bundle, service, joined), format, scratch: folder };
    await writeOut(duck, set, resolve(options.out));
    return {
      out: options.out,
      rows: labels.rows,
      features: await countFeatures(duck, service, joined, notFull),
      notes: [...notes, ...(await badRowNotes(duck, project, bundle, service))],
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

/** What the history of each view holds and training does not take. */
async function badRowNotes(
  duck: DuckDb,
  { settings }: Project,
  bundle: Bundle,
  service: FeatureService,
): Promise<string[]> {
  const notes: string[] = [];
  for (const id of new Set(service.views.map((used) => used.view))) {
    const view = bundle.views.get(id)!;
    const entity = bundle.entities.get(view.entity)!;
    const text = badRowsText(view, await countBadRows(duck, settings, view, entity));
    if (text !== null) notes.push(text);
  }
  return notes;
}

interface ViewJoin {
  readonly service: FeatureService;
  readonly used: ServiceView;
  readonly labels: Labels;
  readonly mode: AsOfRule['mode'];
  readonly table: string;
}

/** Joins one view (in its role) to the labels, into a table. */
async function joinView(
  duck: DuckDb,
  project: Project,
  bundle: Bundle,
  { service, used, labels, mode, table }: ViewJoin,
): Promise<JoinedView> {
  const { settings } = project;
  const view = bundle.views.get(used.view)!;
  const entity = bundle.entities.get(view.entity)!;
  // Before the rows are read: what is written meanwhile is then known to lie past it.
  const mark = view.kind === 'stored' ? null : completeHistory(settings.history, view, entity);
  const watermarkUs = mark?.watermarkUs ?? null;
  const keys = used.requestKeys.map((key) => labelKeyColumn(service, key));
  const isUnjudged = unjudgedSql(view, watermarkUs, keys);
  const outputs = service.features.filter((feature) => feature.role === used.role);
  const history = await openHistory(duck, settings, view, entity);
  const asOf = {
    labels: `(SELECT * REPLACE (CASE WHEN ${isUnjudged} THEN NULL ELSE t END AS t) FROM ${LABEL_KEYS})`,
    rid: 'rid',
    time: 't',
    history: history.parts(labels.firstUs ?? 0, (labels.lastUs ?? 0) - view.delayUs),
    nanos: history.nanos,
    tombstones: view.kind === 'aggregated',
    keys: entity.joinKeys.map((key, at) => ({ label: keys[at]!, row: key.name })),
    features: view.features,
    outputs: [...new Set(outputs.map(({ feature }) => feature))].map((name) => ({
      feature: name,
      as: `value_${name}`,
    })),
    mode: hasCreatedTime(view) ? mode : 'trained',
    delayUs: view.delayUs,
    ttlUs: view.ttlUs,
  };
  try {
    await joinAsOf(duck, asOf, table);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const why = (error as Error).message.split('\n')[0];
    throw registryError('REG_SOURCE', `the rows of ${view.id} cannot be read: ${why}`, {}, error);
  }
  const [row] = await duck.rows(`SELECT count(*) FILTER (${isUnjudged}) AS n FROM ${LABEL_KEYS}`);
  const unjudged = Number(row!['n']);
  if (unjudged > 0) {
    await duck.run(`UPDATE ${table} SET asof_state = ${UNJUDGED}
      WHERE rid IN (SELECT rid FROM ${LABEL_KEYS} WHERE ${isUnjudged})`);
  }
  const isChanged = mark === null && readHistoryWatermark(settings.history, view) !== null;
  return { used, view, table, unjudged, watermarkUs, isChanged };
}

/** A label is unjudged where the edge due at its time lies past the watermark, as in the monitor. */
function unjudgedSql(view: FeatureView, watermarkUs: number | null, keys: readonly string[]): string {
  if (view.kind === 'stored') return 'false';
  const sees = ['t', ...keys].map((column) => `${column} IS NOT NULL`).join(' AND ');
  if (watermarkUs === null) return `(${sees})`;
  const nextEdgeUs = (edgeAt(watermarkUs, view.hopUs) + 1) * view.hopUs;
  return `(${sees} AND t >= ${nextEdgeUs + view.delayUs})`;
}

/** An aggregated view's history always has one. */
function hasCreatedTime(view: FeatureView): boolean {
  return view.kind === 'aggregated' || view.source.createdTime !== null;
}

function joinedFeatures(
  bundle: Bundle,
  service: FeatureService,
  joined: readonly JoinedView[],
): JoinedFeatures {
  const [first, ...others] = joined.map(({ table }) => table);
  const columns = service.features.map((feature) => {
    const { type, missing } = bundle.views
      .get(feature.view)!
      .features.find((f) => f.name === feature.feature)!;
    const table = tableOf(joined, feature.role);
    const cases = [
      `WHEN ${ROW_FOUND} THEN ${table}.${quoteName(`value_${feature.feature}`)}`,
      `WHEN ${UNJUDGED} THEN NULL`,
    ];
    return {
      name: feature.fullName,
      type,
      sql: `CASE ${table}.asof_state ${cases.join(' ')} ELSE ${sqlLiteral(type, missing)} END`,
    };
  });
  const from = [first!, ...others.map((table) => `JOIN ${table} ON ${table}.rid = ${first!}.rid`)].join(' ');
  return { from, rid: `${first!}.rid`, columns };
}

function tableOf(joined: readonly JoinedView[], role: string): string {
  return joined.find(({ used }) => used.role === role)!.table;
}

async function writeOut(
  duck: DuckDb,
  set: {
    readonly labels: Labels;
    readonly features: JoinedFeatures;
    readonly format: 'parquet' | 'csv';
    readonly scratch: string;
  },
  out: string,
): Promise<void> {
  const aside = `${out}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(out));
    await writeTrainingSet(duck, set.labels, set.features, {
      file: aside,
      format: set.format,
      scratch: set.scratch,
    });
    renameSync(aside, out);
  } catch (error) {
    if (existsSync(aside)) rmSync(aside);
    if (error instanceof CodedError) throw error;
    const why = (error as Error).message.split('\n')[0];
    throw trainingError('TRAIN_OUT', `${out} cannot be written: ${why}`, { file: out }, error);
  }
}

async function countFeatures(
  duck: DuckDb,
  service: FeatureService,
  joined: readonly JoinedView[],
  notFullOf: NotFull,
): Promise<TrainedFeature[]> {
  const counted = new Map<string, TrainedFeature>();
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
      counted.set(name, { name, present, nulls: found - present, missing, outsideTtl, unjudged, notFull });
    }
  }
  return service.features.map(({ fullName }) => counted.get(fullName)!);
}

/** One sentence for each view that could not tell yet what some labels should get. */
function unjudgedNotes(joined: readonly JoinedView[]): string[] {
  return joined.flatMap(({ used, unjudged, watermarkUs, isChanged }) => {
    if (unjudged === 0) return [];
    const never = isChanged ? 'was not materialized since its definition changed' : 'was never materialized';
    const until =
      watermarkUs === null ? never : `is complete up to its watermark ${formatTimestamp(watermarkUs)}`;
    return [
      `${unjudged} ${unjudged === 1 ? 'label is' : 'labels are'} unjudged: the history of ${used.role} ${until}; ` +
        'they got null for its features.',
    ];
  });
}

function refuseUnjudged(joined: readonly JoinedView[]): void {
  const notes = unjudgedNotes(joined);
  if (notes.length > 0) throw trainingError('TRAIN_UNJUDGED', notes.join(' '));
}

function notesOf(
  labels: Labels,
  { mode, timeColumn }: { readonly mode: AsOfRule['mode']; readonly timeColumn: string },
  joined: readonly JoinedView[],
): string[] {
  const notes = unjudgedNotes(joined);
  const [noTime, noKey] = [labels.rowsWithoutTime, labels.rowsWithNullKey];
  if (noTime > 0) notes.push(`${labelsHave(noTime)} no ${timeColumn} and got no feature values.`);
  if (noKey > 0) notes.push(`${labelsHave(noKey)} a null join key, which matches no entity.`);
  if (mode === 'available') {
    for (const { view } of joined) {
      if (!hasCreatedTime(view))
        notes.push(`${view.id} has no created times: "as available" is the same as "as trained" there.`);
    }
  }
  return notes;
}

function labelsHave(count: number): string {
  return `${countText(count, 'label')} ${count === 1 ? 'has' : 'have'}`;
}
