/**
 * How a writer comes to its entry: it says what it wants of the newest state, and does so again where another writer
 * was quicker. Each attempt is for the next number, so that nothing is overwritten and no number is left out.
 */
import type { DeltaAction } from './delta-action.ts';
import type { EntryDisk } from './delta-log.ts';
import { ENTRY_DISK, readOn, readTable, writeEntry } from './delta-log.ts';
import { TableFold } from './table-state.ts';
import type { TableState } from './table-state.ts';

interface Commit {
  /** The table's folder. */
  readonly table: string;
  /** As the writer last read it; null: there was no table. */
  readonly seen: TableState | null;
  /** What the entry says of the table as it is now; throws to write none. */
  readonly actions: (state: TableState | null) => Promise<readonly DeltaAction[]>;
}

/**
 * @returns the table with the entry
 * @throws  what `actions` throws, and the file system's error: then the entry is not there
 */
export async function commit(
  { table, seen, actions }: Commit,
  disk: EntryDisk = ENTRY_DISK,
): Promise<TableState> {
  let state = seen;
  for (;;) {
    const own = await actions(state);
    const fold = new TableFold(state);
    if (writeEntry(table, fold.next, own, disk)) {
      fold.add(own);
      return fold.state()!;
    }
    state = state === null ? readTable(table) : readOn(table, state);
  }
}
