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
 *
 * A row of the history after the scope's beginning, with no event before it that the run reads, had its events taken
 * back. Whether its entity has older ones is what the history says of it at the beginning: `lives`.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { keysOf, keySql, sameKeys } from '../aggregate/aggregate-plan.ts';
import type { Scope } from '../aggregate/aggregate-sql.ts';
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
  /** A SELECT of all rows of the history; asked for where that is in doubt. */
  readonly wholeHistory: () => string | null;
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
    SELECT ${plan.keyList}, min(frm) AS frm, false AS anchor, false AS lives FROM (${events}${beyond})
    GROUP BY ${plan.keyList}`);
  const scope = await scopeOf(duck, table, 'events', fromEdge);
  await markLiving(duck, scope, request);
  return scope;
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
    SELECT ${plan.keyList}, min(frm) AS frm, min(first) <= min(frm) AS anchor, false AS lives FROM (${events}${rows})
    GROUP BY ${plan.keyList}`);
  return scopeOf(duck, table, 'history', fromEdge);
}

/** Tells of the entities whose events were taken back which of them have older ones: they keep their row. */
async function markLiving(duck: DuckDb, scope: Scope, request: ScopeRequest): Promise<void> {
  const { plan, source, toEdge, old } = request;
  // Where a feature is a lifetime's, all events are read.
  if (old === null || plan.hasLifetime) return;
  const after = `SELECT ${keysOf(plan, 'o')}, min(o.e) AS e, any_value(s.frm) AS frm FROM (${old}) o
    JOIN ${scope.table} s ON ${sameKeys(plan, 'o', 's')} WHERE o.e > s.frm GROUP BY ${keysOf(plan, 'o')}`;
  const [some] = await duck.rows(`SELECT count(*) AS n FROM (${after})`);
  if (some!['n'] === 0n) return;
  const reach = plan.windows.at(-1) ?? 0;
  const range = eventRange(source, (scope.fromEdge - reach) * plan.hopUs, toEdge * plan.hopUs);
  const events = `SELECT ${keysFromSource(plan)}, ${source.eventUs} // ${plan.hopUs} + 1 AS edge FROM ${source.from}
    WHERE ${source.counts} AND ${range}`;
  const doubt = `SELECT a.* FROM (${after}) a ANTI JOIN (${events}) v
    ON ${sameKeys(plan, 'a', 'v')} AND v.edge <= a.e AND v.edge > a.frm - ${reach}`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE scope_doubt AS ${doubt}`);
  const [doubtful] = await duck.rows('SELECT count(*) AS n FROM scope_doubt');
  const whole = doubtful!['n'] === 0n ? null : request.wholeHistory();
  if (whole !== null) {
    const newest = `SELECT ${keysOf(plan, 'h')}, arg_max(h.gone, (h.e, coalesce(h.created_us, 0))) AS gone FROM (${whole}) h
      JOIN scope_doubt d ON ${sameKeys(plan, 'h', 'd')} WHERE h.e <= d.frm GROUP BY ${keysOf(plan, 'h')}`;
    await duck.run(`UPDATE ${scope.table} s SET lives = true FROM (${newest}) n
      WHERE ${sameKeys(plan, 's', 'n')} AND NOT n.gone`);
  }
  await duck.run('DROP TABLE scope_doubt');
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
