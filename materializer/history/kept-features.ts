/**
 * A backfill of single features: they are computed from the events, and the others of their view are taken from the
 * history as it stands, edge by edge, untouched. So a new feature needs no events that the others were computed from
 * and that are gone by now, and what was served of the others stays what training sees.
 *
 *   rows before   of the view's definition, or of the one without the features, which are new since
 *   computed      the features alone, at the edges where they change, and at all edges of the rows before
 *   appended      computed, with what the rows before say of the other features then, and whether the entity has a row
 */
import type { Entity, FeatureView } from '../../contract/model.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { HistorySnapshot } from '../../project/history/history-snapshot.ts';
import type { AggregatePlan, PlannedFeature } from '../aggregate/aggregate-plan.ts';
import { keysOf, planAggregates, sameKeys } from '../aggregate/aggregate-plan.ts';
import { materializerError } from '../errors.ts';
import { isDefinition } from '../run/run-features.ts';

export interface KeptFeatures {
  /** The plan of the whole view: what is appended. */
  readonly whole: AggregatePlan;
  /** The view as the rows before were written. */
  readonly before: FeatureView;
  /** Those of `whole` that are computed, by name of their own plan, and those that are kept. */
  readonly computed: ReadonlyMap<string, string>;
  readonly others: readonly PlannedFeature[];
}

interface Viewed {
  readonly view: FeatureView;
  readonly entity: Entity;
}

/** @returns the plan of some features of a view alone */
export function planFeatures(whole: AggregatePlan, names: readonly string[]): AggregatePlan {
  const { view, entity } = whole;
  const features = view.features.filter(({ name }) => names.includes(name));
  return { ...planAggregates({ ...view, features }, entity), view };
}

/** @throws MAT_FEATURE when there are no rows that the other features can be taken from */
export function keptFeatures(
  run: Viewed,
  { whole, part }: { readonly whole: AggregatePlan; readonly part: AggregatePlan },
  history: HistorySnapshot | null,
): KeptFeatures {
  const before = viewBefore(
    run,
    history,
    part.features.map(({ feature }) => feature.name),
  );
  const computed = new Map(part.features.map(({ feature, name }) => [feature.name, name]));
  const others = whole.features.filter(({ feature }) => !computed.has(feature.name));
  return { whole, before, computed, others };
}

/** @returns the view as the newest rows of its history were written: as it is, or without the features */
function viewBefore(
  { view, entity }: Viewed,
  history: HistorySnapshot | null,
  names: readonly string[],
): FeatureView {
  const mark = history?.lastMark() ?? null;
  const without = { ...view, features: view.features.filter(({ name }) => !names.includes(name)) };
  const found = [view, without].find((one) => isDefinition(one, entity.joinKeys, mark?.definitionId));
  if (found !== undefined && mark !== null) return { ...found, definitionId: mark.definitionId };
  throw materializerError(
    'MAT_FEATURE',
    mark === null
      ? `the history of ${view.id} has no rows, so that there are no values of its other features to keep`
      : `the newest rows in the history of ${view.id} were computed by another definition than today's without ` +
          names.join(', '),
  );
}

/** @returns how the rows before are read beside the columns of the computed plan */
export function keptColumns({ others }: KeptFeatures): string[] {
  return others.map((f) => `${quoteName(f.feature.name)} AS ${keptName(f)}`);
}

/**
 * @param sql  rows of the computed plan, from `aggregateSql`
 * @param old  the rows before that it was computed beside
 * @returns    rows of the whole plan in the same form
 */
export function withKeptSql(kept: KeptFeatures, sql: string, old: string): string {
  const { whole, computed } = kept;
  const gone = 'coalesce(o.gone, r.gone)';
  const values = whole.features.map((f) => {
    const own = computed.get(f.feature.name);
    return `CASE WHEN NOT ${gone} THEN ${own === undefined ? `o.${keptName(f)}` : `r.${own}`} END AS ${f.name}`;
  });
  // A row that is there already, as it would be written, is not written again.
  const same = [
    'o.e = r.e',
    `o.definition = ${whole.view.definitionId}`,
    ...[...computed.values()].map(
      (name) => `o.${name} IS NOT DISTINCT FROM CASE WHEN NOT ${gone} THEN r.${name} END`,
    ),
  ];
  return `WITH computed AS (${sql}),
kept AS (SELECT * FROM (${old}) k
  QUALIFY row_number() OVER (PARTITION BY ${keysOf(whole, 'k')}, k.e ORDER BY created_us DESC NULLS LAST) = 1)
SELECT ${keysOf(whole, 'r')}, r.e, ${gone} AS gone, ${values.join(', ')}, r.lost, r.replaced_us
FROM computed r ASOF LEFT JOIN kept o ON ${sameKeys(whole, 'r', 'o')} AND r.e >= o.e
WHERE NOT coalesce(${same.join(' AND ')}, false)`;
}

/** No plan has a column of such a name. */
function keptName({ name }: PlannedFeature): string {
  return `kept_${name}`;
}
