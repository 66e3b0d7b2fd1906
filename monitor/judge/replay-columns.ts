/** Columns of the replay's tables that several files name. */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';

/** The column of a join key, in the vectors and in the history. */
export interface JoinColumns {
  readonly label: string;
  readonly row: string;
}

/** Column of a row of the history: the definition that it belongs to. No join key or feature can have this name. */
export const DEFINITION = quoteName('~definition');
