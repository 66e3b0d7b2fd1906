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
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${OPEN_ROWS} AS
    SELECT row_number() OVER (ORDER BY vid) - 1 AS vid, vid AS origin, * EXCLUDE (vid)
    FROM (${rows}) SEMI JOIN (SELECT vid FROM ${SPLIT} WHERE agrees = ${OPEN}) USING (vid)`);
  const [count] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${OPEN_ROWS}`);
  return count!['n'] as number;
}
