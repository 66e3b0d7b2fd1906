/** Which bundles and service versions answered a service's requests on a day, from the archive. */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Deploy } from '../verdict/snapshot.ts';

/** @param vectors  SELECT of the day's vectors. @returns in the order of their first vector */
export async function deploysOf(duck: DuckDb, vectors: string): Promise<Deploy[]> {
  const rows = await duck.rows(`SELECT bundle, service_version, CAST(min(served_us) AS DOUBLE) AS at_us,
      CAST(count(*) AS DOUBLE) AS vectors
    FROM (${vectors}) GROUP BY ALL ORDER BY at_us, bundle, service_version`);
  return rows.map((row) => ({
    at: formatTimestamp(row['at_us'] as number),
    bundle: row['bundle'] as string,
    serviceVersion: row['service_version'] as number,
    vectors: row['vectors'] as number,
  }));
}
