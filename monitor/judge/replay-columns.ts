/** Columns of the replay's tables that several files name. */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';

/** The column of a join key, in the vectors and in the history. */
export interface JoinColumns {
  readonly label: string;
  readonly row: string;
}

/** Column of a row of the history: the definition that it belongs to. No join key or feature can have this name. */
export const DEFINITION = quoteName('~definition');

/** The place of a row in the table of the replay's history, as the joins tell it. */
export const HISTORY_ROW = '~row';
