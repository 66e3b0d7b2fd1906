/**
 * Which events count: the one place that decides it, for increments, corrections and backfills alike.
 *
 *   refused   a value that does not fit the type of its key, its time or the column that is aggregated; a join key that
 *             is null or longer than an id may be; no event time, or one before 1970; no created time where the source
 *             has that column; an event time further ahead of the created time than the source's `maxAhead`; a float
 *             that is NaN or infinite in a column that is aggregated; a value past 10^18 in fixed point in one that is
 *             summed; an expression of the view that leaves 64 bits.
 *             The whole event is refused, whichever feature it would have touched; it goes to the reject file.
 *   excluded  the view's `where` is not true of it: counted, and looked at no further
 *   waits     created after the cut-off, or at or past the last edge to compute (event times may lie in the future)
 *   too late  created - event time > the view's lateness, and created after the view's horizon: kept beside the
 *             rejects, not applied. That it depends on the event and these two numbers alone, and not on when runs took
 *             place, is what lets a backfill agree with them. The horizon is why what was loaded in bulk before the
 *             first run counts.
 *   counts    every other event
 *
 * In a source without created times nothing is known to be late, and everything is known at once.
 */
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { MAX_ID_BYTES } from '../../contract/wire/online/entity-key.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { keySql } from '../aggregate/aggregate-plan.ts';
import { reachOf, readsAll } from '../aggregate/aggregate-sql.ts';
import type { Scope } from '../aggregate/aggregate-sql.ts';
import { FIXED_MAX, isWhole, summedColumns } from '../aggregate/fixed-point.ts';
import type { SourceFiles } from '../../project/engine/duckdb/sources/source-files.ts';
import { aheadReason, EXCLUDED } from '../../project/engine/duckdb/sources/stored-rows.ts';
import { MISFIT } from './event-rows.ts';
import type { EventRows } from './event-rows.ts';
import { idleSql, onceSql } from './stream-events.ts';

/** An event source as SQL, for one view and one cut-off. */
export interface EventSource {
  /** The FROM item. */
  readonly from: string;
  /** What it is made of. */
  readonly files: SourceFiles;
  /** Whether the view's `where` excludes a row; never NULL. */
  readonly excluded: string;
  /** Columns of it that say something of a row and are none of the source's. */
  readonly notes: readonly string[];
  /** Microseconds since 1970; NULL where the source has none. */
  readonly eventUs: string;
  /** Null when the source has no such column. */
  readonly createdUs: string | null;
  /** The reason why a row is refused, or NULL. */
  readonly reason: string;
  /** Whether a row counts, whatever edges are computed. */
  readonly counts: string;
  /** What keeps of the rows that count each event once: a clause behind WHERE, or ''. */
  readonly once: string;
  /** Of a table: its snapshot, and whether a row lies in a file that is new to the run; null: nobody can tell. */
  readonly snapshot: string | null;
  readonly isNewFile: string | null;
  /** The clause that keeps in its place the deletions that take back no event; null: there are none. */
  readonly idle: string | null;
  /** Whether a row that is not refused came too late. */
  readonly tooLate: string;
  readonly eventColumn: string;
  /** The event column is a TIMESTAMP: files and row groups outside a range can be skipped by their statistics. */
  readonly prunable: boolean;
}

/** What is known of a source, and what of it may be late. */
interface EventLimits {
  /** The cut-off: events created up to and including it are known. */
  readonly knownUs: number;
  /** Events created up to and including it are never too late; null: there is no such time. */
  readonly horizonUs: number | null;
  /** What the source's `maxAhead` is counted from where there is no created time; null: not judged. */
  readonly futureUs: number | null;
  readonly isNewFile: string | null;
}

/** @param rows  the source's events, from `checkSource` */
export function eventSource(
  plan: AggregatePlan,
  rows: EventRows,
  { knownUs, horizonUs, futureUs, isNewFile }: EventLimits,
): EventSource {
  const { source, latenessUs } = plan.view;
  const eventUs = `epoch_us(${quoteName(source.eventTime)})`;
  const createdUs = source.createdTime === null ? null : `epoch_us(${quoteName(source.createdTime)})`;
  const refusals = refusalsOf(plan, eventUs, createdUs, futureUs).map(([when, reason]) => [
    when,
    quoteText(reason),
  ]);
  const misfit = quoteName(MISFIT);
  if (rows.hasNotes) refusals.unshift([`${misfit} IS NOT NULL`, misfit]);
  const excluded = rows.excludes ? quoteName(EXCLUDED) : 'false';
  const pastHorizon = horizonUs === null ? '' : ` AND ${createdUs} > ${horizonUs}`;
  const tooLate = createdUs === null ? 'false' : `(${createdUs} - ${eventUs} > ${latenessUs}${pastHorizon})`;
  const known = createdUs === null ? 'true' : `(${createdUs} <= ${knownUs})`;
  const refused = refusals.map(([condition]) => condition).join(' OR ');
  return {
    from: rows.from,
    files: rows.files,
    excluded,
    notes: rows.hasNotes ? [MISFIT, EXCLUDED] : [],
    eventUs,
    createdUs,
    reason: `CASE WHEN ${excluded} THEN NULL ${refusals.map(([when, reason]) => `WHEN ${when} THEN ${reason}`).join(' ')} END`,
    counts: `(${known} AND NOT ${excluded} AND NOT (${refused}) AND NOT ${tooLate})`,
    once: onceSql(plan, eventUs),
    idle: idleSql(plan, eventUs),
    snapshot: rows.files.table?.name ?? null,
    isNewFile,
    tooLate: `(NOT ${excluded} AND ${tooLate})`,
    eventColumn: quoteName(source.eventTime),
    prunable: rows.prunable,
  };
}

/** Conditions are never NULL. The first that holds gives the reason. */
function refusalsOf(
  plan: AggregatePlan,
  eventUs: string,
  createdUs: string | null,
  futureUs: number | null,
): [string, string][] {
  const { source } = plan.view;
  const refusals: [string, string][] = [];
  for (const [i, key] of plan.entity.joinKeys.entries()) {
    const value = keySql(plan, i);
    refusals.push([`${value} IS NULL`, `${key.name} is null`]);
    if (key.type === 'string') {
      refusals.push([
        `coalesce(strlen(${value}) > ${MAX_ID_BYTES}, false)`,
        `${key.name} is too long for an id`,
      ]);
    }
  }
  refusals.push([`${eventUs} IS NULL`, `${source.eventTime} is null or infinite`]);
  refusals.push([`coalesce(${eventUs} < 0, false)`, `${source.eventTime} lies before 1970`]);
  if (createdUs !== null)
    refusals.push([`${createdUs} IS NULL`, `${source.createdTime!} is null or infinite`]);
  const sinceUs = createdUs ?? futureUs;
  if (source.maxAheadUs !== null && sinceUs !== null) {
    const reason = aheadReason(source.maxAheadUs, source.createdTime ?? 'the run');
    refusals.push([`coalesce(${eventUs} - ${sinceUs} > ${source.maxAheadUs}, false)`, reason]);
  }
  for (const { column, scale } of summedColumns(plan)) {
    // The squares of what is left, and sums of any number of them, are held without overflow.
    const fits = isWhole(column.type)
      ? `${column.sql} BETWEEN -${FIXED_MAX} AND ${FIXED_MAX}`
      : `abs(${column.sql}::DOUBLE * 1e${scale}) <= ${FIXED_MAX}::DOUBLE OR NOT isfinite(${column.sql})`;
    const places = scale === 0 ? '' : ` with ${scale} decimal places`;
    refusals.push([`NOT coalesce(${fits}, true)`, `${column.source} is too large to be summed${places}`]);
  }
  for (const column of plan.columns) {
    if (column.countedOnly || isWhole(column.type)) continue;
    if (column.type.kind === 'float32' || column.type.kind === 'float64') {
      refusals.push([`coalesce(NOT isfinite(${column.sql}), false)`, `${column.source} is NaN or infinite`]);
    } else if (column.type.kind === 'timestamp') {
      refusals.push([`coalesce(NOT isfinite(${column.sql}), false)`, `${column.source} is infinite`]);
    }
  }
  return refusals;
}

/** @returns a condition that keeps events of [fromUs, toUs); null leaves a side open */
export function eventRange(source: EventSource, fromUs: number | null, toUs: number | null): string {
  const side = (operator: string, us: number): string =>
    source.prunable
      ? `${source.eventColumn} ${operator} make_timestamp(${us})`
      : `${source.eventUs} ${operator} ${us}`;
  const sides = [
    fromUs === null ? null : side('>=', Math.max(0, fromUs)),
    toUs === null ? null : side('<', toUs),
  ].filter((part) => part !== null);
  return sides.length === 0 ? 'true' : `(${sides.join(' AND ')})`;
}

/** @returns the event times that a scope can need: what no window holds at its beginning is left out; null: all */
export function eventSpan(
  plan: AggregatePlan,
  scope: Scope | null,
  toEdge: number,
): { readonly fromUs: number | null; readonly toUs: number } {
  const fromUs = readsAll(plan, scope) ? null : (scope!.fromEdge - reachOf(plan)) * plan.hopUs;
  return { fromUs, toUs: toEdge * plan.hopUs };
}

/** The events that count and that the scope can need: keys, t and the value columns. */
export function eventsSql(
  plan: AggregatePlan,
  source: EventSource,
  scope: Scope | null,
  toEdge: number,
): string {
  const { fromUs, toUs } = eventSpan(plan, scope, toEdge);
  const values = plan.columns.map((column) => `${column.sql} AS ${column.name}`);
  const keys = plan.keys.map((k, i) => `${keySql(plan, i)} AS ${k}`);
  return `SELECT ${[...keys, `${source.eventUs} AS t`, ...values].join(', ')} FROM ${source.from}
    WHERE ${source.counts} AND ${eventRange(source, fromUs, toUs)}${source.once}`;
}
