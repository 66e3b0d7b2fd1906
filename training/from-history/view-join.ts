/**
 * The labels of a training set joined to the views of a service: one table a view, and the SQL of its features.
 *
 * A label past an aggregated view's history watermark is unjudged: its windows are not computed yet, so that it gets
 * null, never an older window and never the fallback. One of a view over whole snapshots is unjudged until the first
 * run: from then on the history says what each snapshot did, and the newest one holds until the next.
 */
import { ROW_FOUND, joinAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfRule } from '../../contract/as-of.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { registryError } from '../../contract/errors.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import { entryHash } from '../../project/delta/delta-log.ts';
import { completeHistory, seenHistory } from '../../project/history/history-place.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Bundle, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { edgeAt } from '../../contract/windows.ts';
import { LABEL_KEYS } from '../labels/training-labels.ts';
import type { SourceFiles } from '../../project/engine/duckdb/sources/source-files.ts';
import type { Labels } from '../labels/training-labels.ts';

/** State of a label, beside those of the join: past the history's watermark. */
const UNJUDGED = 3;

/** A training set that is being made. */
export interface TrainingSet {
  readonly duck: DuckDb;
  readonly settings: Settings & Pick<HistoryPlace, 'seen'>;
  readonly bundle: Bundle;
  readonly service: FeatureService;
  readonly labels: Labels;
  readonly mode: AsOfRule['mode'];
}

/** A view in its role, joined to the labels. */
export interface JoinedView {
  readonly used: ServiceView;
  readonly view: FeatureView;
  readonly table: string;
  readonly unjudged: number;
  /** How far its history is complete; null: never computed, or a stored view, which always is. */
  readonly watermarkUs: number | null;
  /** The entry of its history that was read; null: there was none, or a stored view. */
  readonly commit: number | null;
  /** Its hash. */
  readonly entry: string | null;
  /** Whether its history holds rows of other row logic alone. */
  readonly isChanged: boolean;
  /** What a stored view was read from; null: an aggregated one. */
  readonly source: SourceFiles | null;
}

/**
 * Joins one view, in its role, to the labels, into a table.
 * @throws REG_SOURCE when the view's rows cannot be read
 */
export async function joinView(set: TrainingSet, used: ServiceView, table: string): Promise<JoinedView> {
  const { duck, settings, bundle, service } = set;
  const view = bundle.views.get(used.view)!;
  const entity = bundle.entities.get(view.entity)!;
  // Before the rows are read: what is written meanwhile is then known to lie past it.
  const mark = hasHistory(view) ? await completeHistory(settings, view, entity) : null;
  const watermarkUs = mark?.watermarkUs ?? null;
  const keys = used.requestKeys.map(
    (name) => `key_${service.requestKeys.findIndex((key) => key.name === name)}`,
  );
  const isUnjudged = unjudgedSql(view, watermarkUs, keys);
  const source = await joinRows(set, used, { table, keys, isUnjudged });
  const [row] = await duck.rows(`SELECT count(*) FILTER (${isUnjudged}) AS n FROM ${LABEL_KEYS}`);
  const unjudged = Number(row!['n']);
  if (unjudged > 0) {
    await duck.run(`UPDATE ${table} SET asof_state = ${UNJUDGED}
      WHERE rid IN (SELECT rid FROM ${LABEL_KEYS} WHERE ${isUnjudged})`);
  }
  const history = hasHistory(view) ? await seenHistory(settings, view) : null;
  const commit = history?.version ?? null;
  const entry = history === null ? null : await entryHash(history.folder, history.version);
  const isChanged = mark === null && history !== null;
  return { used, view, table, unjudged, watermarkUs, commit, entry, isChanged, source };
}

/** @returns what a stored view was read from */
async function joinRows(
  { duck, settings, bundle, service, labels, mode }: TrainingSet,
  used: ServiceView,
  into: { readonly table: string; readonly keys: readonly string[]; readonly isUnjudged: string },
): Promise<SourceFiles | null> {
  const view = bundle.views.get(used.view)!;
  const entity = bundle.entities.get(view.entity)!;
  const history = await openHistory(duck, settings, view, entity);
  const asOf = {
    labels: `(SELECT * REPLACE (CASE WHEN ${into.isUnjudged} THEN NULL ELSE t END AS t) FROM ${LABEL_KEYS})`,
    rid: 'rid',
    time: 't',
    history: history.parts(labels.firstUs ?? 0, (labels.lastUs ?? 0) - view.delayUs),
    nanos: history.nanos,
    tombstones: hasHistory(view),
    keys: entity.joinKeys.map((key, at) => ({ label: into.keys[at]!, row: key.name })),
    features: view.features,
    outputs: takenOf(service, bundle, used.role).map((name) => ({
      feature: name,
      as: `value_${name}`,
    })),
    mode: hasCreatedTime(view) ? mode : 'trained',
    delayUs: view.delayUs,
    ttlUs: view.ttlUs,
  };
  try {
    await joinAsOf(duck, asOf, into.table);
    return history.source;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const why = (error as Error).message.split('\n')[0];
    throw registryError('REG_SOURCE', `the rows of ${view.id} cannot be read: ${why}`, {}, error);
  }
}

/** A label is unjudged where the edge due at its time lies past the watermark, or no history is there. */
function unjudgedSql(view: FeatureView, watermarkUs: number | null, keys: readonly string[]): string {
  if (!hasHistory(view)) return 'false';
  const sees = ['t', ...keys].map((column) => `${column} IS NOT NULL`).join(' AND ');
  if (watermarkUs === null) return `(${sees})`;
  if (view.kind !== 'aggregated') return 'false';
  const nextEdgeUs = (edgeAt(watermarkUs, view.hopUs) + 1) * view.hopUs;
  return `(${sees} AND t >= ${nextEdgeUs + view.delayUs})`;
}

/** A history of its own always has one. */
export function hasCreatedTime(view: FeatureView): boolean {
  return hasHistory(view) || view.source.createdTime !== null;
}

/** @returns the features of a role that the service lists, or that its on-demand views take */
export function takenOf(service: FeatureService, bundle: Bundle, role: string): string[] {
  const listed = service.features.filter((one) => one.role === role).map(({ feature }) => feature);
  const used = service.onDemand.flatMap(({ view, uses }) =>
    bundle.onDemand
      .get(view)!
      .uses.flatMap(({ features }, i) => (uses[i] === role ? features.map(({ feature }) => feature) : [])),
  );
  return [...new Set([...listed, ...used])];
}

/** @returns SQL of a feature of a joined view, with the fallback in place */
export function joinedFeatureSql({ view, table }: JoinedView, name: string): string {
  const { type, missing } = view.features.find((one) => one.name === name)!;
  const cases = [
    `WHEN ${ROW_FOUND} THEN ${table}.${quoteName(`value_${name}`)}`,
    `WHEN ${UNJUDGED} THEN NULL`,
  ];
  return `CASE ${table}.asof_state ${cases.join(' ')} ELSE ${sqlLiteral(type, missing)} END`;
}

/** @returns SQL that tells labels that are unjudged in a joined view */
export function isUnjudgedSql({ table }: JoinedView): string {
  return `${table}.asof_state = ${UNJUDGED}`;
}
