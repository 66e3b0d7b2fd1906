/**
 * What a history needs beside its runs: small files are joined, bases are made of older days, what nobody reads is
 * removed.
 *
 * Done by the holder of the view's lease, after a run at most once an hour, or when somebody asks for it
 * (`plumb history compact`). It changes no row: where it fails, the run before it stands, and the next one tries again.
 */
import { rmSync } from 'node:fs';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { readHistory } from '../../project/history/history-snapshot.ts';
import type { Project } from '../../project/project.ts';
import { spillFolder } from '../run/run-folders.ts';
import type { RunLease } from '../run/view-run.ts';
import { cleanHistory } from './clean-history.ts';
import { compactHistory, filesToJoin } from './compact-history.ts';
import { forgetBases, makeBase, wantedBases } from './make-base.ts';

const HOUR_MS = 3_600_000;
/** Files of a day that are worth a join in passing; who asks for it has them all joined. */
const FEWEST = 4;

export interface Tended {
  readonly view: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly basesMade: number;
  readonly filesRemoved: number;
}

type Tending = Pick<Project, 'settings' | 'clock' | 'logger'>;

/** A view whose lease is held, and its entity. */
interface HeldView {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly lease: RunLease;
}

/** Called when a run is complete. Warns of what fails. */
export async function tendAfterRun(project: Tending, held: HeldView): Promise<void> {
  const { view } = held;
  if (view.kind === 'stored') return;
  try {
    const nowMs = Math.floor(project.clock.nowUs() / 1_000);
    const lastMs = readHistory(project.settings.history, view)?.compactedMs() ?? -Infinity;
    if (nowMs - lastMs < HOUR_MS) return;
    await tendHistory(project, held, FEWEST);
  } catch (error) {
    project.logger.warn(`${view.id}: its history was not tidied up: ${(error as Error).message}`);
  }
}

/** @throws as `compactHistory` */
export async function tendHistory(project: Tending, held: HeldView, fewest: number): Promise<Tended> {
  const { view } = held;
  const root = project.settings.history;
  const nowMs = Math.floor(project.clock.nowUs() / 1_000);
  const history = readHistory(root, view);
  const filesBefore = history?.state.files.size ?? 0;
  const needsWork =
    history !== null &&
    (filesToJoin(history, fewest).length > 0 || wantedBases({ root, ...held, history }).length > 0);
  const basesMade = needsWork ? await joinAndMake(project, held, { root, nowMs, fewest }) : 0;
  const filesRemoved = cleanHistory(root, view, { nowMs, diskMs: Date.now() });
  const filesAfter = readHistory(root, view)?.state.files.size ?? 0;
  return { view: view.id, filesBefore, filesAfter, basesMade, filesRemoved };
}

/** @returns how many bases were made */
async function joinAndMake(
  { settings }: Tending,
  held: HeldView,
  { root, nowMs, fewest }: { readonly root: string; readonly nowMs: number; readonly fewest: number },
): Promise<number> {
  const tempFolder = spillFolder(root, held.view, 'upkeep');
  const memoryLimit = `${settings.materialize.memory}B`;
  const duck = await DuckDb.open({ tempFolder, memoryLimit, memorySetting: 'materialize.memory' });
  try {
    await compactHistory({ root, ...held, duck, nowMs, fewest });
    const work = { root, ...held, history: readHistory(root, held.view)! };
    const wanted = wantedBases(work);
    for (const beforeUs of wanted) await makeBase(duck, work, beforeUs);
    forgetBases(work);
    return wanted.length;
  } finally {
    duck.close();
    rmSync(tempFolder, { recursive: true, force: true });
  }
}
