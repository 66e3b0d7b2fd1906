/** What a run reads of a view, for the history and for the online store: made from its plan, the same in a dry run. */
import type { Bundle, FeatureView } from '../../contract/model.ts';
import type { Project } from '../../project/project.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { ComputeRequest } from '../history/compute.ts';
import type { RowSelection } from '../online/latest-rows.ts';
import type { RunPlan } from './run-plan.ts';
import type { RunProgress } from './run-progress.ts';

export function rowSelection(
  { settings, clock }: Project,
  bundle: Bundle,
  view: FeatureView,
  { range }: RunPlan,
  startedUs: number,
): RowSelection {
  return {
    view,
    entity: bundle.entities.get(view.entity)!,
    folder: settings.folder,
    historyRoot: settings.history,
    range,
    futureUs: clock.rehearsal !== null && view.source.createdTime === null ? null : startedUs,
  };
}

/** @param selection  of an aggregated view */
export function historyRequest(
  { view, entity, folder, historyRoot, range, futureUs }: RowSelection,
  { historyCutoffUs, horizonUs }: RunPlan,
  run: Pick<RunRecord, 'runId'>,
  progress: RunProgress,
): ComputeRequest {
  return {
    view,
    entity,
    folder,
    historyRoot,
    runId: run.runId,
    // The history never goes back, not even when the online store is taken back.
    cutoffUs: Math.max(range.cutoffUs, historyCutoffUs ?? range.cutoffUs),
    previousCutoffUs: range.previous?.definitionId === view.definitionId ? historyCutoffUs : null,
    horizonUs,
    futureUs,
    full: range.full,
    fromUs: range.fromUs,
    toUs: range.dueUs,
    progress,
  };
}
