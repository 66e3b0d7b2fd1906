/**
 * The rows of a view that a run writes online, as DuckDB SQL: those that are due and new, judged one by one, and of
 * the good ones the newest of each entity by the as-of rule (DESIGN.md section 6), however old it is.
 *
 *   candidates   historySql + event and created time, BIGINT microseconds, + why a row is rejected, or NULL
 *   latest       good candidates: the greatest event of each entity first (a hash aggregate, which bounds the sort
 *                that follows to one event time an entity), then (created, values in canonical order)
 *
 * A rejected row is left out before the newest is chosen: it must not hide the good row before it.
 */
import { canonicalOrderSql } from '../registry/as-of-sql.ts';
import { duckKeyType, historySql, sourceSql, utc } from '../registry/history.ts';
import { duckTypeOf, quoteName, quoteText } from '../registry/duckdb.ts';
import type { Entity, Feature, FeatureView } from '../registry/model.ts';
import { isNumeric } from '../registry/value-type.ts';
import { MAX_ID_BYTES } from '../registry/wire/entity-key.ts';
import type { RunRange } from './run-range.ts';

/** Columns beside those of the view; no join key and no feature can have such a name. */
export const EVENT_US = '~event_us';
export const CREATED_US = '~created_us';
export const REASON = '~reason';
const MISFIT = quoteName('~misfit');
const EVENT = quoteName(EVENT_US);
const CREATED = quoteName(CREATED_US);

export interface RowSelection {
  readonly view: FeatureView;
  readonly entity: Entity;
  /** The project's folder, which sources' paths are relative to. */
  readonly folder: string;
  readonly historyRoot: string;
  readonly range: RunRange;
  /** Event times after this lie in the future; null: not judged, because the source is a whole rehearsal's. */
  readonly futureUs: number | null;
}

/** @returns a SELECT of the rows that the run reads, with EVENT_US, CREATED_US and REASON */
export function candidatesSql(selection: RowSelection): string {
  const { view, entity, range } = selection;
  const inner = view.kind === 'stored' ? storedRowsSql(selection) : historyRowsSql(selection);
  const conditions = view.kind === 'stored' ? storedConditions(selection) : historyConditions(range);
  if (range.fromUs !== null) conditions.push(`(${EVENT} IS NULL OR ${EVENT} > ${range.fromUs})`);
  const columns = [...entity.joinKeys, ...view.features].map(({ name }) => quoteName(name)).join(', ');
  return `SELECT ${columns}, ${EVENT}, ${CREATED}, ${reasonSql(selection)} AS ${quoteName(REASON)} FROM (${inner})
WHERE ${conditions.join('\n  AND ')}`;
}

/**
 * The source read with TRY_CAST: a value that does not fit its type rejects its row and not the run. The first of
 * them is named in the misfit column.
 */
function storedRowsSql({ view, entity, folder }: RowSelection): string {
  const columns = [
    ...entity.joinKeys.map(({ name, type }) => ({ name, type: duckKeyType(type) })),
    ...view.features.map(({ name, type }) => ({ name, type: duckTypeOf(type) })),
  ];
  const casts = columns.map(
    ({ name, type }) => `TRY_CAST(${quoteName(name)} AS ${type}) AS ${quoteName(name)}`,
  );
  const misfits = columns.map(
    ({ name, type }) =>
      `CASE WHEN ${quoteName(name)} IS NOT NULL AND TRY_CAST(${quoteName(name)} AS ${type}) IS NULL
       THEN ${quoteText(`${name} is no ${type}: `)} || left(CAST(${quoteName(name)} AS VARCHAR), 80) END`,
  );
  const { eventTime, createdTime, path } = view.source;
  return `SELECT ${casts.join(', ')}, epoch_us(${utc(eventTime)}) AS ${EVENT},
  ${createdTime === null ? 'NULL::BIGINT' : `epoch_us(${utc(createdTime)})`} AS ${CREATED}, NULL AS run_id,
  coalesce(${misfits.join(', ')}) AS ${MISFIT} FROM ${sourceSql(folder, path)}`;
}

function historyRowsSql({ view, entity, folder, historyRoot }: RowSelection): string {
  return `SELECT *, epoch_us(event_time) AS ${EVENT}, epoch_us(created_time) AS ${CREATED}, NULL AS ${MISFIT}
  FROM (${historySql(folder, historyRoot, view, entity)})`;
}

/**
 * Of a stored view: created by the cut-off, and due. A row without a created time is read in every run: nobody knows
 * when it came. A row that is new but lies in the future is read once, so that it is rejected and not forgotten; it
 * is read again when it has become due.
 */
function storedConditions({ view, range, futureUs }: RowSelection): string[] {
  const due = `${EVENT} <= ${range.dueUs}`;
  const future = futureUs === null ? '' : ` OR ${EVENT} > ${futureUs}`;
  const conditions = [
    `(${CREATED} IS NULL OR ${CREATED} <= ${range.cutoffUs})`,
    `(${EVENT} IS NULL OR ${due}${future})`,
  ];
  if (!range.full && range.previous !== null && view.source.createdTime !== null) {
    const { toUs } = range.previous;
    conditions.push(`(${CREATED} IS NULL OR ${CREATED} > ${toUs} OR (${EVENT} > ${toUs} AND ${due}))`);
  }
  return conditions;
}

/**
 * Of an aggregated view: the edges that are due. New are the rows that were appended since the last complete run
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

/** The first fault of a row as one text, or NULL. */
function reasonSql({ view, entity, futureUs }: RowSelection): string {
  const faults: [condition: string, reason: string][] = [[`${MISFIT} IS NOT NULL`, MISFIT]];
  for (const { name, type } of entity.joinKeys) {
    faults.push([`${quoteName(name)} IS NULL`, quoteText(`join key ${name} is null`)]);
    if (type === 'string') {
      const tooLong = `join key ${name} is longer than ${MAX_ID_BYTES} bytes`;
      faults.push([`strlen(${quoteName(name)}) > ${MAX_ID_BYTES}`, quoteText(tooLong)]);
    }
  }
  faults.push([`${EVENT} IS NULL`, quoteText('event time is null or infinite')]);
  faults.push([`${EVENT} < 0`, quoteText('event time is before 1970')]);
  faults.push([`${CREATED} < 0`, quoteText('created time is before 1970')]);
  if (futureUs !== null) {
    faults.push([`${EVENT} > ${futureUs}`, quoteText('event time is in the future')]);
  }
  for (const feature of view.features) faults.push(...featureFaults(feature));
  return `CASE ${faults.map(([condition, reason]) => `WHEN ${condition} THEN ${reason}`).join('\n  ')} END`;
}

/** A NaN is a value like any other, unless the feature has a range: it lies in none. */
function featureFaults({ name, type, checks }: Feature): [condition: string, reason: string][] {
  const column = quoteName(name);
  const faults: [string, string][] = [];
  if (type.kind === 'embedding') {
    faults.push([`len(${column}) <> ${type.size}`, quoteText(`${name} is no embedding of ${type.size}`)]);
    faults.push([
      `list_contains(list_transform(${column}, x -> x IS NULL), true)`,
      quoteText(`${name} holds a null`),
    ]);
  }
  if (checks === null || !isNumeric(type)) return faults;
  if ((checks.min !== null || checks.max !== null) && type.kind.startsWith('float')) {
    faults.push([`isnan(${column})`, quoteText(`${name} is NaN and has a range`)]);
  }
  if (checks.min !== null) {
    faults.push([
      `${column} < ${checks.min}::DOUBLE`,
      quoteText(`${name} is below its minimum ${checks.min}`),
    ]);
  }
  if (checks.max !== null) {
    faults.push([
      `${column} > ${checks.max}::DOUBLE`,
      quoteText(`${name} is above its maximum ${checks.max}`),
    ]);
  }
  return faults;
}

/** @returns a SELECT of the newest good row of each entity: its keys, its features, EVENT_US, CREATED_US */
export function latestSql(selection: RowSelection): string {
  const { view, entity } = selection;
  const keys = entity.joinKeys.map(({ name }) => quoteName(name)).join(', ');
  const columns = [...entity.joinKeys, ...view.features].map(({ name }) => quoteName(name)).join(', ');
  const order = [`${CREATED} ASC NULLS FIRST`, ...canonicalOrderSql(view.features)].join(', ');
  return `WITH good AS (SELECT * FROM (${candidatesSql(selection)}) WHERE ${quoteName(REASON)} IS NULL),
newest AS (SELECT ${keys}, max(${EVENT}) AS ${EVENT} FROM good GROUP BY ${keys})
SELECT ${columns}, ${EVENT}, ${CREATED} FROM good JOIN newest USING (${keys}, ${EVENT})
QUALIFY lead(true) OVER (PARTITION BY ${keys} ORDER BY ${order}) IS NULL`;
}
