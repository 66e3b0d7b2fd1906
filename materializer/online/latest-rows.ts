/**
 * The rows of a view that a run writes online, as DuckDB SQL: those that are due and new, checked one by one, and of
 * the good ones the newest of each entity by the as-of rule (docs/point-in-time.md), however old it is.
 *
 *   candidates   the history with its faults + event and created time, BIGINT microseconds, + what becomes of a row:
 *                excluded   the view's `where` is not true of it: counted, and looked at no further
 *                rejected   it is a bad row: REASON says why
 *                waiting    its event time is past what is due: a later run reads it again
 *                counted    every other row
 *   latest       counted candidates: the greatest event of each entity first (a hash aggregate, which bounds the sort
 *                that follows to one event time an entity), then (created, values in canonical order)
 *
 * A row that does not count is left out before the newest is chosen: it must not hide the good row before it.
 */
import { hasHistory } from '../../contract/model.ts';
import { canonicalOrderSql } from '../../project/engine/duckdb/as-of-sql.ts';
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { FILE_COLUMN } from '../../project/engine/duckdb/sources/source-files.ts';
import {
  aheadReason,
  CREATED_NS,
  EVENT_NS,
  EXCLUDED,
  REASON,
  ROW_COLUMN,
} from '../../project/engine/duckdb/sources/stored-rows.ts';
import type { RunRange } from '../run/run-range.ts';
import type { ViewRun } from '../run/view-run.ts';

/** Columns beside those of the view; no join key and no feature can have such a name. */
export const EVENT_US = '~event_us';
export const CREATED_US = '~created_us';
/** Whether a row says that its entity has none. */
export const DELETED = '~deleted';
/** What becomes of a row: see above. */
export const FATE = '~fate';
export type Fate = 'excluded' | 'rejected' | 'waiting' | 'counted';
const EVENT = quoteName(EVENT_US);
const CREATED = quoteName(CREATED_US);

/** What the choice hangs on of a run. */
interface Choice extends Pick<ViewRun, 'view' | 'entity' | 'range'> {
  /** Of a stored view over a table: whether a row lies in a file that may be new. Else null. */
  readonly isNewFile: string | null;
}

/**
 * @param rows  SELECT of the view's history as `openHistoryWithFaults` gives it
 * @returns     a SELECT of the rows that the run reads, with EVENT_US, CREATED_US, FATE and REASON
 */
export function candidatesSql(run: Choice, rows: string): string {
  const { view, entity, range } = run;
  const conditions = hasHistory(view) ? historyConditions(range) : storedConditions(run);
  if (range.fromUs !== null) conditions.push(`(${EVENT} IS NULL OR ${EVENT} > ${range.fromUs})`);
  const names = [...entity.joinKeys, ...view.features].map(({ name }) => name);
  const columns = [...names, EVENT_US, CREATED_US, EVENT_NS, CREATED_NS, FILE_COLUMN, ROW_COLUMN].map(
    quoteName,
  );
  const reason = reasonSql(run);
  const fate = `CASE WHEN ${quoteName(EXCLUDED)} THEN 'excluded' WHEN ${reason} IS NOT NULL THEN 'rejected'
    WHEN ${EVENT} > ${range.dueUs} THEN 'waiting' ELSE 'counted' END`;
  const deleted = hasHistory(view) ? 'coalesce(deleted, false)' : 'false';
  return `SELECT ${columns.join(', ')}, ${deleted} AS ${quoteName(DELETED)}, ${fate} AS ${quoteName(FATE)}, ${reason} AS ${quoteName(REASON)}
FROM (SELECT *, epoch_us(event_time) AS ${EVENT}, epoch_us(created_time) AS ${CREATED} FROM (${rows}))
WHERE ${conditions.join('\n  AND ')}`;
}

/** A row that has no created time is judged by the run: see `Source.maxAheadUs`. */
function reasonSql({ view, range }: Choice): string {
  const { maxAheadUs } = view.source;
  const { futureUs } = range;
  const own = quoteName(REASON);
  if (hasHistory(view) || maxAheadUs === null || futureUs === null) return own;
  const ahead = `${CREATED} IS NULL AND ${EVENT} > ${futureUs + maxAheadUs} AND NOT ${quoteName(EXCLUDED)}`;
  const reason = quoteText(aheadReason(maxAheadUs, 'the run'));
  return `coalesce(${own}, CASE WHEN ${ahead} THEN ${reason} END)`;
}

/**
 * Of a source: created by the cut-off, and due. A row without a created time is read in every run: nobody knows
 * when it came. A row that is new but not due is read once, to be counted as one that waits, and again when it is due.
 */
function storedConditions({ view, range, isNewFile }: Choice): string[] {
  const due = `${EVENT} <= ${range.dueUs}`;
  // What lies behind the end of a backfilled part is no part of it, and waits for nothing.
  const cutoffUs = range.moves ? range.cutoffUs : null;
  const ahead = view.source.createdTime === null ? range.futureUs : cutoffUs;
  const future = ahead === null ? '' : ` OR ${EVENT} > ${ahead}`;
  const conditions = [
    `(${CREATED} IS NULL OR ${CREATED} <= ${range.cutoffUs})`,
    `(${EVENT} IS NULL OR ${due}${future})`,
  ];
  if (!range.full && range.previous !== null && view.source.createdTime !== null) {
    const { toUs } = range.previous;
    conditions.push(
      `(${CREATED} IS NULL OR ${CREATED} > ${toUs} OR (${EVENT} > ${toUs} AND ${due})${isNewFile === null ? '' : ` OR ${isNewFile}`})`,
    );
  }
  return conditions;
}

/**
 * Of a history: the rows that are due. New are the rows that were appended since the last complete run
 * began, by others than itself: this run's, and those of runs that failed before they had written online.
 */
function historyConditions(range: RunRange): string[] {
  const conditions = [`${EVENT} <= ${range.dueUs}`];
  if (!range.full && range.previous !== null) {
    const { runId, startedUs, watermarkUs } = range.previous;
    conditions.push(
      `((${CREATED} >= ${startedUs} AND run_id <> ${quoteText(runId)}) OR ${EVENT} > ${watermarkUs})`,
    );
  }
  return conditions;
}

/**
 * @param rows  as for `candidatesSql`
 * @returns     a SELECT of the newest row of each entity that counts: keys, features, EVENT_US, CREATED_US, DELETED
 */
export function latestSql(run: Choice, rows: string): string {
  const { view, entity } = run;
  const keys = entity.joinKeys.map(({ name }) => quoteName(name)).join(', ');
  const columns = [...entity.joinKeys, ...view.features].map(({ name }) => quoteName(name)).join(', ');
  const times = [quoteName(EVENT_NS), `${CREATED} ASC NULLS FIRST`, quoteName(CREATED_NS)];
  const order = [...times, ...canonicalOrderSql(view.features)].join(', ');
  // Held between its two uses, a long history took all the memory there is; read twice it costs a tenth more.
  return `WITH good AS NOT MATERIALIZED (SELECT * FROM (${candidatesSql(run, rows)}) WHERE ${quoteName(FATE)} = 'counted'),
newest AS (SELECT ${keys}, max(${EVENT}) AS ${EVENT} FROM good GROUP BY ${keys})
SELECT ${columns}, ${EVENT}, ${CREATED}, ${quoteName(DELETED)} FROM good JOIN newest USING (${keys}, ${EVENT})
QUALIFY lead(true) OVER (PARTITION BY ${keys} ORDER BY ${order}) IS NULL`;
}
