/**
 * Which bases of a view are listed, so that readers find them. A file that leaves the list stays for a day, since a
 * reader may just have found it there (clean-history.ts removes it then).
 */
import { rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { FeatureView } from '../../contract/model.ts';
import { baseFolder, baseLists, listedIn, ownList, writeBases } from '../../project/history/history-base.ts';
import type { HistoryBase } from '../../project/history/history-base.ts';

/** Traffic of a definition that is replaced is replayed for days after it. */
const FORMER_KEPT_MS = 30 * 86_400_000;

export function listBases(root: string, view: FeatureView, bases: readonly HistoryBase[]): void {
  const names = new Set(bases.map(({ name }) => name));
  const gone = listedIn(ownList(root, view)).filter((name) => !names.has(name));
  writeBases(root, view, bases);
  stayADay(root, view, gone);
}

/** Forgets the lists of definitions that are not the view's any more and have had no new base for long. */
export function forgetFormer(root: string, view: FeatureView, diskMs: number): void {
  const own = ownList(root, view);
  for (const list of baseLists(root, view)) {
    if (list === own || statSync(list).mtimeMs >= diskMs - FORMER_KEPT_MS) continue;
    const gone = listedIn(list);
    rmSync(list);
    stayADay(root, view, gone);
  }
}

/** The day after which an unlisted file is removed begins now. */
function stayADay(root: string, view: FeatureView, names: readonly string[]): void {
  const now = new Date();
  for (const name of names) {
    const file = join(baseFolder(root, view), name);
    if (statSync(file, { throwIfNoEntry: false }) !== undefined) utimesSync(file, now, now);
  }
}
