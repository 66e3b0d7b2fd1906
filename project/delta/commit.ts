/**
 * How a writer comes to its entry: it says what it wants of the newest state, and does so again where another writer
 * was quicker. Each attempt is for the next number, so that nothing is overwritten and no number is left out.
 */
import type { DeltaAction } from './delta-action.ts';
import type { Folder } from '../storage/folder.ts';
import { readOn, readTable, writeEntry } from './delta-log.ts';
import { TableFold } from './table-state.ts';
import type { TableState } from './table-state.ts';

interface Commit {
  readonly table: Folder;
  /** As the writer last read it; null: there was no table. */
  readonly seen: TableState | null;
  /** What the entry says of the table as it is now; throws to write none. */
  readonly actions: (state: TableState | null) => Promise<readonly DeltaAction[]>;
}

/**
 * @returns the table with the entry
 * @throws  what `actions` throws, and as `writeEntry`
 */
export async function commit({ table, seen, actions }: Commit): Promise<TableState> {
  let state = seen;
  for (;;) {
    const own = await actions(state);
    const fold = new TableFold(state);
    if (await writeEntry(table, fold.next, own)) {
      fold.add(own);
      return fold.state()!;
    }
    state = state === null ? await readTable(table) : await readOn(table, state);
  }
}
