/**
 * Counts the traffic of a role's agreeing rows (row-split.ts) and the rows of the history that they agree with, for the
 * verdict. A value is present where the row has one; none of them differs.
 */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { ROW_SOURCES } from '../../contract/status.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import type { Server } from '../day/servers.ts';
import type { SliceBy } from '../verdict/snapshot.ts';
import { GROUPS } from '../groups/vector-groups.ts';
import { OPEN, SERVER, SPLIT } from './row-split.ts';
import { IN_FORCE } from './rows-in-force.ts';

export interface AgreeingTraffic {
  readonly slices: readonly { readonly by: SliceBy; readonly value: string; readonly values: number }[];
  readonly hours: readonly {
    readonly hour: number;
    readonly values: number;
    readonly dataAgeUs: number | null;
  }[];
  readonly minutes: readonly { readonly minute: number; readonly vectors: number }[];
}

export const NO_TRAFFIC: AgreeingTraffic = { slices: [], hours: [], minutes: [] };

/** How many agreeing rows there are of each server, minute, surface, source and kind of entity, with their values. */
export const TRAFFIC = 'replay_traffic';

/** @param server  the columns of SPLIT that tell which server answered @returns a SELECT of TRAFFIC */
export function trafficSql(server: readonly string[]): string {
  const groups = ['minute', ...server, 'surface', 'source', 'is_new'].join(', ');
  return `SELECT ${groups}, coalesce(sum(present), 0) AS n, count(*) AS vectors, max(age_us) AS age_us
    FROM ${SPLIT} WHERE agrees <> ${OPEN} GROUP BY ${groups}`;
}

export async function layTraffic(duck: DuckDb): Promise<void> {
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${TRAFFIC} AS ${trafficSql(['server'])}`);
}

/** @param servers  those that answered the day's vectors @returns what TRAFFIC tells, which is dropped */
export async function agreeingTraffic(duck: DuckDb, servers: readonly Server[]): Promise<AgreeingTraffic> {
  const hour = '(minute // 60) % 24';
  const kinds: readonly (readonly [SliceBy, string])[] = [
    ['hour', `lpad((${hour})::VARCHAR, 2, '0')`],
    ['pod', 'pod'],
    ['bundle', 'bundle'],
    ['serviceVersion', 'service_version::VARCHAR'],
    ['surface', 'surface::VARCHAR'],
    ['source', 'source::VARCHAR'],
    ['entityIsNew', `CASE WHEN is_new THEN 'new' ELSE 'known' END`],
  ];
  const slices = kinds.map(
    ([by, value]) =>
      `SELECT '${by}' AS kind, ${value} AS name, sum(n)::DOUBLE AS n FROM answered WHERE n > 0 GROUP BY ALL`,
  );
  const hours =
    await duck.rows(`SELECT (${hour})::DOUBLE AS hour, sum(n)::DOUBLE AS n, max(age_us)::DOUBLE AS age
    FROM ${TRAFFIC} GROUP BY 1`);
  const minutes = await duck.rows(`SELECT minute::DOUBLE AS minute, sum(vectors)::DOUBLE AS n
    FROM ${TRAFFIC} GROUP BY 1`);
  const named = await duck.rows(`WITH answered AS MATERIALIZED (SELECT * FROM ${TRAFFIC} JOIN
      (SELECT DISTINCT *, ${SERVER} AS server FROM (VALUES ${servers.map(serverSql).join(', ')}) p(pod, bundle, service_version))
      USING (server))
    SELECT * FROM (${slices.join(' UNION ALL ')}) ORDER BY kind, name`);
  await duck.run(`DROP TABLE ${TRAFFIC}`);
  return {
    slices: named.map((row) => {
      const by = row['kind'] as SliceBy;
      return { by, value: nameOf(by, row['name'] as string), values: row['n'] as number };
    }),
    hours: hours.map((row) => {
      return {
        hour: row['hour'] as number,
        values: row['n'] as number,
        dataAgeUs: row['age'] as number | null,
      };
    }),
    minutes: minutes.map((row) => ({ minute: row['minute'] as number, vectors: row['n'] as number })),
  };
}

function serverSql({ pod, bundle, serviceVersion }: Server): string {
  return `(${quoteText(pod)}, ${quoteText(bundle)}, ${serviceVersion})`;
}

/** Surfaces and sources are numbered as in the log. */
function nameOf(by: SliceBy, name: string): string {
  if (by === 'surface') return SURFACES[Number(name)] ?? name;
  return by === 'source' ? (ROW_SOURCES[Number(name)] ?? name) : name;
}

/** @returns a SELECT of the place of a group, and how many `vectors` agree with its replayed row */
export function agreedSql({ keys, isStored }: { keys: number; isStored: boolean }): string {
  const on = Array.from({ length: keys }, (_, i) => `h.k${i} = b.k${i}`);
  const definition = isStored ? 'h.definition = 0' : 'h.definition = b.definition';
  return `SELECT g.place, max(h.vectors) AS vectors FROM ${GROUPS} g JOIN replay_base b ON b.vid = g.vid
    JOIN replay_trained t ON t.rid = b.vid
    JOIN ${IN_FORCE} h ON ${[...on, definition].join(' AND ')} AND h.event_us = t.asof_event_us
      AND h.created_us IS NOT DISTINCT FROM t.asof_created_us GROUP BY g.place`;
}
