/**
 * Where a command finds histories, and at which of their entries it reads them.
 *
 * A command reads each history as it has first seen it, whatever is committed since: its answers belong together.
 */
import { countingIds } from '../../contract/definitions/definition-json.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { Folder } from '../storage/folder.ts';
import { historyFolder } from './history-folder.ts';
import { readHistory } from './history-snapshot.ts';
import type { HistoryMark, HistorySnapshot } from './history-snapshot.ts';

type Named = Pick<FeatureView, 'name' | 'version'>;

/** A project's settings say it. */
export interface HistoryPlace {
  /** The project's folder, which sources' paths are relative to. */
  readonly folder: string;
  /** Of the histories of aggregated views. */
  readonly history: Folder;
  /** What the command has seen so far; absent: each history is read as it is now. */
  readonly seen?: HistoriesSeen;
}

/** The histories as one command has first seen them. */
export class HistoriesSeen {
  readonly #snapshots = new Map<string, Promise<HistorySnapshot | null>>();

  /** @throws as `readHistory` */
  of(root: Folder, view: Named): Promise<HistorySnapshot | null> {
    const { path } = historyFolder(root, view);
    let seen = this.#snapshots.get(path);
    if (seen === undefined) this.#snapshots.set(path, (seen = readHistory(root, view)));
    return seen;
  }

  /** A run goes on with its own commit; a training set that is made again, with those of the first time. */
  set(root: Folder, view: Named, snapshot: HistorySnapshot | null): void {
    this.#snapshots.set(historyFolder(root, view).path, Promise.resolve(snapshot));
  }
}

/**
 * @returns the history of an aggregated view; null: nothing was computed yet
 * @throws  REG_STORE when its log is damaged, or the folder holds a history without one
 */
export async function seenHistory(
  { history, seen }: Pick<HistoryPlace, 'history' | 'seen'>,
  view: Named,
): Promise<HistorySnapshot | null> {
  return seen === undefined ? await readHistory(history, view) : await seen.of(history, view);
}

/**
 * @returns how far an aggregated view's history is complete by its row logic of today; null: nothing was computed by it
 * @throws  as `seenHistory`
 */
export async function completeHistory(
  place: Pick<HistoryPlace, 'history' | 'seen'>,
  view: FeatureView,
  entity: Entity,
): Promise<HistoryMark | null> {
  return (await seenHistory(place, view))?.mark(countingIds(view, entity.joinKeys)) ?? null;
}
