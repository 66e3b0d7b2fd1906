/**
 * A process that commits to a history until it kills itself at a step that its starter names: between any two calls
 * that it makes on the disk. Prints each commit that it knows of.
 *
 *   node history-writer.ts ROOT NAME STEPS      the view is that of killed-history.ts; data files are copies of
 *   ROOT/row.parquet
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncFile } from '../../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import { commit } from '../../../project/delta/commit.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import { FOLDER_DISK, localFolder } from '../../../project/storage/local-folder.ts';
import type { FolderDisk } from '../../../project/storage/local-folder.ts';
import { historyEntry } from '../../../project/history/history-entry.ts';
import { dayFile, historyFolder } from '../../../project/history/history-folder.ts';
import { KILLED_DAY, KILLED_ENTITY, KILLED_VIEW, ROW_FACTS } from './killed-history.ts';

const [root, name, steps] = process.argv.slice(2) as [string, string, string];
let left = Number(steps);

/** Each call is a step, and there is one after it: what was called has then been done. */
function step(): void {
  left -= 1;
  if (left <= 0) process.kill(process.pid, 'SIGKILL');
}

const stepping = <Args extends unknown[]>(call: (...args: Args) => void) => {
  return (...args: Args): void => {
    step();
    call(...args);
  };
};
const disk: FolderDisk = {
  write: stepping(FOLDER_DISK.write),
  link: stepping(FOLDER_DISK.link),
  remove: stepping(FOLDER_DISK.remove),
  syncFolder: stepping(FOLDER_DISK.syncFolder),
};

const table = historyFolder(localFolder(root, disk), KILLED_VIEW);
for (let i = 0; ; i++) {
  const runId = `${name}-${i}`;
  const path = dayFile(KILLED_VIEW, KILLED_DAY, runId);
  makeFolder(join(table.path, path, '..'));
  step();
  copyFileSync(join(root, 'row.parquet'), join(table.path, path));
  step();
  syncFile(join(table.path, path));
  const seen = await readTable(table);
  const facts = { runId, watermarkUs: i, createdUs: 0, read: seen?.version ?? null, lease: null };
  const rows = { view: KILLED_VIEW, entity: KILLED_ENTITY, commit: facts, nowMs: 0 };
  const files = [{ path, ...ROW_FACTS }];
  const actions = async (now: typeof seen) => historyEntry(now, { ...rows, files });
  const state = await commit({ table, seen, actions });
  step();
  process.stdout.write(`${runId} ${state.version}\n`);
}
