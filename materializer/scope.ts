/**
 * Which entities a run has to look at, and from which edge on.
 *
 *   increment  an entity where an event enters or leaves a window after the watermark: from the watermark on.
 *              One that got an event late: from the edge before the one that the event enters.
 *              In a source without created times: the watermark less the lateness takes the watermark's place.
 *   range      every entity, from the range's beginning (or from an earlier edge that a late event touches)
 *
 * An increment reads no event behind the widest window. An entity that comes back after its windows were empty has a
 * first row again, also where its values are those of no events (a stddev of one): one row that says what held.
 *
 * Rows of the history after the watermark are from a run that died while it published: their entities are looked at
 * too.
 */
import { quoteName } from '../registry/duckdb.ts';
import type { DuckDb } from '../registry/duckdb.ts';
import type { AggregatePlan } from './aggregate/aggregate-plan.ts';
import { keySql } from './aggregate/aggregate-plan.ts';
import type { Scope } from './aggregate/aggregate-sql.ts';
import type { EventSource } from './events.ts';
import { eventRange } from './events.ts';

export interface ScopeRequest {
  readonly plan: AggregatePlan;
  readonly source: EventSource;
  /** The edge up to which the history is right, but for late events: edges after it are computed. */
  readonly fromEdge: number;
  readonly toEdge: number;
  /** Events created after this and before `fromEdge` are late; null: there are none, or nothing tells. */
  readonly previousUs: number | null;
  readonly knownUs: number;
  /** A SELECT of the history's rows (keys, e, ...) that may lie after `fromEdge`; of a range: all of them. */
  readonly old: string | null;
}

/** Makes the scope of an increment as a temporary table of that name. */
export async function incrementScope(duck: DuckDb, table: string, request: ScopeRequest): Promise<Scope> {
  const { plan, source, fromEdge, toEdge, old } = request;
  const us = (edge: number): number => edge * plan.hopUs;
  const touched = [0, ...plan.windows].map((hops) =>
    eventRange(source, us(fromEdge - hops), us(toEdge - hops)),
  );
  const late = lateSql(request);
  if (late !== null) touched.push(late);
  const reachUs = us(fromEdge - (plan.windows.at(-1) ?? 0));
  const lateUs = late === null ? reachUs : Math.min(us(fromEdge), request.previousUs! - plan.view.latenessUs);
  const events = `SELECT ${keysFromSource(plan)}, ${fromSql(request, late)} AS frm FROM ${source.from}
    WHERE ${source.counts} AND ${eventRange(source, Math.min(reachUs, lateUs), us(toEdge))}
      AND (${touched.join(' OR ')})`;
  const beyond =
    old === null ? '' : ` UNION ALL SELECT ${plan.keyList}, ${fromEdge} FROM (${old}) WHERE e > ${fromEdge}`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${quoteName(table)} AS
    SELECT ${plan.keyList}, min(frm) AS frm, false AS anchor FROM (${events}${beyond}) GROUP BY ${plan.keyList}`);
  return scopeOf(duck, table, 'events', fromEdge);
}

/** Makes the scope of a range; `anchor` marks the entities that had a row or an event before it. */
export async function rangeScope(duck: DuckDb, table: string, request: ScopeRequest): Promise<Scope> {
  const { plan, source, fromEdge, toEdge, old } = request;
  const late = lateSql(request);
  const events = `SELECT ${keysFromSource(plan)}, ${fromSql(request, late)} AS frm,
      ${source.eventUs} // ${plan.hopUs} + 1 AS first FROM ${source.from}
    WHERE ${source.counts} AND ${eventRange(source, null, toEdge * plan.hopUs)}`;
  const rows = old === null ? '' : ` UNION ALL SELECT ${plan.keyList}, ${fromEdge}, e FROM (${old})`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${quoteName(table)} AS
    SELECT ${plan.keyList}, min(frm) AS frm, min(first) <= min(frm) AS anchor FROM (${events}${rows})
    GROUP BY ${plan.keyList}`);
  return scopeOf(duck, table, 'history', fromEdge);
}

function keysFromSource(plan: AggregatePlan): string {
  return plan.keys.map((k, i) => `${keySql(plan, i)} AS ${k}`).join(', ');
}

function lateSql({ plan, source, fromEdge, previousUs }: ScopeRequest): string | null {
  if (source.createdUs === null || previousUs === null) return null;
  return `(${source.createdUs} > ${previousUs} AND ${eventRange(source, null, fromEdge * plan.hopUs)})`;
}

function fromSql({ plan, source, fromEdge }: ScopeRequest, late: string | null): string {
  if (late === null) return `${fromEdge}::BIGINT`;
  return `CASE WHEN ${late} THEN least(${fromEdge}, ${source.eventUs} // ${plan.hopUs}) ELSE ${fromEdge} END`;
}

async function scopeOf(duck: DuckDb, table: string, seeds: Scope['seeds'], fromEdge: number): Promise<Scope> {
  const [row] = await duck.rows(`SELECT coalesce(min(frm), ${fromEdge}) AS frm FROM ${quoteName(table)}`);
  return { table: quoteName(table), seeds, fromEdge: Number(row!['frm']) };
}
