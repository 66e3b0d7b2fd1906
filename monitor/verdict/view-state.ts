/**
 * What a verdict says about a view apart from its features: how far its history and its source reach, which of its rows
 * were left out, and how old it was online. Read by service-run.ts, once per view and service.
 */
import { hasHistory } from '../../contract/model.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { badRowsText, countBadRows } from '../../project/engine/duckdb/bad-rows.ts';
import type { BadRows } from '../../project/engine/duckdb/bad-rows.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import { completeHistory } from '../../project/history/history-place.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import { proposeDelay } from './delay-proposal.ts';
import type { ServedSpan } from './delay-proposal.ts';
import type { ViewSnapshot } from './snapshot.ts';
import type { SourceAge, ViewAge } from './findings.ts';

export interface ViewState {
  readonly view: FeatureView;
  /** The view's runs, in order of time. */
  readonly runs: readonly RunRecord[];
  /** Of every role of the view alike. */
  readonly snapshot: Omit<ViewSnapshot, 'role' | 'fidelity' | 'hours' | 'availability'>;
  /** null: no run had read the source yet. */
  readonly source: SourceAge | null;
  /** null: no run had ended by the end of the day. */
  readonly age: ViewAge | null;
}

/** @param served  when the day's first and last vector were served */
export async function readViewState(
  day: MonitoredDay,
  view: FeatureView,
  runs: readonly RunRecord[],
  served: ServedSpan,
): Promise<ViewState> {
  const entity = day.book.current.entities.get(view.entity)!;
  const endUs = Math.min(day.toUs, day.project.clock.nowUs());
  const lastRun = runs.findLast(({ state, finishedUs }) => state === 'complete' && finishedUs! <= endUs);
  const newestUs = hasHistory(view) ? lastRun?.newestEventUs : await newestInSource(day, view, entity, endUs);
  const badRows = await badRowsOf(day, view, entity);
  const mark = hasHistory(view) ? await completeHistory(day.histories, view, entity) : null;
  const proposal = proposeDelay(view, runs, served);
  const { id, source, sourceFreshnessUs, freshnessAlertUs } = view;
  return {
    view,
    runs,
    snapshot: {
      view: id,
      owner: view.owner,
      historyWatermark: mark === null ? null : formatTimestamp(mark.watermarkUs),
      newestSourceRow: newestUs === undefined || newestUs === null ? null : formatTimestamp(newestUs),
      freshnessUs: view.freshnessUs,
      delayUs: view.delayUs,
      proposedDelayUs: proposal.delayUs,
      proposedDelayWhy: proposal.why,
      ...(badRows === null ? {} : { badRows }),
    },
    source:
      newestUs === undefined ? null : { view: id, path: source.path, newestUs, endUs, sourceFreshnessUs },
    age:
      lastRun === undefined ? null : { view: id, watermarkUs: lastRun.watermarkUs, endUs, freshnessAlertUs },
  };
}

/**
 * The newest event time up to a given time in the source of a stored view, which is also its history. For a view
 * with a history of its own the last run has recorded it.
 *
 * @returns null when the source has no such event
 */
async function newestInSource(
  { histories, duck }: MonitoredDay,
  view: FeatureView,
  entity: Entity,
  endUs: number,
): Promise<number | null> {
  const { sql } = await openHistory(duck, histories, view, entity);
  const [row] = await duck.rows(
    `SELECT CAST(max(epoch_us(event_time)) AS DOUBLE) AS newest FROM (${sql})
     WHERE epoch_us(event_time) <= ${endUs}`,
  );
  return row!['newest'] as number | null;
}

/**
 * Rows of the history that the replay leaves out, as training does: the report names them, the verdict ignores them.
 */
async function badRowsOf(
  { project, histories, duck }: MonitoredDay,
  view: FeatureView,
  entity: Entity,
): Promise<BadRows | null> {
  const found = await countBadRows(duck, histories, view, entity);
  const text = badRowsText(view, found);
  if (text === null) return null;
  project.logger.warn(text);
  return found;
}
