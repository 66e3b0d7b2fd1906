/**
 * `plumb materialize --dry-run`: everything that a run reads, checks and computes, and nothing that it writes. Neither
 * history, online store, markers nor records change, and no reject file is kept; what would fail a run fails this too.
 *
 * It holds no lock and no lease, so that a run may begin meanwhile. What it stages lies in a folder of its own, away
 * from what other runs have staged.
 */
import { hasHistory } from '../contract/model.ts';
import type { FeatureView } from '../contract/model.ts';
import { openScratchFolder } from '../project/scratch-folder.ts';
import { prepareRows, warnAbout } from './append-history.ts';
import { chooseRows } from './online/choose-rows.ts';
import { checkLeftOut, warnLeftOut } from './run/left-out.ts';
import { recordedCounts } from './run/row-counts.ts';
import type { RecordedCounts } from './run/row-counts.ts';
import { heldRange } from './run-hold.ts';
import { planRun } from './run/run-plan.ts';
import { ViewLease } from './run/view-lease.ts';
import { refuseLocked } from './run/view-lock.ts';
import { withEngine } from './run/view-run.ts';
import type { RunJob, ViewRun } from './run/view-run.ts';

export interface DryRun extends RecordedCounts {
  readonly view: string;
  /** Whether everything would be computed and written, or what is new. */
  readonly full: boolean;
  /** Event times after this, or null: from the beginning. */
  readonly fromUs: number | null;
  readonly watermarkUs: number;
  /** Rows that would be appended. */
  readonly historyRows: number;
  /** Entities whose row would be sent to the online store. */
  readonly entities: number;
}

/** @throws what a run would throw before it wrote anything */
export async function dryRun(job: RunJob, view: FeatureView): Promise<DryRun> {
  const { settings } = job.project;
  refuseLocked(settings.work, view);
  await ViewLease.refuseHeld(job.database, view);
  const scratch = openScratchFolder(settings.train.temp, 'materialize');
  try {
    const planned = await planRun(job, view, false);
    const dry = { ...planned, staging: scratch.folder, keepsRejects: false };
    return await withEngine(dry, async (opened) => {
      const run: ViewRun = { ...opened, range: await heldRange(opened) };
      const { full, fromUs, watermarkUs } = run.range;
      const found = hasHistory(view) ? await ofHistory(run) : await ofSource(run);
      return { view: view.id, full, fromUs, watermarkUs, ...found };
    });
  } finally {
    scratch.remove();
  }
}

type Found = RecordedCounts & Pick<DryRun, 'historyRows' | 'entities'>;

async function ofSource(run: ViewRun): Promise<Found> {
  const { counts, entities } = await chooseRows(run, 'new_rows');
  warnLeftOut(run, counts);
  return { ...recordedCounts(counts), historyRows: 0, entities };
}

async function ofHistory(run: ViewRun): Promise<Found> {
  const prepared = await prepareRows(run);
  checkLeftOut(run, prepared.counts);
  warnAbout(run, prepared);
  const { counts, historyRows } = prepared;
  return { ...recordedCounts(counts), historyRows, entities: await prepared.entities() };
}
