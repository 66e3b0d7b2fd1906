/**
 * The open rows of one role as a table for the judge: the columns of served-files.ts, with `vid` counted from 0 in the
 * order of the archive, and `origin`, the vid there.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { OPEN, SPLIT } from './row-split.ts';

export const OPEN_ROWS = 'replay_open';

/**
 * @param rows  SELECT of the role's rows
 * @returns     how many are open
 */
export async function layOpenRows(duck: DuckDb, rows: string): Promise<number> {
  // Only the ids are sorted for their numbers, not the rows.
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${OPEN_ROWS} AS
    SELECT o.vid, o.origin, r.* EXCLUDE (vid) FROM (${rows}) r JOIN
      (SELECT vid AS origin, row_number() OVER (ORDER BY vid) - 1 AS vid FROM ${SPLIT} WHERE agrees = ${OPEN}) o
      ON o.origin = r.vid`);
  const [count] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${OPEN_ROWS}`);
  return count!['n'] as number;
}
