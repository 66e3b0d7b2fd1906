/**
 * `watermark: events`: a view is complete up to the newest event that its source has, less how far events are out of
 * order, and not up to the time of the run. A load that stands still then holds the view's watermark, its windows do
 * not run empty, and its freshness says how old it is.
 *
 *   watermark = min(newest event, cut-off) - outOfOrder, of an aggregated view down to its hop; never behind the last one
 *
 * Called by materialize.ts and dry-run.ts between planning a run and computing.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { openJudgedHistory } from '../../project/engine/duckdb/history.ts';
import { planAggregates } from '../aggregate/aggregate-plan.ts';
import { eventSource } from '../history/events.ts';
import { candidatesSql, EVENT_US, FATE } from '../online/latest-rows.ts';
import type { RowSelection } from '../online/latest-rows.ts';
import type { RunPlan } from './run-plan.ts';
import { later } from './run-outcome.ts';
import { dueUpTo } from './run-range.ts';
import type { RunRange } from './run-range.ts';
import { checkSource } from '../history/source-check.ts';

/**
 * @param selection  of the plan's range
 * @param replace    whether the run may take the online store back to an earlier time
 * @returns          the plan as it is, but for a view whose watermark goes by events
 * @throws           as the reading of its source
 */
export async function heldPlan(
  duck: DuckDb,
  selection: RowSelection,
  plan: RunPlan,
  replace: boolean,
): Promise<RunPlan> {
  const { view } = selection;
  const { range } = plan;
  if (view.watermark !== 'events') return plan;
  const lastUs = range.previous?.watermarkUs ?? null;
  if (!range.moves) {
    // A part of what was covered is computed again: what was not complete then is not now.
    return { ...plan, range: { ...range, dueUs: dueUs(selection, lastUs ?? 0) } };
  }
  const found =
    view.kind === 'stored' ? await newestRow(duck, selection) : await newestEvent(duck, selection, plan);
  const seen = later(found, range.full ? null : (range.previous?.newestEventUs ?? null));
  const newestUs = Math.min(seen ?? 0, range.cutoffUs);
  const heldUs = dueUpTo(view, Math.max(0, newestUs - view.outOfOrderUs));
  const watermarkUs = replace || lastUs === null ? heldUs : Math.max(heldUs, lastUs);
  return { ...plan, range: { ...range, watermarkUs, dueUs: dueUs(selection, watermarkUs) } };
}

/** Rows of a stored view are there: they are served, however far the view is complete. Edges past that are not computed. */
function dueUs({ view, range }: RowSelection, watermarkUs: number): RunRange['dueUs'] {
  return view.kind === 'stored' ? range.dueUs : Math.min(range.dueUs, watermarkUs);
}

async function newestEvent(duck: DuckDb, selection: RowSelection, plan: RunPlan): Promise<number | null> {
  const { view, entity, folder, range, futureUs } = selection;
  const events = await checkSource(duck, folder, view, entity);
  const limits = { knownUs: range.cutoffUs, horizonUs: plan.horizonUs, futureUs };
  const source = eventSource(planAggregates(view, entity), events, limits);
  const { createdUs, eventUs } = source;
  const known = [`${eventUs} <= ${range.cutoffUs}`, `(${source.reason}) IS NULL`];
  if (createdUs !== null) known.push(`${createdUs} <= ${range.cutoffUs}`);
  if (createdUs !== null && !range.full && range.previous !== null)
    known.push(`${createdUs} > ${range.previous.toUs}`);
  return newest(duck, `SELECT max(${eventUs}) AS newest FROM ${source.from} WHERE ${known.join(' AND ')}`);
}

async function newestRow(duck: DuckDb, selection: RowSelection): Promise<number | null> {
  const { view, entity, folder, historyRoot, range } = selection;
  const { sql } = await openJudgedHistory(duck, folder, historyRoot, view, entity);
  const [event, fate] = [EVENT_US, FATE].map(quoteName);
  return newest(
    duck,
    `SELECT max(${event}) AS newest FROM (${candidatesSql(selection, sql)})
     WHERE ${fate} <> 'rejected' AND ${event} <= ${range.dueUs}`,
  );
}

async function newest(duck: DuckDb, sql: string): Promise<number | null> {
  const [row] = await duck.rows(sql);
  const us = row!['newest'];
  return us === null ? null : Number(us);
}
