/**
 * Where a run of a view keeps what is no history (yet), beside the history's own folders, where no reader looks:
 *
 *   history/_staged/{view}/v{version}/{run}/events, history/...       what the run reads, by entity (entity-parts.ts)
 *                                     {run}/rows, {run}/days          computed and written (staged-rows.ts)
 *                                     {run}.spill                     what did not fit in DuckDB's memory
 *   history/_rejected/{view}/v{version}/{run}.parquet                 events that are refused
 *                                       {run}.late.parquet            events that came too late
 *                                       {run}.online.parquet, .json   rows that are not written online
 *
 * All on the history's volume, so that a rename into it is atomic.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { workFolder } from '../../project/history/history-folder.ts';
import type { FeatureView } from '../../contract/model.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

type Named = Pick<FeatureView, 'name' | 'version'>;

/** The folder of a run of a view for what is not yet history; in a dry run `root` is a folder of its own. */
function stagedFolder(root: string, view: Named, runId: string): string {
  return join(workFolder(root, '_staged', view), runId);
}

/** Not in the run's folder: that goes when the rows are published, and this is needed until the engine closes. */
export function spillFolder(root: string, view: Named, runId: string): string {
  return `${stagedFolder(root, view, runId)}.spill`;
}

/** Removes what earlier runs of the view left behind, and makes the folder of this one. */
export function clearStaged(root: string, view: Named, runId: string): string {
  rmSync(workFolder(root, '_staged', view), { recursive: true, force: true });
  const folder = stagedFolder(root, view, runId);
  makeFolder(folder);
  return folder;
}

/** Makes the folder of a run anew: others of the view are at work beside it. */
export function makeStaged(root: string, view: Named, runId: string): string {
  const folder = removeStaged(root, view, runId);
  makeFolder(folder);
  return folder;
}

/** @returns the folder, which is gone */
export function removeStaged(root: string, view: Named, runId: string): string {
  const folder = stagedFolder(root, view, runId);
  rmSync(folder, { recursive: true, force: true });
  return folder;
}

/** '' of refused events, and of rows of a source that do not come into a history. */
export type RejectKind = '' | '.late' | '.online';

export function rejectFile(root: string, view: Named, runId: string, kind: RejectKind): string {
  return join(workFolder(root, '_rejected', view), `${runId}${kind}.parquet`);
}
