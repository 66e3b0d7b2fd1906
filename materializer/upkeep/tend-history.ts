/**
 * What a history needs beside its runs: small files are joined, bases are made of older days, what nobody reads is
 * removed.
 *
 * Done by the holder of the view's lease, after a run at most once an hour, or when somebody asks for it
 * (`plumb history compact`). It changes no row: where it fails, the run before it stands, and the next one tries again.
 */
import { rmSync } from 'node:fs';
import { hasHistory } from '../../contract/model.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { TrainedEntry } from '../../contract/training-manifest.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { historyFolder } from '../../project/history/history-folder.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { readHistory } from '../../project/history/history-snapshot.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import { spillFolder } from '../run/run-folders.ts';
import type { RunLease } from '../run/view-run.ts';
import { cleanHistory } from './clean-history.ts';
import { compactHistory, filesToJoin } from './compact-history.ts';
import { forgetBases, makeBase, wantedBases } from './make-base.ts';

const HOUR_MS = 3_600_000;
interface Effort {
  /** Small files of a day that are worth a join. */
  readonly fewest: number;
  /** How many bases are made at most. */
  readonly bases: number;
}

/** A run is not to take much longer for it: what is left is done after the next ones. */
const IN_PASSING: Effort = { fewest: 4, bases: 1 };
export const WHOLE: Effort = { fewest: 2, bases: Infinity };

export interface Tended {
  readonly view: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly basesMade: number;
  readonly filesRemoved: number;
}

interface Tending extends Pick<Project, 'settings' | 'clock' | 'logger'> {
  readonly database: Pick<RegistryDatabase, 'trainedEntries'>;
}

/** A view whose lease is held, and its entity. */
interface HeldView {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly lease: RunLease;
}

/** Called when a run is complete. Warns of what fails. */
export async function tendAfterRun(project: Tending, held: HeldView): Promise<void> {
  const { view } = held;
  if (!hasHistory(view)) return;
  try {
    const nowMs = Math.floor(project.clock.nowUs() / 1_000);
    const lastMs = await tendedMs(project.settings.history, view);
    // A clock that was set back does not hold it up.
    if (lastMs !== null && lastMs <= nowMs && nowMs - lastMs < HOUR_MS) return;
    await tendHistory(project, held, IN_PASSING);
  } catch (error) {
    project.logger.warn(`${view.id}: its history was not tidied up: ${(error as Error).message}`);
  }
}

/** @throws as `compactHistory` */
export async function tendHistory(project: Tending, held: HeldView, effort: Effort): Promise<Tended> {
  const { view } = held;
  const root = project.settings.history;
  const nowMs = Math.floor(project.clock.nowUs() / 1_000);
  const history = await readHistory(root, view);
  const filesBefore = history?.state.files.size ?? 0;
  const needsWork =
    history !== null &&
    (filesToJoin(history, effort.fewest).length > 0 ||
      (await wantedBases({ root, ...held, history })).length > 0);
  const basesMade = needsWork ? await joinAndMake(project, held, { nowMs, ...effort }) : 0;
  const trained = (): Promise<readonly TrainedEntry[]> => project.database.trainedEntries(view.id);
  const filesRemoved = await cleanHistory(root, view, { nowMs, diskMs: Date.now() }, trained);
  const filesAfter = (await readHistory(root, view))?.state.files.size ?? 0;
  await historyFolder(root, view).write(TENDED, `${nowMs}\n`);
  return { view: view.id, filesBefore, filesAfter, basesMade, filesRemoved };
}

/** Says when the history was tidied up last, in milliseconds of the project's clock. */
const TENDED = '_tended';

/** @returns null where it never was, or nothing says when */
async function tendedMs(root: Folder, view: FeatureView): Promise<number | null> {
  const ms = Number.parseInt((await historyFolder(root, view).read(TENDED)) ?? '', 10);
  return Number.isNaN(ms) ? null : ms;
}

/** @returns how many bases were made */
async function joinAndMake(
  { settings, logger }: Tending,
  held: HeldView,
  { nowMs, fewest, bases }: Effort & { readonly nowMs: number },
): Promise<number> {
  const { history: root, work: folder } = settings;
  const tempFolder = spillFolder(folder, held.view, 'upkeep');
  const memoryLimit = `${settings.materialize.memory}B`;
  // One thread holds one row group at a time: the run before it has left little room.
  const duck = await DuckDb.open({
    tempFolder,
    memoryLimit,
    memorySetting: 'materialize.memory',
    scratchSetting: 'history',
    threads: 1,
    elsewhere: settings.elsewhere,
  });
  try {
    await compactHistory({ root, work: folder, ...held, duck, logger, nowMs, fewest });
    const work = { root, ...held, history: (await readHistory(root, held.view))! };
    const wanted = (await wantedBases(work)).slice(0, bases);
    for (const beforeUs of wanted) await makeBase(duck, work, beforeUs);
    await forgetBases(work);
    return wanted.length;
  } finally {
    duck.close();
    rmSync(tempFolder, { recursive: true, force: true });
  }
}
