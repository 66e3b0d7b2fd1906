/**
 * The open rows of one role, in groups that are judged together: those of one entity that were served the same row in
 * the same way, and are replayed with the same rows of the history. They differ in times alone, and in the pod that
 * answered and where it had the row from. What must be looked at alone is a group of its own.
 *
 *   replay_keyed     vid | e, r, g: hashes of the entity, of the times of its replayed row, of all else that is shared
 *   replay_groups    place: from 0, the groups of one replayed row one after another | vid: of the first of its
 *                    vectors | vectors: how many | entity_n, row_n: from 0, in the order in which the log has them
 *   replay_members   place, vid | served_us, fetched_us, watermark_us, source | pod: its number | request, hash: of the
 *                    request's id, and of that and the row, for examples
 *   replay_pods      pod, n
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { VectorColumns } from '../tally/served-place.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';

export const GROUPS = 'replay_groups';
export const MEMBERS = 'replay_members';

interface SharedColumns {
  /** SQL of the ids of the role's entity, a list. */
  readonly entity: string;
  /** SQL of what vectors of a group have in common: from `v`, and from the items of `joins`. */
  readonly served: readonly string[];
  readonly replayed: readonly string[];
  /** What follows `FROM replay_open v JOIN replay_trained trained`; of `v` it has the `vid` alone. */
  readonly joins: string;
}

/** Lays the tables, once the open rows are replayed. @returns how many groups there are, and the names of the pods */
export async function layGroups(
  duck: DuckDb,
  { entity, served, replayed, joins }: SharedColumns,
): Promise<{ readonly groups: number; readonly pods: readonly string[] }> {
  // Hashed before they are joined, the rows are narrow.
  await duck.run(`CREATE OR REPLACE TEMP TABLE replay_keyed AS SELECT v.vid, v.e,
      hash(trained.asof_event_us, trained.asof_created_us) AS r, hash(v.given, ${replayed.join(', ')}) AS g
    FROM (SELECT v.vid, hash(${entity}) AS e, hash(${served.join(', ')}) AS given FROM ${OPEN_ROWS} v) v
    JOIN replay_trained trained ON trained.rid = v.vid ${joins};
  CREATE OR REPLACE TEMP TABLE ${GROUPS} AS
    SELECT row_number() OVER (ORDER BY row_first, vid) - 1 AS place, vid, vectors, e, r, g,
      dense_rank() OVER (ORDER BY entity_first) - 1 AS entity_n, dense_rank() OVER (ORDER BY row_first) - 1 AS row_n
    FROM (SELECT *, min(vid) OVER (PARTITION BY e) AS entity_first, min(vid) OVER (PARTITION BY e, r) AS row_first
      FROM (SELECT e, r, g, min(vid) AS vid, count(*) AS vectors FROM replay_keyed GROUP BY e, r, g));
  CREATE OR REPLACE TEMP TABLE replay_pods AS
    SELECT pod, row_number() OVER (ORDER BY pod) - 1 AS n FROM (SELECT DISTINCT pod FROM ${OPEN_ROWS});
  CREATE OR REPLACE TEMP TABLE ${MEMBERS} AS
    SELECT o.place, v.vid, v.served_us, v.fetched_us, v.watermark_us, v.source, p.n AS pod,
      hash(v.request_id) >> 11 AS request, hash(v.request_id, v.row_index) >> 11 AS hash
    FROM replay_keyed k JOIN ${GROUPS} o ON o.e = k.e AND o.r = k.r AND o.g = k.g
    JOIN ${OPEN_ROWS} v ON v.vid = k.vid JOIN replay_pods p ON p.pod = v.pod ORDER BY o.place, v.vid;
  DROP TABLE replay_keyed`);
  const [count] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${GROUPS}`);
  const pods = await duck.rows('SELECT pod FROM replay_pods ORDER BY n');
  return { groups: count!['n'] as number, pods: pods.map(({ pod }) => pod as string) };
}

/** @returns the vectors of the groups at the places from `from` to before `to`, group by group */
export async function membersOf(
  duck: DuckDb,
  from: number,
  to: number,
): Promise<Omit<VectorColumns, 'pods'>> {
  const whole = (column: string): string => `${column}::DOUBLE`;
  const orNaN = (column: string): string => `coalesce(${column}::DOUBLE, 'nan'::DOUBLE)`;
  const [vid, servedUs, fetchedUs, watermarkUs, source, pod, request, hash] = await duck.doubles(
    `SELECT ${whole('vid')}, ${whole('served_us')}, ${orNaN('fetched_us')}, ${orNaN('watermark_us')},
       ${whole('source')}, ${whole('pod')}, ${whole('request')}, ${whole('hash')}
     FROM ${MEMBERS} WHERE place >= ${from} AND place < ${to} ORDER BY place, vid`,
  );
  return {
    vid: vid!,
    servedUs: servedUs!,
    fetchedUs: fetchedUs!,
    watermarkUs: watermarkUs!,
    source: source!,
    pod: pod!,
    request: request!,
    hash: hash!,
  };
}
