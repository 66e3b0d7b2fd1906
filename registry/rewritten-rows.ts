/**
 * How many rows the next runs write again after an apply: those of views that get another definition id. The figures
 * come from the history's log and from run records, so that a plan is quick; they are shown as
 * "about".
 */
import type { Folder } from '../project/storage/folder.ts';
import { readHistory } from '../project/history/history-snapshot.ts';
import { hasHistory } from '../contract/model.ts';
import type { Bundle, FeatureView } from '../contract/model.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { countText } from '../contract/std/count-text.ts';

export interface RewrittenRows {
  readonly view: string;
  /**
   * Rows of the history that are written again, corrected ones counted each time; 0 for a stored view, whose history is
   * its source.
   */
  readonly historyRows: number;
  /** Rows online, one per entity: as many as the largest run of the view has met. */
  readonly onlineRows: number;
}

export async function rewrittenRows(
  applied: Bundle | null,
  views: ReadonlyMap<string, FeatureView>,
  histories: Folder,
  database: RegistryDatabase,
): Promise<RewrittenRows[]> {
  const found: RewrittenRows[] = [];
  for (const [id, view] of views) {
    const before = applied?.views.get(id);
    if (before === undefined || before.definitionId === view.definitionId) continue;
    const runs = await database.runs({ view: id });
    const onlineRows = runs.reduce((most, run) => Math.max(most, metOnline(run)), 0);
    let historyRows = 0;
    if (hasHistory(before)) {
      historyRows = await rowsComputedLast(histories, before);
    }
    if (historyRows + onlineRows > 0) found.push({ view: id, historyRows, onlineRows });
  }
  return found;
}

/** @returns how many rows the definition has written that was computed last */
async function rowsComputedLast(histories: Folder, view: FeatureView): Promise<number> {
  const history = await readHistory(histories, view);
  const mark = history?.lastMark() ?? null;
  const files = mark === null ? [] : history!.files([mark.definitionId]);
  return files.reduce((sum, { rows }) => sum + rows, 0);
}

function metOnline({ written, older, equal, conflict, superseded }: RunRecord): number {
  return written + older + equal + conflict + superseded;
}

/** @returns `rewrites about 12 rows of its history and 3 rows online` */
export function rewrittenText({ historyRows, onlineRows }: RewrittenRows): string {
  const parts = [
    historyRows === 0 ? [] : [`${countText(historyRows, 'row')} of its history`],
    onlineRows === 0 ? [] : [`${countText(onlineRows, 'row')} online`],
  ].flat();
  return `the next run rewrites about ${parts.join(' and ')}`;
}
