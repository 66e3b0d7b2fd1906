/**
 * The rows that services asked of one view over a day, as tables for the simulation:
 *
 *   whatif_entities   e | k0, k1, ... the keys
 *   whatif_asked      place: in the order of pod start, entity and time | origin: the pod start | e
 *                     role | vid | reading
 *                     served_us, fetched_us | watermark_us | is_down: the store failed then | is_counted
 *   whatif_readings   reading | definition | delay_us, ttl_us | hop_us | freshness_us | complete_us
 *
 * All services are in it, since those of a pod share its cache. Vectors without a reading, and those that were answered
 * UNAVAILABLE, are not counted; of the others the setting decides which are judged.
 */
import type { FeatureView, ServiceView } from '../../contract/model.ts';
import { ROW_SOURCES, UNAVAILABLE } from '../../contract/status.ts';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { RoleKeys } from '../replay/role-keys.ts';
import type { ServedFiles } from '../replay/served-files.ts';

export const ASKED = 'whatif_asked';
export const ENTITIES = 'whatif_entities';
export const READINGS = 'whatif_readings';

/** A view as one service takes it in one role. */
export interface AskingRole {
  readonly used: ServiceView;
  readonly keys: RoleKeys;
  readonly files: ServedFiles;
  /** By bundle the number of its reading; vectors of other bundles are not counted. */
  readonly readings: ReadonlyMap<string, number>;
}

/** How the vectors of a bundle are read. */
export interface Reading extends Pick<FeatureView, 'delayUs' | 'ttlUs' | 'hopUs' | 'freshnessUs'> {
  /** Number of the definition whose rows they are replayed over. */
  readonly definition: number;
  /** Time up to which an aggregated view's history is complete; null: nowhere. Of a stored view without meaning. */
  readonly completeUs: number | null;
}

/** When the day's rows were served and fetched, and how many there are. */
export interface AskedSpan {
  readonly rows: number;
  readonly fromUs: number;
  readonly toUs: number;
}

const SERVED = 'whatif_served';
const ORIGINS = 'whatif_origins';
/** Shares of entities are told apart to a millionth. */
const HASH_PARTS = 1_000_000;

interface AskedDay {
  readonly roles: readonly AskingRole[];
  readonly readings: readonly Reading[];
  /** How many join keys the entity has. */
  readonly keys: number;
  /** Of the entities, chosen by a hash of their keys; 1: all. */
  readonly share: number;
}

/**
 * @returns null: no vector of the day has a row of the view with all keys
 */
export async function layAskedRows(
  duck: DuckDb,
  { roles, readings, keys, share }: AskedDay,
): Promise<AskedSpan | null> {
  const selects = roles.flatMap((role, i) => servedSql(role, i) ?? []);
  if (selects.length === 0) return null;
  const k = Array.from({ length: keys }, (_, i) => `k${i}`);
  const there = k.map((key) => `${key} IS NOT NULL`);
  const chosen =
    share < 1 ? [`hash(${k.join(', ')}) % ${HASH_PARTS} < ${Math.round(share * HASH_PARTS)}`] : [];
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SERVED} AS ${selects.join(' UNION ALL ')};
    CREATE OR REPLACE TEMP TABLE ${ENTITIES} AS SELECT row_number() OVER () AS e, * FROM
      (SELECT DISTINCT ${k.join(', ')} FROM ${SERVED} WHERE ${[...there, ...chosen].join(' AND ')});
    CREATE OR REPLACE TEMP TABLE ${ORIGINS} AS SELECT row_number() OVER () AS origin, * FROM
      (SELECT DISTINCT pod, epoch FROM ${SERVED});
    CREATE OR REPLACE TEMP TABLE ${ASKED} AS
      SELECT row_number() OVER (ORDER BY origin, e, served_us, sequence, role, vid) - 1 AS place, origin, e, role, vid, reading,
        served_us, fetched_us, watermark_us, is_down, is_counted
      FROM ${SERVED} JOIN ${ENTITIES} USING (${k.join(', ')}) JOIN ${ORIGINS} USING (pod, epoch);
    DROP TABLE ${SERVED}; DROP TABLE ${ORIGINS}`);
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${READINGS} AS ${readings.map(readingSql).join(' UNION ALL ')}`,
  );
  const [span] =
    await duck.rows(`SELECT count(*)::DOUBLE AS n, min(least(served_us, fetched_us))::DOUBLE AS first,
    max(served_us)::DOUBLE AS last FROM ${ASKED}`);
  const { n, first, last } = span as { n: number; first: number | null; last: number | null };
  return n === 0 ? null : { rows: n, fromUs: first!, toUs: last! };
}

/** @returns null: no vector of the day has a row of the role */
function servedSql({ used, keys, files, readings }: AskingRole, role: number): string | null {
  const rows = files.rowsOf(used.role, []);
  if (rows === null) return null;
  const named = keys.keys.map((column, i) => `${column} AS k${i}`);
  const cases = [...readings].map(([bundle, reading]) => `WHEN ${quoteText(bundle)} THEN ${reading}`);
  const reading = cases.length === 0 ? 'NULL' : `CASE bundle ${cases.join(' ')} END`;
  return `SELECT ${role}::INTEGER AS role, (${reading})::INTEGER AS reading, vid, pod, epoch, sequence, ${named.join(', ')},
      served_us, coalesce(fetched_us, served_us) AS fetched_us, watermark_us,
      status = ${UNAVAILABLE} OR source = ${ROW_SOURCES.indexOf('stale')} AS is_down,
      status <> ${UNAVAILABLE} AND (${reading}) IS NOT NULL AS is_counted
    FROM (${keys.withKeys(rows)})`;
}

function readingSql(reading: Reading, i: number): string {
  const { definition, delayUs, ttlUs, hopUs, freshnessUs, completeUs } = reading;
  const us = (value: number | null, as: string): string => `${value ?? 'NULL'}::BIGINT AS ${as}`;
  return `SELECT ${i}::INTEGER AS reading, ${definition}::INTEGER AS definition, ${us(delayUs, 'delay_us')}, ${us(ttlUs, 'ttl_us')},
    ${us(hopUs, 'hop_us')}, ${us(freshnessUs, 'freshness_us')}, ${us(completeUs, 'complete_us')}`;
}

/** @returns by role how many of its vectors have no reading, if any has; all: none has one */
export async function unreadVectors(duck: DuckDb): Promise<Map<number, number | 'all'>> {
  const rows =
    await duck.rows(`SELECT role, count(*) FILTER (reading IS NULL)::DOUBLE AS unread, count(*)::DOUBLE AS n
    FROM ${ASKED} GROUP BY role`);
  return new Map(
    rows.map(({ role, unread, n }) => [role as number, unread === n ? 'all' : (unread as number)]),
  );
}
