/**
 * The history of a view whose source is a whole snapshot each time (`absent: delete`): what the source says now, set
 * against the newest row that the history has of each entity.
 *
 *   the source's row                                     the history gets
 *   of a new entity, of a later event time, or with      the row, by its event time
 *     other values of the same event time
 *   with other values of an earlier event time, or of    the row, by the cut-off: by its own event time what is there
 *     one that a tombstone hides                           would hide it
 *   none: no row of the entity counts                    a tombstone, by the cut-off
 *   the values that are there, of no later event time    nothing
 *
 * An entity whose row is bad, or not due yet, is there all the same: what the history has of it stands. Called by
 * append-history.ts.
 */
import { countingIds } from '../../contract/definitions/definition-json.ts';
import type { FeatureView } from '../../contract/model.ts';
import { committedSql } from '../../project/engine/duckdb/committed-rows.ts';
import { duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { openHistoryWithFaults } from '../../project/engine/duckdb/history.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import { sameValueSql } from '../../project/engine/duckdb/same-value-sql.ts';
import { EXCLUDED } from '../../project/engine/duckdb/sources/stored-rows.ts';
import { seenHistory } from '../../project/history/history-place.ts';
import { materializerError } from '../errors.ts';
import { chooseRows } from '../online/choose-rows.ts';
import { EVENT_US } from '../online/latest-rows.ts';
import type { ViewRun } from '../run/view-run.ts';
import { commitRows } from '../history/commit-rows.ts';
import { requireLater } from '../history/compute.ts';
import type { PreparedHistory } from '../history/compute.ts';
import { StagedRows } from '../history/staged-rows.ts';
import type { RowPlan } from '../history/staged-rows.ts';

/** The source's newest row of each entity, and the history's as keys k0.., e, created_us, gone, f0.. */
const LOADED = 'loaded_rows';
const BEFORE = 'rows_before';
/** Event days that are published at a time: rows of a snapshot lie thin over many. */
const SPAN_DAYS = 400;

/**
 * @throws REG_SOURCE, MAT_SOURCE, MAT_REJECTED, MAT_NULL_SHARE as for any stored view; MAT_ABSENT when the source lacks
 *         more entities than one run may take out; nothing stays behind but the reject file
 */
export async function prepareSnapshot(run: ViewRun): Promise<PreparedHistory> {
  const { view, entity, duck, settings, range, progress } = run;
  const plan = planSnapshot(run);
  const staged = new StagedRows(plan, run);
  staged.span(SPAN_DAYS);
  try {
    progress.step('reading the source', 0, 1, 'scans');
    const loaded = { ...run, view: loadedView(view), range: { ...range, full: true, fromUs: null } };
    const { counts } = await chooseRows(loaded, LOADED, '');
    const history = await seenHistory(settings, view);
    await openHistoryStorage(duck, settings.history);
    const files = history?.files(countingIds(view, entity.joinKeys)) ?? [];
    await duck.run(
      `CREATE OR REPLACE TEMP TABLE ${BEFORE} AS ${beforeSql(plan, committedSql(view, entity, files))}`,
    );
    const { sql: source } = await openHistoryWithFaults(duck, settings, loaded.view, entity);
    progress.step('computing', 0, 1, 'scans');
    await staged.add(changedSql(plan, range.cutoffUs));
    await staged.add(goneSql(plan, source, range.cutoffUs));
    const { rows, replacedUs, lost } = await staged.summary();
    await checkAbsent(run, await staged.tombstones());
    return {
      counts: { ...counts, oldestEventUs: null, warnings: [] },
      historyRows: rows,
      lost,
      entities: () => staged.entities(),
      async publish(createdUs) {
        requireLater(view, createdUs, replacedUs);
        const written = rows === 0 ? [] : await staged.publish(createdUs);
        const { watermarkUs, cutoffUs: knownUs } = range;
        const committed = await commitRows({ run, history }, { files: written, createdUs, watermarkUs });
        settings.seen?.set(settings.history, view, committed);
        await clear();
        return { historyRows: rows, files: written, fromUs: null, watermarkUs, knownUs };
      },
      discard: clear,
    };
  } catch (error) {
    await clear();
    throw progress.explain(error);
  }

  async function clear(): Promise<void> {
    staged.discard();
    await duck.run([LOADED, BEFORE].map((name) => `DROP TABLE IF EXISTS ${name}`).join('; '));
  }
}

/** @returns the view as its source alone tells it */
export function loadedView(view: FeatureView): FeatureView {
  return { ...view, kind: 'stored' };
}

/** Rows by microsecond, where an aggregated view has edges. */
function planSnapshot({ view, entity }: Pick<ViewRun, 'view' | 'entity'>): RowPlan {
  const keys = entity.joinKeys.map((_, i) => `k${i}`);
  const features = view.features.map((feature, i) => ({ feature, name: `f${i}` }));
  return { view, entity, hopUs: 1, keys, keyList: keys.join(', '), features };
}

function keyColumns({ entity, keys }: RowPlan): string[] {
  return entity.joinKeys.map(({ name }, i) => `${quoteName(name)} AS ${keys[i]!}`);
}

function featureColumns({ features }: RowPlan): string[] {
  return features.map(({ feature, name }) => `${quoteName(feature.name)} AS ${name}`);
}

function beforeSql(plan: RowPlan, rows: string): string {
  const columns = [
    ...keyColumns(plan),
    'epoch_us(event_time) AS e',
    'epoch_us(created_time) AS created_us',
    'coalesce(deleted, false) AS gone',
    ...featureColumns(plan),
  ];
  return `SELECT ${columns.join(', ')} FROM (${rows})
    QUALIFY row_number() OVER (PARTITION BY ${plan.keyList} ORDER BY e DESC, created_us DESC) = 1`;
}

function changedSql(plan: RowPlan, cutoffUs: number): string {
  const { features, keyList } = plan;
  const loaded = [...keyColumns(plan), `${quoteName(EVENT_US)} AS e`, ...featureColumns(plan)];
  const same = features.map(({ feature, name }) => sameValueSql(feature.type, `s.${name}`, `o.${name}`));
  const hidden = 's.e < o.e OR (s.e = o.e AND o.gone)';
  const values = features.map(({ name }) => `s.${name}`);
  return `SELECT ${plan.keys.map((key) => `s.${key}`).join(', ')},
      CASE WHEN ${hidden} THEN greatest(${cutoffUs}, o.e) ELSE s.e END AS e, false AS gone, ${values.join(', ')},
      NULL::VARCHAR AS lost, CASE WHEN s.e <= o.e THEN o.created_us END AS replaced_us
    FROM (SELECT ${loaded.join(', ')} FROM ${LOADED}) s LEFT JOIN ${BEFORE} o USING (${keyList})
    WHERE o.e IS NULL OR o.gone OR s.e > o.e OR NOT (${same.join(' AND ')})`;
}

/** @param source  SELECT of all rows of the source, bad ones too */
function goneSql(plan: RowPlan, source: string, cutoffUs: number): string {
  const { features, keyList } = plan;
  const nothing = features.map(({ feature, name }) => `NULL::${duckTypeOf(feature.type)} AS ${name}`);
  return `SELECT ${keyList}, greatest(${cutoffUs}, e) AS e, true AS gone, ${nothing.join(', ')},
      NULL::VARCHAR AS lost, created_us AS replaced_us
    FROM ${BEFORE} ANTI JOIN
      (SELECT ${keyColumns(plan).join(', ')} FROM (${source}) WHERE NOT ${quoteName(EXCLUDED)}) USING (${keyList})
    WHERE NOT gone`;
}

/** A load that broke off must not take everybody out. */
async function checkAbsent({ duck, view, settings }: ViewRun, absent: number): Promise<void> {
  if (absent === 0) return;
  const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${BEFORE} WHERE NOT gone`);
  const known = row!['n'] as number;
  const { maxAbsentShare } = settings.materialize;
  if (absent <= maxAbsentShare * known) return;
  throw materializerError(
    'MAT_ABSENT',
    `${absent} of ${known} entities of ${view.id} have no row in ${view.source.path} any more, and ` +
      `materialize.maxAbsentShare allows ${maxAbsentShare * 100} %`,
    { field: 'materialize.maxAbsentShare' },
  );
}
