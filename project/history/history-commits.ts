/** When a history was complete up to a time: its log tells, entry by entry, how far each commit brought it. */
import { entriesOf } from '../delta/delta-log.ts';
import type { Folder } from '../storage/folder.ts';
import type { HistoryCommit } from './history-snapshot.ts';

/**
 * Entries are never removed from the log of a history; it is read from its beginning up to the first that holds. Those
 * without rows are passed over: their time is none, since an entry has that of its newest row.
 *
 * @param folder  the history's, from `historyFolder`
 * @param holds   whether a commit is the one that is looked for
 * @returns       the created time of the rows of the first such commit, in microseconds; null: there is none
 * @throws        REG_STORE when an entry is damaged
 */
export async function firstCommitUs(
  folder: Folder,
  holds: (commit: HistoryCommit) => boolean,
): Promise<number | null> {
  for await (const actions of entriesOf(folder))
    for (const action of actions) {
      if (!('commitInfo' in action)) continue;
      const { timestamp, plumbline } = action.commitInfo;
      const commit = plumbline as HistoryCommit | undefined;
      // A compaction completes nothing.
      if (commit?.watermarkUs === undefined || commit.rows === 0) continue;
      if (holds(commit)) return timestamp * 1_000;
    }
  return null;
}
