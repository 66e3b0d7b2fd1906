/**
 * What a history needs beside its runs: small files are joined, what nobody reads is removed.
 *
 * Done by the holder of the view's lease, after a run at most once an hour, or when somebody asks for it
 * (`plumb history compact`). It changes no row: where it fails, the run before it stands, and the next one tries again.
 */
import { rmSync } from 'node:fs';
import type { FeatureView } from '../../contract/model.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { readHistory } from '../../project/history/history-snapshot.ts';
import type { Project } from '../../project/project.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { spillFolder } from '../run/run-folders.ts';
import type { RunLease } from '../run/view-run.ts';
import { cleanHistory } from './clean-history.ts';
import { compactHistory, filesToJoin } from './compact-history.ts';

const HOUR_MS = 3_600_000;
/** Files of a day that are worth a join in passing; who asks for it has them all joined. */
const FEWEST = 4;

export interface Tended {
  readonly view: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly filesRemoved: number;
}

type Tending = Pick<Project, 'settings' | 'clock' | 'logger'>;

/** Called when a run is complete. Warns of what fails. */
export async function tendAfterRun(project: Tending, view: FeatureView, lease: RunLease): Promise<void> {
  if (view.kind === 'stored') return;
  try {
    const nowMs = Math.floor(project.clock.nowUs() / 1_000);
    const lastMs = readHistory(project.settings.history, view)?.compactedMs() ?? -Infinity;
    if (nowMs - lastMs < HOUR_MS) return;
    await tendHistory(project, view, lease, FEWEST);
  } catch (error) {
    project.logger.warn(`${view.id}: its history was not tidied up: ${(error as Error).message}`);
  }
}

/** @throws as `compactHistory` */
export async function tendHistory(
  { settings, clock }: Tending,
  view: FeatureView,
  lease: RunLease,
  fewest: number,
): Promise<Tended> {
  const root = settings.history;
  const nowMs = Math.floor(clock.nowUs() / 1_000);
  const history = readHistory(root, view);
  const filesBefore = history?.state.files.size ?? 0;
  if (history !== null && filesToJoin(history, fewest).length > 0) {
    await withDuck(settings, view, async (duck) => {
      await compactHistory({ root, view, duck, lease, nowMs, fewest });
    });
  }
  const filesRemoved = cleanHistory(root, view, { nowMs, diskMs: Date.now() });
  const filesAfter = readHistory(root, view)?.state.files.size ?? 0;
  return { view: view.id, filesBefore, filesAfter, filesRemoved };
}

async function withDuck(
  settings: Settings,
  view: FeatureView,
  work: (duck: DuckDb) => Promise<void>,
): Promise<void> {
  const tempFolder = spillFolder(settings.history, view, 'upkeep');
  const memoryLimit = `${settings.materialize.memory}B`;
  const duck = await DuckDb.open({ tempFolder, memoryLimit, memorySetting: 'materialize.memory' });
  try {
    await work(duck);
  } finally {
    duck.close();
    rmSync(tempFolder, { recursive: true, force: true });
  }
}
