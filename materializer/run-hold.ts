/**
 * `watermark: events`: a view is complete up to the newest event that its source has, less how far events are out of
 * order, and not up to the time of the run. When loads stop, the watermark stops too: the view's windows do not run
 * empty, and its freshness says how old it is.
 *
 *   watermark = min(newest event, cut-off) - outOfOrder     of an aggregated view down to its hop
 *
 * It never falls behind the last one.
 *
 * Called by materialize.ts and dry-run.ts once the engine is open, before anything is computed.
 */
import { quoteName } from '../project/engine/duckdb/duckdb.ts';
import { archiveFolder, archiveSeenUs } from '../project/engine/duckdb/sources/archive-files.ts';
import { openHistoryWithFaults } from '../project/engine/duckdb/history.ts';
import { planAggregates } from './aggregate/aggregate-plan.ts';
import { eventSource } from './history/events.ts';
import { loadedView } from './snapshot/snapshot-rows.ts';
import { checkSource } from './history/source-check.ts';
import { candidatesSql, EVENT_US, FATE } from './online/latest-rows.ts';
import { later } from './run/row-counts.ts';
import { dueUpTo } from './run/run-range.ts';
import type { RunPlan } from './run/run-range.ts';
import type { ViewRun } from './run/view-run.ts';

/**
 * @returns  the run's range as it was planned, but for a view whose watermark goes by events
 * @throws   as the reading of its source
 */
export async function heldRange(run: ViewRun): Promise<RunPlan> {
  const { view, range, replace } = run;
  if (view.watermark !== 'events') return range;
  const lastUs = range.previous?.watermarkUs ?? null;
  // A part of what was covered is computed again: what was not complete then is not now.
  if (!range.moves) return { ...range, dueUs: dueUs(run, lastUs ?? 0) };
  const found =
    view.kind === 'aggregated'
      ? ((await archivedUpTo(run)) ?? (await newestEvent(run)))
      : await newestRow(run);
  const seen = later(found, range.full ? null : (range.previous?.newestEventUs ?? null));
  const newestUs = Math.min(seen ?? 0, range.cutoffUs);
  const heldUs = dueUpTo(view, Math.max(0, newestUs - view.outOfOrderUs));
  // Only `replace` takes the online store back to an earlier time.
  const watermarkUs = replace || lastUs === null ? heldUs : Math.max(heldUs, lastUs);
  return { ...range, watermarkUs, dueUs: dueUs(run, watermarkUs) };
}

/** Of a stream: how far all its partitions have come, which its archive says. */
async function archivedUpTo({ settings, view: { source } }: ViewRun): Promise<number | null> {
  if (source.stream === undefined) return null;
  return await archiveSeenUs(archiveFolder(settings.folder, source, settings.elsewhere.s3));
}

/** A stored view's rows are served however far it is complete; of an aggregated view no edge past that is computed. */
function dueUs({ view, range }: ViewRun, watermarkUs: number): number {
  return view.kind === 'aggregated' ? Math.min(range.dueUs, watermarkUs) : range.dueUs;
}

async function newestEvent(run: ViewRun): Promise<number | null> {
  const { duck, view, entity, settings, range } = run;
  const { cutoffUs: knownUs, horizonUs, futureUs } = range;
  const limits = { knownUs, horizonUs, futureUs, isNewFile: null };
  const events = await checkSource(duck, settings.folder, view, entity);
  const source = eventSource(planAggregates(view, entity), events, limits);
  const { createdUs, eventUs } = source;
  const known = [`${eventUs} <= ${knownUs}`, `(${source.reason}) IS NULL`];
  if (createdUs !== null) known.push(`${createdUs} <= ${knownUs}`);
  // A new file of a table may bring the newest event with a created time of before.
  if (createdUs !== null && events.files.table === null && !range.full && range.previous !== null)
    known.push(`${createdUs} > ${range.previous.toUs}`);
  return newest(run, `SELECT max(${eventUs}) AS newest FROM ${source.from} WHERE ${known.join(' AND ')}`);
}

async function newestRow(run: ViewRun): Promise<number | null> {
  const { duck, entity, settings, range } = run;
  const view = loadedView(run.view);
  const { sql, source } = await openHistoryWithFaults(duck, settings, view, entity);
  const isNewFile = source?.table ? 'true' : null;
  const [event, fate] = [EVENT_US, FATE].map(quoteName);
  return newest(
    run,
    `SELECT max(${event}) AS newest FROM (${candidatesSql({ ...run, view, isNewFile }, sql)})
     WHERE ${fate} <> 'rejected' AND ${event} <= ${range.dueUs}`,
  );
}

async function newest({ duck }: ViewRun, sql: string): Promise<number | null> {
  const [row] = await duck.rows(sql);
  const us = row!['newest'];
  return us === null ? null : Number(us);
}
