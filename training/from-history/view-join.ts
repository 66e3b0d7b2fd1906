/**
 * The labels of a training set joined to the views of a service: one table a view, and the SQL of its features.
 *
 * A label past an aggregated view's history watermark is unjudged: its windows are not computed yet, so that it gets
 * null, never an older window and never the fallback. One of a view over whole snapshots is unjudged until the first
 * run: from then on the history says what each snapshot did, and the newest one holds until the next.
 */
import { ROW_FOUND, answerAsOf, joinAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfJoin } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfRule } from '../../contract/as-of.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { registryError } from '../../contract/errors.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import type { ViewHistory } from '../../project/engine/duckdb/history.ts';
import { entryHash } from '../../project/delta/delta-log.ts';
import { completeHistory, seenHistory } from '../../project/history/history-place.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { HistoryMark } from '../../project/history/history-snapshot.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Bundle, Entity, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
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

/** What a view's join is made of, before any row is read. */
export interface PreparedJoin {
  readonly used: ServiceView;
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly mark: HistoryMark | null;
  readonly history: ViewHistory;
  /** Without what each engine reads in its own way. */
  readonly asOf: Omit<AsOfJoin, 'labels' | 'history'>;
  /** @returns the labels as the join takes them, of a table with the columns of LABEL_KEYS */
  readonly labelsOf: (from: string) => string;
  /** SQL over LABEL_KEYS. */
  readonly isUnjudged: string;
}

/** @throws REG_SOURCE when the view's source cannot be read */
export async function prepareJoin(set: TrainingSet, used: ServiceView): Promise<PreparedJoin> {
  const { duck, settings, bundle, service, mode } = set;
  const view = bundle.views.get(used.view)!;
  const entity = bundle.entities.get(view.entity)!;
  // Before the rows are read: what is written meanwhile is then known to lie past it.
  const mark = hasHistory(view) ? await completeHistory(settings, view, entity) : null;
  const keys = used.requestKeys.map(
    (name) => `key_${service.requestKeys.findIndex((key) => key.name === name)}`,
  );
  const isUnjudged = unjudgedSql(view, mark?.watermarkUs ?? null, keys);
  const history = await openHistory(duck, settings, view, entity);
  const seen = ['rid', `CASE WHEN ${isUnjudged} THEN NULL ELSE t END AS t`, ...new Set(keys)].join(', ');
  const asOf = {
    rid: 'rid',
    time: 't',
    nanos: history.nanos,
    tombstones: hasHistory(view),
    keys: entity.joinKeys.map((key, at) => ({ label: keys[at]!, row: key.name })),
    features: view.features,
    outputs: takenOf(service, bundle, used.role).map((name) => ({ feature: name, as: `value_${name}` })),
    mode: hasCreatedTime(view) ? mode : 'trained',
    delayUs: view.delayUs,
    ttlUs: view.ttlUs,
  };
  const labelsOf = (from: string): string => `(SELECT ${seen} FROM ${from})`;
  return { used, view, entity, mark, history, asOf, labelsOf, isUnjudged };
}

/**
 * Joins one view, in its role, to the labels, into a table.
 *
 * @param found  what another engine has found, as `answerAsOf` takes it; null: it is found here
 * @throws       REG_SOURCE when the view's rows cannot be read
 */
export async function joinView(
  { duck, settings, labels }: TrainingSet,
  join: PreparedJoin,
  table: string,
  found: string | null,
): Promise<JoinedView> {
  const { used, view, mark, history, isUnjudged } = join;
  const asOf = { ...join.asOf, labels: join.labelsOf(LABEL_KEYS) };
  try {
    if (found !== null) await answerAsOf(duck, asOf, found, table);
    else {
      const parts = history.parts(labels.firstUs ?? 0, (labels.lastUs ?? 0) - view.delayUs);
      await joinAsOf(duck, { ...asOf, history: parts }, table);
    }
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
  const watermarkUs = mark?.watermarkUs ?? null;
  const snapshot = hasHistory(view) ? await seenHistory(settings, view) : null;
  const commit = snapshot?.version ?? null;
  const entry = snapshot === null ? null : await entryHash(snapshot.folder, snapshot.version);
  const isChanged = mark === null && snapshot !== null;
  return { used, view, table, unjudged, watermarkUs, commit, entry, isChanged, source: history.source };
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
