/**
 * Which entities a run has to look at, and from which edge on.
 *
 *   increment  an entity where an event enters or leaves a window after the watermark: from the watermark on.
 *              One that got an event late: from the edge before the one that the event enters.
 *              In a source without created times: the watermark less the lateness takes the watermark's place.
 *   range      every entity, from the range's beginning (or from an earlier edge that a late event touches)
 *
 * An increment reads no event behind the widest window. An entity that comes back after its windows were empty gets a
 * row also when its values equal those of an empty window (a stddev of one event): that row repeats what held before.
 *
 * Entities with rows after the beginning are looked at too, since their events may have been taken back.
 *
 * A row of the history after the scope's beginning, with no event before it that the run reads, had its events taken
 * back. Whether its entity has older ones is what the history says of it at the beginning: `lives`.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { keysOf, keySql, sameKeys } from '../aggregate/aggregate-plan.ts';
import { reachOf } from '../aggregate/aggregate-sql.ts';
import type { Scope } from '../aggregate/aggregate-sql.ts';
import type { Computation, HistoryRun } from './computation.ts';
import { eventRange } from './events.ts';
import { historyRowsSql } from './history-rows.ts';

/** @returns null where everything is computed; else a scope whose temporary table `dropScope` removes */
export async function makeScope(computation: Computation): Promise<Scope | null> {
  switch (computation.extent.mode) {
    case 'everything':
      return null;
    case 'increment':
      return incrementScope(computation);
    case 'range':
      return rangeScope(computation);
  }
}

export function dropScope(run: Pick<HistoryRun, 'view' | 'runId'>): string {
  return `DROP TABLE IF EXISTS ${tableOf(run)}`;
}

/**
 * @returns the time from which on rows of the history matter, null: all of them do. An increment from `fromEdge` on
 *          needs those after it only; a range also what held before it
 */
export function rowsFromUs({ plan, extent }: Computation, fromEdge: number): number | null {
  return extent.mode === 'increment' ? (fromEdge + 1) * plan.hopUs : null;
}

function tableOf({ view, runId }: Pick<HistoryRun, 'view' | 'runId'>): string {
  return quoteName(`scope of ${view.id} in ${runId}`);
}

/** @returns a SELECT of the history's rows (keys, e, ...) that may lie after the first edge; of a range: of all rows */
function oldRows(computation: Computation): string | null {
  return historyRowsSql(computation, rowsFromUs(computation, computation.extent.fromEdge));
}

async function incrementScope(computation: Computation): Promise<Scope> {
  const { run, plan, source, extent } = computation;
  const { fromEdge, toEdge } = extent;
  const old = oldRows(computation);
  const us = (edge: number): number => edge * plan.hopUs;
  const touched = [0, ...plan.windows].map((hops) =>
    eventRange(source, us(fromEdge - hops), us(toEdge - hops)),
  );
  // A session is over at the first edge at or past its end, which an event at an edge's own time may be.
  const gaps = plan.features.flatMap((f) => (f.sessionHops === null ? [] : [f.sessionHops]));
  for (const hops of new Set(gaps)) {
    touched.push(eventRange(source, us(fromEdge - hops), us(toEdge - hops) + 1));
  }
  const late = lateSql(computation);
  if (late !== null) touched.push(late);
  const reachUs = us(fromEdge - reachOf(plan));
  const lateUs = late === null ? reachUs : Math.min(us(fromEdge), await oldestLateUs(computation));
  const events = `SELECT ${keysFromSource(plan)}, ${fromSql(computation, late)} AS frm FROM ${source.from}
    WHERE ${source.counts} AND ${eventRange(source, Math.min(reachUs, lateUs), us(toEdge))}
      AND (${touched.join(' OR ')})`;
  const beyond =
    old === null ? '' : ` UNION ALL SELECT ${plan.keyList}, ${fromEdge} FROM (${old}) WHERE e > ${fromEdge}`;
  await run.duck.run(`CREATE OR REPLACE TEMP TABLE ${tableOf(run)} AS
    SELECT ${plan.keyList}, min(frm) AS frm, false AS anchor, false AS lives FROM (${events}${beyond})
    GROUP BY ${plan.keyList}`);
  const scope = await scopeOf(computation, 'events');
  await markLiving(computation, scope, old);
  return scope;
}

/** No event that came late and counts lies before it: what came in a new file may have been created long ago. */
async function oldestLateUs({ run, plan, source, extent }: Computation): Promise<number> {
  const createdLateUs = extent.knownBeforeUs! - plan.view.latenessUs;
  if (source.isNewFile === null) return createdLateUs;
  const [row] = await run.duck.rows(
    `SELECT min(${source.eventUs})::DOUBLE AS oldest FROM ${source.from} WHERE ${source.isNewFile} AND ${source.counts}`,
  );
  return Math.min(createdLateUs, (row!['oldest'] as number | null) ?? Infinity);
}

/** `anchor` marks the entities that had a row or an event before the range. */
async function rangeScope(computation: Computation): Promise<Scope> {
  const { run, plan, source, extent } = computation;
  const { fromEdge, toEdge } = extent;
  const old = oldRows(computation);
  const late = lateSql(computation);
  const events = `SELECT ${keysFromSource(plan)}, ${fromSql(computation, late)} AS frm,
      ${source.eventUs} // ${plan.hopUs} + 1 AS first FROM ${source.from}
    WHERE ${source.counts} AND ${eventRange(source, null, toEdge * plan.hopUs)}`;
  const rows = old === null ? '' : ` UNION ALL SELECT ${plan.keyList}, ${fromEdge}, e FROM (${old})`;
  await run.duck.run(`CREATE OR REPLACE TEMP TABLE ${tableOf(run)} AS
    SELECT ${plan.keyList}, min(frm) AS frm, min(first) <= min(frm) AS anchor, false AS lives FROM (${events}${rows})
    GROUP BY ${plan.keyList}`);
  return scopeOf(computation, 'history');
}

/** Tells of the entities whose events were taken back which of them have older ones: they keep their row. */
async function markLiving(computation: Computation, scope: Scope, old: string | null): Promise<void> {
  const { run, plan, source, extent } = computation;
  const { duck } = run;
  // Where a feature is a lifetime's, all events are read.
  if (old === null || plan.hasLifetime) return;
  const after = `SELECT ${keysOf(plan, 'o')}, min(o.e) AS e, any_value(s.frm) AS frm FROM (${old}) o
    JOIN ${scope.table} s ON ${sameKeys(plan, 'o', 's')} WHERE o.e > s.frm GROUP BY ${keysOf(plan, 'o')}`;
  const [some] = await duck.rows(`SELECT count(*) AS n FROM (${after})`);
  if (some!['n'] === 0n) return;
  const reach = reachOf(plan);
  const range = eventRange(source, (scope.fromEdge - reach) * plan.hopUs, extent.toEdge * plan.hopUs);
  const events = `SELECT ${keysFromSource(plan)}, ${source.eventUs} // ${plan.hopUs} + 1 AS edge FROM ${source.from}
    WHERE ${source.counts} AND ${range}${source.once}`;
  const doubt = `SELECT a.* FROM (${after}) a ANTI JOIN (${events}) v
    ON ${sameKeys(plan, 'a', 'v')} AND v.edge <= a.e AND v.edge > a.frm - ${reach}`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE scope_doubt AS ${doubt}`);
  const [doubtful] = await duck.rows('SELECT count(*) AS n FROM scope_doubt');
  const whole = doubtful!['n'] === 0n ? null : historyRowsSql(computation, null);
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

function lateSql({ plan, source, extent }: Computation): string | null {
  const { fromEdge, knownBeforeUs } = extent;
  if (source.createdUs === null || knownBeforeUs === null) return null;
  const orNewFile = source.isNewFile === null ? '' : ` OR ${source.isNewFile}`;
  const isNew = `(${source.createdUs} > ${knownBeforeUs}${orNewFile})`;
  return `(${isNew} AND ${eventRange(source, null, fromEdge * plan.hopUs)})`;
}

function fromSql({ plan, source, extent }: Computation, late: string | null): string {
  const { fromEdge } = extent;
  if (late === null) return `${fromEdge}::BIGINT`;
  return `CASE WHEN ${late} THEN least(${fromEdge}, ${source.eventUs} // ${plan.hopUs}) ELSE ${fromEdge} END`;
}

async function scopeOf({ run, extent }: Computation, seeds: Scope['seeds']): Promise<Scope> {
  const table = tableOf(run);
  const [row] = await run.duck.rows(`SELECT coalesce(min(frm), ${extent.fromEdge}) AS frm FROM ${table}`);
  return { table, seeds, fromEdge: Number(row!['frm']) };
}
