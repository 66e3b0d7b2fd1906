/**
 * The open rows of one role as a table for the judge: the columns of served-files.ts, with `vid` counted from 0 in the
 * order of the archive, and `origin`, the vid there. Of a feature that the log has no HMACs of it has no `h` column.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { Server } from '../day/servers.ts';
import { OPEN, SPLIT } from './row-split.ts';

export const OPEN_ROWS = 'replay_open';

/**
 * @param rows      SELECT of the role's rows
 * @param unhashed  places of the features of which the log has no HMACs
 * @param servers   those that answered the day's vectors
 * @returns         how many are open
 */
export async function layOpenRows(
  duck: DuckDb,
  rows: string,
  unhashed: readonly number[],
  servers: readonly Server[],
): Promise<number> {
  // A column of nulls takes as much as one of texts.
  const without = ['vid', ...unhashed.map((i) => `h${i}`)].join(', ');
  // A table in memory has each text anew: those of which there are few take a third of its rows.
  const few = (['bundle', 'pod', 'hmacKey'] as const).flatMap((of) => {
    const column = of === 'hmacKey' ? 'hmac_key' : of;
    const texts = [...new Set(servers.map((server) => server[of]))].map(quoteText);
    // A type takes constants alone, and a text with a NUL is none: a hostile pod's name.
    return texts.every(isConstant) ? [`${column}::ENUM(${texts.join(', ')}) AS ${column}`] : [];
  });
  const replaced = few.length === 0 ? '' : `REPLACE (${few.join(', ')})`;
  // Only the ids are sorted for their numbers, not the rows.
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${OPEN_ROWS} AS
    SELECT o.vid, o.origin, r.* EXCLUDE (${without}) ${replaced} FROM (${rows}) r JOIN
      (SELECT vid AS origin, row_number() OVER (ORDER BY vid) - 1 AS vid FROM ${SPLIT} WHERE agrees = ${OPEN}) o
      ON o.origin = r.vid`);
  const [count] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${OPEN_ROWS}`);
  return count!['n'] as number;
}

function isConstant(sql: string): boolean {
  return /^'(?:[^']|'')*'$/.test(sql);
}
