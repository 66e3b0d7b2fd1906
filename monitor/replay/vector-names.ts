/** Vectors as reports name them. */
import type { JoinKey } from '../../contract/model.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { shownKeySql } from '../judge/replayed-vector.ts';
import type { VectorName } from '../tally/example.ts';

/**
 * @param vectors  what follows FROM to read them, with the columns of served-files.ts
 * @param keys     the service's request keys
 * @returns        by vid
 */
export async function vectorNames(
  duck: DuckDb,
  vectors: string,
  keys: readonly JoinKey[],
  vids: readonly number[],
): Promise<Map<number, VectorName>> {
  if (vids.length === 0) return new Map();
  const columns = [
    'v.vid::DOUBLE AS vid, v.request_id, v.row_index, v.pod',
    ...keys.map((_, i) => `${shownKeySql(i)} AS key_${i}`),
  ];
  const rows = await duck.rows(
    `SELECT ${columns.join(', ')} FROM ${vectors} v WHERE v.vid IN (${vids.join(', ')})`,
  );
  const named = rows.map((row): [number, VectorName] => {
    const ids = keys.map(({ name }, i) => [name, row[`key_${i}`] as string | null]);
    const name = {
      requestId: row['request_id'] as string,
      row: row['row_index'] as number,
      pod: row['pod'] as string,
      entities: Object.fromEntries(ids) as VectorName['entities'],
    };
    return [row['vid'] as number, name];
  });
  return new Map(named);
}
