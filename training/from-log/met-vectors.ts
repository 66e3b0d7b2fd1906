/**
 * Which vector each label gets: the last one of its request, or of its entity, that was answered up to its time.
 *
 *   labels' keys -> vectors of these keys: two narrow columns of the archive -> ASOF join -> MET: rid, served_us, vid
 *
 * Vectors that were answered in the same microsecond are told apart by pod, start, number and row, so that the answer
 * does not depend on the archive's files.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { LABEL_KEYS } from '../labels/training-labels.ts';
import type { ServedFolder } from './served-folder.ts';

/** Table with the labels that have keys and a time: rid, t, k0, k1, ... */
export const SOUGHT = 'sought_labels';
/** Table with a row for each label that has a vector: rid, served_us, vid. */
export const MET = 'met_vectors';

/** What says whose a label is, and what says it in the archive; both of one type. */
export interface MetKey {
  /** SQL over LABEL_KEYS. */
  readonly label: string;
  /** SQL over the archive. */
  readonly served: string;
}

export interface MetCounts {
  /** Labels with keys and a time. */
  readonly asked: number;
  /** Labels that have a vector. */
  readonly labels: number;
  /** Vectors of the same keys as a label that has one, and that it did not take. */
  readonly others: number;
  /** Labels without a vector whose keys were answered after their time alone. */
  readonly tooEarly: number;
  /** When the earliest vector that a label has was answered; null: no label has one. */
  readonly firstUs: number | null;
}

/**
 * Makes SOUGHT and MET.
 *
 * @param withinUs  how long before its label a vector was answered at the earliest; null: however long
 * @throws          TRAIN_LOG when a file of the archive is damaged
 */
export async function meetVectors(
  duck: DuckDb,
  folders: readonly ServedFolder[],
  keys: readonly MetKey[],
  withinUs: number | null,
): Promise<MetCounts> {
  const names = keys.map((_, i) => `k${i}`);
  const list = names.join(', ');
  const given = keys.map(({ label }) => `${label} IS NOT NULL`).join(' AND ');
  // DuckDB 1.5 lets an ASOF join match rows whose time is NULL.
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SOUGHT} AS
    SELECT rid, t, ${keys.map(({ label }, i) => `${label} AS k${i}`).join(', ')}
    FROM ${LABEL_KEYS} WHERE t IS NOT NULL AND ${given}`);
  await duck.run(`CREATE OR REPLACE TEMP TABLE log_served AS
    SELECT ${keys.map(({ label }, i) => `${label} AS k${i}`).join(', ')}, 0::BIGINT AS served_us, 0::BIGINT AS vid
    FROM ${LABEL_KEYS} LIMIT 0`);
  const columns = [
    'epoch_us(_served_time) AS served_us',
    ...keys.map(({ served }, i) => `${served} AS k${i}`),
  ];
  for (const folder of folders) {
    await folder.reading(duck, () =>
      duck.run(`INSERT INTO log_served SELECT ${list}, served_us, vid FROM (${folder.select(columns)})
        SEMI JOIN ${SOUGHT} USING (${list})`),
    );
  }
  const soon = withinUs === null ? '' : `WHERE v.served_us >= l.t - ${withinUs}`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${MET} AS
    SELECT l.rid, ${names.map((name) => `l.${name}`).join(', ')}, v.served_us, v.vid
    FROM ${SOUGHT} l ASOF JOIN log_served v
    ON ${names.map((name) => `l.${name} = v.${name}`).join(' AND ')} AND l.t >= v.served_us ${soon}`);
  await settleTies(duck, folders, names);
  const counts = await countsOf(duck, names);
  await duck.run(`ALTER TABLE ${MET} DROP COLUMN ${names.join(`; ALTER TABLE ${MET} DROP COLUMN `)};
    DROP TABLE log_served`);
  return counts;
}

/** An ASOF join takes any of the vectors of one key and time. */
async function settleTies(
  duck: DuckDb,
  folders: readonly ServedFolder[],
  names: readonly string[],
): Promise<void> {
  const group = [...names, 'served_us'].join(', ');
  await duck.run(`CREATE OR REPLACE TEMP TABLE log_tied AS SELECT ${group}, vid FROM log_served SEMI JOIN
    (SELECT ${group} FROM log_served SEMI JOIN ${MET} USING (${group}) GROUP BY ALL HAVING count(*) > 1)
    USING (${group})`);
  const [tied] = await duck.rows('SELECT count(*) AS n FROM log_tied');
  if (tied!['n'] !== 0n) {
    const places = folders.map((folder) => folder.select(['_pod', '_epoch', '_sequence', '_row']));
    await duck.run(`CREATE OR REPLACE TEMP TABLE log_last AS SELECT ${group}, vid FROM log_tied
      JOIN (${places.join(' UNION ALL ')}) USING (vid)
      QUALIFY row_number() OVER (PARTITION BY ${group}
        ORDER BY _pod DESC, _epoch DESC, _sequence DESC, _row DESC) = 1;
      UPDATE ${MET} m SET vid = l.vid FROM log_last l
      WHERE ${[...names, 'served_us'].map((name) => `m.${name} = l.${name}`).join(' AND ')};
      DROP TABLE log_last`);
  }
  await duck.run('DROP TABLE log_tied');
}

async function countsOf(duck: DuckDb, names: readonly string[]): Promise<MetCounts> {
  const list = names.join(', ');
  const [row] = await duck.rows(`SELECT
    (SELECT count(*) FROM ${SOUGHT})::DOUBLE AS asked,
    (SELECT count(*) FROM ${MET})::DOUBLE AS labels,
    (SELECT min(served_us) FROM ${MET})::DOUBLE AS first,
    (SELECT coalesce(sum(n - 1), 0) FROM ${MET} JOIN
      (SELECT ${list}, count(*) AS n FROM log_served GROUP BY ALL HAVING count(*) > 1) USING (${list}))::DOUBLE AS others,
    (SELECT count(*) FROM (SELECT * FROM ${SOUGHT} ANTI JOIN ${MET} USING (rid)) l
      SEMI JOIN (SELECT ${list}, max(served_us) AS last FROM log_served GROUP BY ${list}) v
      ON ${names.map((name) => `v.${name} = l.${name}`).join(' AND ')} AND v.last > l.t)::DOUBLE AS early`);
  return {
    asked: row!['asked'] as number,
    labels: row!['labels'] as number,
    others: row!['others'] as number,
    tooEarly: row!['early'] as number,
    firstUs: row!['first'] as number | null,
  };
}
