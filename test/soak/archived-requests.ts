/** Holds what clients were answered against the archive: each answered request is there, whole, exactly once. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePath, quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { ArchivedSecond } from './seen.ts';
import type { Answer } from './soak-load.ts';
import { FEATURES, SERVICE, VIEWS } from './soak-project.ts';

export interface ArchivedRequests {
  /** Requests that were answered, and the vectors in these answers. */
  readonly answered: number;
  readonly vectors: number;
  /** Answered and not in the archive. */
  readonly lost: number;
  /** In the archive with fewer vectors than were asked for, or with one of them twice. */
  readonly notOnce: number;
  /** In the archive with another number of values UNAVAILABLE than the client got. */
  readonly differing: number;
  /** In the archive, and no client got an answer: their sidecar was killed, or the connection broke. */
  readonly unanswered: number;
  /** Rows of views that were UNAVAILABLE in the archive, in all. */
  readonly unavailableRows: number;
  /** Up to five ids of each that should not be. */
  readonly examples: readonly string[];
  readonly seconds: readonly ArchivedSecond[];
}

/**
 * @param served  the archive's folder; no ingest runs
 * @param file    keeps what became of each request
 */
export async function archivedRequests(
  served: string,
  answers: readonly Answer[],
  file: string,
): Promise<ArchivedRequests> {
  const ok = answers.filter(({ status }) => status === 200);
  writeFileSync(file, csvOf(answers));
  const duck = await DuckDb.open({ threads: 2 });
  try {
    await duck.run(`CREATE TABLE answered AS SELECT id, vectors, unavailable
      FROM read_csv(${quotePath(file)}, header = true, columns = {${COLUMNS.map(([name, type]) => `'${name}': '${type}'`).join(', ')}})
      WHERE status = 200`);
    const files = parquetFiles(served);
    const lacking = (status: string): string =>
      VIEWS.map((view) => `(_view__${view}.${status})::INT`).join(' + ');
    await duck.run(`CREATE TABLE vector AS SELECT _request_id AS id, _row AS row, _served_time AS served_at,
        ${lacking("status = 'UNAVAILABLE'")} AS unavailable, ${lacking("source = 'stale'")} AS stale
      FROM read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false)`);
    await duck.run(`CREATE TABLE archived AS SELECT id, count(*) AS vectors, count(DISTINCT row) AS rows,
        sum(unavailable) * ${FEATURES} AS unavailable FROM vector GROUP BY id`);
    const ids = async (sql: string): Promise<string[]> =>
      (await duck.rows(sql)).map(({ id }) => id as string);
    const lost = await ids('SELECT id FROM answered ANTI JOIN archived USING (id)');
    const notOnce = await ids(`SELECT a.id FROM answered a JOIN archived b USING (id)
      WHERE b.vectors <> a.vectors OR b.rows <> a.vectors`);
    const differing = await ids(`SELECT a.id FROM answered a JOIN archived b USING (id)
      WHERE a.vectors = b.vectors AND a.unavailable <> b.unavailable`);
    const unanswered = await ids('SELECT id FROM archived ANTI JOIN answered USING (id)');
    const seconds =
      await duck.rows(`SELECT epoch_us(served_at) // 1000000 AS second, sum(unavailable) AS unavailable,
      sum(stale) AS stale FROM vector GROUP BY 1 HAVING sum(unavailable) + sum(stale) > 0 ORDER BY 1`);
    const [{ n } = { n: 0n }] = await duck.rows('SELECT sum(unavailable) AS n FROM vector');
    return {
      answered: ok.length,
      vectors: ok.reduce((sum, { rows }) => sum + rows, 0),
      lost: lost.length,
      notOnce: notOnce.length,
      differing: differing.length,
      unanswered: unanswered.length,
      unavailableRows: Number(n),
      examples: [lost, notOnce, differing].flatMap((some) => some.slice(0, 5)),
      seconds: seconds.map(({ second, unavailable, stale }) => ({
        second: Number(second),
        unavailable: Number(unavailable),
        stale: Number(stale),
      })),
    };
  } finally {
    duck.close();
  }
}

/** What became of each request, also of those without an answer: for whoever looks for the reason. */
const COLUMNS = [
  ['id', 'VARCHAR'],
  ['pod', 'VARCHAR'],
  ['sent_ms', 'BIGINT'],
  ['end_ms', 'BIGINT'],
  ['vectors', 'BIGINT'],
  ['status', 'BIGINT'],
  ['error', 'VARCHAR'],
  ['unavailable', 'BIGINT'],
] as const;

function csvOf(answers: readonly Answer[]): string {
  const lines = answers.map(({ id, pod, sentMs, endMs, rows, status, error, unavailable }) =>
    [id, pod, sentMs, endMs, rows, status, error.replaceAll(/[,"\n]/g, ' '), unavailable].join(','),
  );
  return `${COLUMNS.map(([name]) => name).join(',')}\n${lines.join('\n')}\n`;
}

/** Those of hours that are over, and of the present one. */
function parquetFiles(served: string): string[] {
  const folders = [join(served, SERVICE), join(served, '_open', SERVICE)].filter((folder) =>
    existsSync(folder),
  );
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => join(folder, name)),
  );
}
