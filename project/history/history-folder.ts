/**
 * Where the history of an aggregated view lies, and what lies beside it.
 *
 *   history/{view}/v{version}/_delta_log/                          which files count: the history is a Delta table
 *   history/{view}/v{version}/day=<event day>/{run}.{definition}.parquet
 *   history/_base/{view}/v{version}/                               what older days come to, for readers of newer times
 *   history/_published/{view}/v{version}/{run}....parquet           rows that a run is bringing online
 *   history/_rejected/{view}/v{version}/{run}.parquet              rows that did not count, with their reason
 *   history/_staged/{view}/v{version}/{run}/                       a run's rows before they are published
 *
 * Arrow and Spark pass over names that begin with `_`, but DuckDB reads every *.parquet below a folder: Parquet files
 * that are no history lie outside of it.
 */
import { join } from 'node:path';
import type { FeatureView } from '../../contract/model.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import type { Folder } from '../storage/folder.ts';

type Named = Pick<FeatureView, 'name' | 'version'>;

export function historyFolder(root: Folder, view: Named): Folder {
  return root.below(view.name, `v${view.version}`);
}

/** Its name is no view's, since those begin with a letter; the same goes for the folders of `workFolder`. */
export function baseFolder(root: Folder, view: Named): Folder {
  return root.below('_base', view.name, `v${view.version}`);
}

/**
 * The folder for what a run of a view needs and is no history.
 *
 * @param work  the folder of all of it, on this machine: that of the histories, where they lie here
 */
export function workFolder(work: string, kind: '_published' | '_rejected' | '_staged', view: Named): string {
  return join(work, kind, view.name, `v${view.version}`);
}

/** @returns the path, below the history's folder, of the file that a run appends for one day of event times */
export function dayFile(view: Pick<FeatureView, 'definitionId'>, day: string, runId: string): string {
  return `day=${day}/${runId}.${definitionName(view.definitionId)}.parquet`;
}
